"""Secrets that were marked are looked for wherever a run may have left them: disks, journal, logs, database."""

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from devkit.hosts.records import hosts_folder
from devkit.state import state_folder
from tests.runs.scene import Scene

from catalog.instances.secrets import keep_secret
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs.ansible.workspace import MEMORY

# With a part of its own for each session: what an earlier one left is not searched for.
MARKED = f'Mark3d"s3cret\\é & %/value+{secrets.token_hex(4)}'
LARGEST_FILE = 200_000_000
# Data of other programs that no run writes to, and what only root can read anyway.
NOT_THE_WORKERS = ("postgres", "venv", "hosts", "keycloak", "secrets", "browser")


def encodings(secret: str) -> dict[str, bytes]:
    """Give the forms in which it might lie about."""
    raw = secret.encode()
    return {
        "plain": raw,
        "base64": base64.b64encode(raw).rstrip(b"="),
        "url": quote(secret, safe="").encode(),
        "url with slashes": quote(secret).encode(),
        "form": quote_plus(secret).encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "json with accents": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "python": repr(secret)[1:-1].encode(),
        "json twice": json.dumps(json.dumps(secret))[3:-3].encode(),
    }


def found_in(text: bytes) -> list[str]:
    """Name the forms in which the mark stands in a text."""
    return [name for name, form in encodings(MARKED).items() if form in text]


@pytest.fixture
async def told(scene: Scene) -> Scene:
    """A run whose playbook did everything wrong with the marked secret that can be done."""
    async with scene.worker_database.begin(OPERATOR) as session:
        instance = await session.get_one(Instance, scene.instance.id)
        await keep_secret(session, scene.parts.vault, instance, "marked", MARKED)
    run_id = await scene.start("tell-secrets")
    await scene.engine().work(run_id)
    run = await scene.run(run_id)
    assert (run.error or {})["task"] == "Tell it where something fails", "the playbook came to its end"
    return scene


def test_the_search_finds_what_it_looks_for() -> None:
    for name, form in encodings(MARKED).items():
        assert name in found_in(b"before " + form + b" after")


async def test_no_table_of_the_database_holds_it(told: Scene) -> None:
    async with told.worker_database.begin(OPERATOR) as session:
        tables = list(
            await session.scalars(
                sa.text(
                    "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                    " AND relkind IN ('r', 'p') AND has_table_privilege(oid, 'SELECT')"
                )
            )
        )
        assert {"runs", "run_events", "step_tries", "instance_secrets", "audit_entries"} <= set(tables)
        for table in tables:
            rows = await session.scalars(sa.text(f"SELECT to_jsonb(t)::text FROM {table} t"))  # noqa: S608 - a table's name
            for row in rows:
                assert found_in(row.encode()) == [], table


async def test_neither_the_workers_disk_nor_any_log_holds_it(told: Scene) -> None:
    assert told.host
    searched = 0
    for file in (
        *files_below(state_folder(), leave_out=NOT_THE_WORKERS),
        *files_below(MEMORY),
        *files_below(Path("/tmp"), depth=2),  # noqa: S108 - where programs leave things
    ):
        searched += 1
        assert found_in(file.read_bytes()) == [], file
    assert searched


async def test_neither_the_hosts_disk_nor_its_journal_holds_it(told: Scene) -> None:
    upper = hosts_folder() / told.host / "upper"
    journals = 0
    for file in files_below(upper):
        journals += file.suffix == ".journal"
        assert found_in(file.read_bytes()) == [], file
    assert journals, "the journal is kept on that disk"
    journal = told.on_host("journalctl --output=export --since=-10min | base64 --wrap=0")
    assert found_in(base64.b64decode(journal)) == []


def files_below(folder: Path, *, leave_out: tuple[str, ...] = (), depth: int = 30) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name in leave_out:
            continue
        if path.is_dir() and depth:
            yield from files_below(path, depth=depth - 1)
        elif path.is_file() and path.stat().st_size < LARGEST_FILE:
            yield path
