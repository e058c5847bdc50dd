"""A request's POST over HTTP, against the same rows inserted by plain asyncpg in one transaction."""

import secrets
import ssl
import statistics
import time
from typing import Any

import asyncpg
import httpx
from devkit.environment import environment, secrets_folder
from devkit.parts import access_token
from devkit.state import read_json

from bench.comparing import Comparison
from catalog.settings import Environment, database

ACCOUNT = "it.ubc"
ROUNDS, WARM_UP = 60, 10
TABLES = {"requests": "id = $1", "audit_entries": "subject_kind = 'request' AND subject_id = $1::uuid::text"}
SCOPE = "SELECT set_config('catalog.operator', 'on', true)"
ACCEPTED = 202


async def compare_submitting() -> Comparison:
    """Ask for a wiki again and again, and take each request back; insert copies of its rows between."""
    variables = environment("server")
    trust = ssl.create_default_context(cafile=variables["CATALOG_CA_FILE"])
    token = access_token(ACCOUNT, password_of(ACCOUNT))
    connection = await asyncpg.connect(database(Environment(variables)).url)
    headers = {"Authorization": f"Bearer {token}"}
    timings: tuple[list[float], list[float]] = ([], [])
    async with httpx.AsyncClient(base_url=variables["CATALOG_URL"], verify=trust, headers=headers) as client:
        for number in range(WARM_UP + ROUNDS):
            spent, request = await _post(client)
            plain = await _insert(connection, request["id"])
            await client.post(f"/v1/requests/{request['id']}/withdraw", headers={"If-Match": '"1"'})
            if number >= WARM_UP:
                timings[0].append(spent)
                timings[1].append(plain)
    await connection.close()
    return Comparison(
        "a request’s POST, against the same rows by plain asyncpg",
        statistics.median(timings[0]) * 1e6,
        statistics.median(timings[1]) * 1e6,
    )


async def _post(client: httpx.AsyncClient) -> tuple[float, dict[str, Any]]:
    body = {
        "tool": "dokuwiki",
        "plan": "small",
        "name": f"measured-{secrets.token_hex(4)}",
        "purpose": "A measurement.",
        "parameters": {"title": "Measured"},
    }
    began = time.perf_counter()
    answer = await client.post("/v1/requests", json=body)
    spent = time.perf_counter() - began
    if answer.status_code != ACCEPTED:
        raise RuntimeError(answer.text)
    return spent, answer.json()


async def _insert(connection: asyncpg.Connection, request_id: str) -> float:
    """Insert the rows that the request made once more under other ids, then roll back; gives the seconds it took."""
    copies = []
    async with connection.transaction():
        await connection.execute(SCOPE)
        for table, condition in TABLES.items():
            row = dict(await connection.fetchrow(f"SELECT * FROM {table} WHERE {condition}", request_id))  # noqa: S608 - names of our own
            row["id"] = secrets.token_hex(16)
            if table == "requests":
                row["instance_id"] = secrets.token_hex(16)
            places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
            copies.append((f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values())))  # noqa: S608 - the same
    transaction = connection.transaction()
    began = time.perf_counter()
    await transaction.start()
    await connection.execute(SCOPE)
    for statement, values in copies:
        await connection.execute(statement, *values)
    spent = time.perf_counter() - began
    await transaction.rollback()
    return spent


def password_of(account: str) -> str:
    """Give a demo account's password."""
    passwords: dict[str, str] = read_json(secrets_folder() / "demo-passwords.json")
    return passwords[account]
