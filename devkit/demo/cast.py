"""Who and what the demonstration is played with: members, sites, hosts and made-up people."""

import asyncio
import json
import os
import secrets
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.commands import app
from catalog.admin.session import in_transaction
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.people import ensure_person
from catalog.identity.keycloak.realm_clients import PEOPLE
from catalog.identity.keycloak.specs import PersonSpec
from catalog.members.service import members
from catalog.settings import Environment, admin_settings

HERE = Path(__file__).parent
ATTESTED_FROM, ATTESTED_UNTIL = "2026-01-01", "2030-12-31"


def read(name: str) -> list[dict[str, Any]]:
    """Read one of the lists beside this file."""
    entries: list[dict[str, Any]] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return entries


def operators_command(*arguments: str) -> None:
    """Do what `catalog …` does on the command line, in this process."""
    app(list(arguments), standalone_mode=False)


def write_down_sites() -> None:
    """Add the sites and their attestations."""
    for site in read("sites"):
        operators_command(
            *("site", "add", site["slug"], "--name-en", site["name_en"], "--name-fr", site["name_fr"]),
            *("--city", site["city"], "--province", site["province"], "--operator", site["operator"]),
            *("--attested-by", "Demonstration", "--evidence", "none: this is a demonstration"),
            *("--from", ATTESTED_FROM, "--until", ATTESTED_UNTIL),
        )


def write_down_members() -> None:
    """Add the institutions; each new one starts the run that makes its sign-on."""
    for member in read("members"):
        domains = [part for domain in member["domains"] for part in ("--domain", domain)]
        operators_command(
            *("member", "add", "--ror", member["ror"], "--alias", member["alias"]),
            *("--name-en", member["name_en"], "--name-fr", member["name_fr"], "--province", member["province"]),
            *domains,
        )


def organization_ids() -> dict[str, str | None]:
    """Give each member's Keycloak Organization by the member's alias; none where its run is not done yet."""

    async def work(session: AsyncSession) -> dict[str, str | None]:
        return {member.alias: member.organization_id for member in await members(session)}

    return in_transaction(admin_settings(), work)


def passwords(file: Path) -> dict[str, str]:
    """Give the demo accounts' passwords, made at first use and kept in `file` (0600)."""
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    missing = [person["username"] for person in read("people") if person["username"] not in known]
    if missing:
        known |= {username: secrets.token_urlsafe(15) for username in missing}
        unfinished = file.with_suffix(".unfinished")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
            json.dump(known, written, indent=2)
        unfinished.replace(file)
    return known


def make_people(usernames: list[str], known: dict[str, str], organizations: dict[str, str | None]) -> dict[str, str]:
    """Make these demo accounts in Keycloak, and give them their roles towards the API; gives subjects by user name."""
    people = {person["username"]: person for person in read("people") if person["username"] in usernames}
    specs = {name: _spec(person, known[name], organizations) for name, person in people.items()}
    subjects = asyncio.run(_accounts(specs))
    for username, subject in subjects.items():
        _grant(people[username], subject)
    return subjects


async def _accounts(specs: dict[str, PersonSpec]) -> dict[str, str]:
    environment = Environment()
    folder = Path(environment.text("CATALOG_KEYCLOAK_SECRETS_DIR"))
    async with KeycloakConnection(
        environment.text("CATALOG_KEYCLOAK_URL"),
        environment.text("CATALOG_KEYCLOAK_REALM"),
        PEOPLE,
        (folder / PEOPLE).read_text(encoding="utf-8").strip(),
        environment.optional_file("CATALOG_CA_FILE"),
    ) as connection:
        return {username: await ensure_person(connection, spec) for username, spec in specs.items()}


def _spec(person: dict[str, Any], password: str, organizations: dict[str, str | None]) -> PersonSpec:
    organization = organizations.get(person["member"]) if person["member"] else None
    return PersonSpec(
        username=person["username"],
        email=person["email"],
        given_name=person["given_name"],
        family_name=person["family_name"],
        locale=person["locale"],
        password=password,
        organization_ids=() if organization is None else (organization,),
    )


def _grant(person: dict[str, Any], subject: str) -> None:
    if person["role"] is None:
        return
    name = f"{person['given_name']} {person['family_name']}"
    where = ("--member", person["member"]) if person["member"] else ()
    operators_command(
        *("person", "grant", person["role"], "--subject", subject),
        *("--name", name, "--email", person["email"], *where),
    )


def add_host(state: Path, site: dict[str, Any]) -> None:
    """Add the site's host, whose key is known since the dev kit made it."""
    address = (state / "hosts" / site["host"] / "address").read_text(encoding="utf-8").strip()
    operators_command(
        *("host", "add", site["host"], "--site", site["slug"], "--address", address),
        *("--known-hosts", str(state / "known_hosts")),
    )
