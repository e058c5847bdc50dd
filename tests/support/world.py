"""A made-up co-op: members, people, sites, hosts and tools, written down by the product's own services."""

import datetime as dt
import itertools
import shutil
from pathlib import Path
from uuid import UUID

from tests.support.people import Someone

from catalog.members.people import PersonSpec, ensure_person, grant_role, person_by_subject, revoke_role
from catalog.members.ror import ALPHABET
from catalog.members.service import MemberSpec, add_member
from catalog.members.tables import Member
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.sites.service import SiteSpec, add_site, site_by_slug
from catalog.sites.tables import Host, Site
from catalog.tools.bundles import read_bundle
from catalog.tools.publishing import Published, publish, withdraw

ACTOR = "command"
PLAYBOOKS = Path(__file__).parents[1] / "tools" / "bundle" / "playbooks"
PROVINCE_CITIES = {"BC": "Vancouver", "QC": "Québec", "NS": "Halifax", "ON": "Toronto", "AB": "Calgary"}


class World:
    """Writes made-up things down with an operator's sight; each call gives what it wrote."""

    def __init__(self, database: Database, issuer: str) -> None:
        self.database = database
        self.issuer = issuer
        self._numbers = itertools.count(1)

    async def member(self, alias: str, *, province: str = "BC", domains: tuple[str, ...] | None = None) -> Member:
        """Add an institution; its e-mail domain is `<alias>.example` unless said otherwise."""
        spec = MemberSpec(
            ror=made_up_ror(next(self._numbers)),
            alias=alias,
            name_en=f"{alias.title()} College",
            name_fr=f"Collège {alias.title()}",
            province=province,
            domains=domains or (f"{alias}.example",),
            help_desk=f"help@{alias}.example",
        )
        async with self.database.begin(OPERATOR) as session:
            return (await add_member(session, spec, actor=ACTOR))[0]

    async def person(self, name: str, *roles: str, member: Member | None = None, email: str | None = None) -> Someone:
        """Write a person down with roles, at `member` or (without it) co-op-wide."""
        subject = f"{name.lower().replace(' ', '-')}-{next(self._numbers)}"
        address = email or f"{subject}@{member.alias if member else 'coop'}.example"
        spec = PersonSpec(issuer=self.issuer, subject=subject, name=name, email=address)
        async with self.database.begin(OPERATOR) as session:
            person = await ensure_person(session, spec)
            for role in roles:
                await grant_role(session, person, role, member, actor=ACTOR)
        return Someone(subject=subject, name=name, email=address, id=person.id)

    async def grant(self, someone: Someone, role: str, member: Member | None = None) -> None:
        """Give a known person another role."""
        spec = PersonSpec(issuer=self.issuer, subject=someone.subject, name=someone.name, email=someone.email)
        async with self.database.begin(OPERATOR) as session:
            await grant_role(session, await ensure_person(session, spec), role, member, actor=ACTOR)

    async def revoke(self, someone: Someone, role: str, member: Member | None = None) -> None:
        """Take a role back."""
        async with self.database.begin(OPERATOR) as session:
            person = await person_by_subject(session, self.issuer, someone.subject)
            await revoke_role(session, person, role, member, actor=ACTOR)

    async def site(self, slug: str = "vancouver", *, province: str = "BC", attested_days: int = 365) -> Site:
        """Add a data centre whose attestation holds for so many days from today."""
        today = now().date()
        spec = SiteSpec(
            slug=slug,
            name_en=f"{slug.title()} data centre",
            name_fr=f"Centre de données {slug.title()}",
            city=PROVINCE_CITIES[province],
            province=province,
            operator="Made-up Hosting Co-operative",
            attested_by="Made-up Auditor",
            evidence="https://evidence.example/1",
            attested_from=today - dt.timedelta(days=30),
            attested_until=today + dt.timedelta(days=attested_days),
        )
        async with self.database.begin(OPERATOR) as session:
            return (await add_site(session, spec, actor=ACTOR, today=today))[0]

    async def host(  # noqa: PLR0913 - the parts of one host
        self,
        site: str = "vancouver",
        *,
        name: str | None = None,
        memory_mb: int = 4096,
        disk_mb: int = 40_960,
        cpu_percent: int = 400,
        state: str = "active",
        address: str | None = None,
        ssh_host_key: str = "ssh-ed25519 AAAA-made-up",
    ) -> Host:
        """Add a host at a site."""
        number = next(self._numbers)
        async with self.database.begin(OPERATOR) as session:
            host = Host(
                site_id=(await site_by_slug(session, site)).id,
                name=name or f"{site}-{number}",
                address=address or f"192.0.2.{number}",
                ssh_port=22,
                ssh_host_key=ssh_host_key,
                release="bookworm",
                state=state,
                memory_mb=memory_mb,
                disk_mb=disk_mb,
                cpu_percent=cpu_percent,
            )
            session.add(host)
            await session.flush()
        return host

    async def tool(self, slug: str = "notes", *, playbooks: Path = PLAYBOOKS) -> Published:
        """Publish a bundle."""
        bundle = read_bundle(playbooks, slug)
        async with self.database.begin(OPERATOR) as session:
            return await publish(session, bundle, published_by=ACTOR)

    async def withdraw(self, slug: str, number: int, successor: int | None = None) -> None:
        """Withdraw a revision."""
        async with self.database.begin(OPERATOR) as session:
            await withdraw(session, slug, number, successor, withdrawn_by=ACTOR)


def mended_playbooks(folder: Path, **replacements: tuple[str, str]) -> Path:
    """Copy the example's playbooks into `folder` with texts of the tool's files replaced.

    A keyword names a file with `_` for `.`: `tool_yaml=("Shared", "Common")`.
    """
    made = folder / "playbooks"
    shutil.copytree(PLAYBOOKS, made, dirs_exist_ok=True)
    for name, (old, new) in replacements.items():
        path = made / "tools" / "notes" / ".".join(name.split("_"))
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{name} holds no {old!r}.")
        path.write_text(text.replace(old, new), encoding="utf-8")
    return made


def made_up_ror(number: int) -> str:
    """Make the `number`-th id that has the form of a ROR id, check digits included."""
    body = "0" + "".join(ALPHABET[number >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))
    value = 0
    for character in body:
        value = value * len(ALPHABET) + ALPHABET.index(character)
    return f"{body}{98 - value * 100 % 97:02}"


def person_id(someone: Someone) -> UUID:
    """Give the id of somebody who is known."""
    if someone.id is None:
        raise LookupError(someone.name)
    return someone.id
