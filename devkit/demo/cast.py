"""Who and what the demonstration is played with: members, sites, hosts and made-up people."""

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable
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
from devkit.running import Failed
from devkit.state import state_folder

HERE = Path(__file__).parent
SIGN_ON_SECONDS = 120
ATTESTED_FROM, ATTESTED_UNTIL = "2026-01-01", "2030-12-31"


def read(name: str) -> list[dict[str, Any]]:
    """Read one of the lists beside this file."""
    entries: list[dict[str, Any]] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return entries


def set_up(known: dict[str, str]) -> list[tuple[str, Callable[[], object]]]:
    """Give all that has to be there before the first request, as titles with what to do; each can be repeated."""
    everybody = [person["username"] for person in read("people")]
    return [
        ("Publishing the tools from playbooks/tools", lambda: operators_command("tools", "publish", "--all")),
        ("Publishing what runs do on the hosts themselves", lambda: operators_command("host", "publish")),
        ("Writing down two sites with their attestations", write_down_sites),
        ("Looking at their hosts over SSH, and adding them", add_hosts),
        ("Writing down seven members by their ROR ids; runs make their sign-on in Keycloak", write_down_members),
        ("Waiting for those runs", sign_ons),
        (
            "Making demo accounts in Keycloak, with their roles towards the API",
            lambda: make_people(everybody, known, organization_ids()),
        ),
    ]


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


def add_hosts() -> None:
    """Add each site's host, whose key is known since the dev kit made it."""
    for site in read("sites"):
        address = (state_folder() / "hosts" / site["host"] / "address").read_text(encoding="utf-8").strip()
        operators_command(
            *("host", "add", site["host"], "--site", site["slug"], "--address", address),
            *("--known-hosts", str(state_folder() / "known_hosts")),
        )


def sign_ons() -> None:
    """Wait until every member has its Organization. Raises `Failed` where one has none in time."""
    deadline = time.monotonic() + SIGN_ON_SECONDS
    while None in (organizations := organization_ids()).values():
        if time.monotonic() > deadline:
            waiting = ", ".join(alias for alias, identifier in organizations.items() if identifier is None)
            raise Failed(f"The sign-on of {waiting} was not made in {SIGN_ON_SECONDS} s: see ./dev logs worker.")
        time.sleep(0.5)
