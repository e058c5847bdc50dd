"""Migrations only add: the version before works on with the schema of this one (docs/decisions)."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.cluster import Cluster
from tests.support.environment import ROOT
from tests.upgrades.expanding import contractions
from tests.upgrades.versions import MIGRATIONS

ALEMBIC = ROOT / "alembic"


def migrations() -> list[Script]:
    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    return list(reversed(list(ScriptDirectory.from_config(config).walk_revisions())))


def test_the_newest_migration_is_the_one_with_the_highest_number() -> None:
    """Otherwise the version before would be looked for by the wrong one."""
    (head,) = ScriptDirectory(str(ALEMBIC)).get_heads()
    assert head == max((ROOT / MIGRATIONS).glob("[0-9]*.py")).name.partition("_")[0]


async def test_no_migration_takes_away_what_the_version_before_uses(cluster: Cluster) -> None:
    fresh = await cluster.empty()
    engine = create_async_engine(sa.make_url(fresh.url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            for script in migrations():
                said = await connection.run_sync(statements_of, script)
                excused = getattr(script.module, "nobody_misses", {})
                assert contractions(said, excused) == [], script.path
                assert all(excused.values()), "each excuse has its reason"
    finally:
        await engine.dispose()
        await cluster.drop(fresh)


def statements_of(connection: sa.Connection, script: Script) -> list[str]:
    """Run one migration and give what it asks of the database; functions' bodies are left out."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_further: Any) -> None:
        said.append(re.sub(r"\$\$.*?\$\$", "", statement, flags=re.DOTALL).strip())

    sa.event.listen(connection, "before_cursor_execute", hear)
    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    config.attributes["connection"] = connection
    command.upgrade(config, script.revision)
    sa.event.remove(connection, "before_cursor_execute", hear)
    return said


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DROP TABLE holds", "drops holds"),
        ("ALTER TABLE runs DROP COLUMN result", "drops result"),
        ("ALTER TABLE runs DROP CONSTRAINT ck_runs_state", "drops ck_runs_state"),
        ("ALTER TABLE runs RENAME COLUMN result TO outcome", "renames runs"),
        ("ALTER TABLE runs RENAME TO executions", "renames runs"),
        ("ALTER TABLE runs ALTER COLUMN worker SET NOT NULL", "narrows worker"),
        ("ALTER TABLE runs ALTER COLUMN attempt TYPE smallint", "narrows attempt"),
        ("ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL", "asks for colour"),
        ("REVOKE INSERT ON runs FROM catalog_server", "takes away runs"),
        ("ALTER TABLE runs ADD CONSTRAINT ck_runs_new CHECK (attempt < 9)", "restricts by ck_runs_new"),
        ("CREATE UNIQUE INDEX uq_new ON runs (worker)", "restricts by uq_new"),
    ],
)
def test_a_statement_that_takes_something_away_is_found(statement: str, finding: str) -> None:
    assert contractions([statement], {}) == [finding]
    assert contractions([statement], {finding.rpartition(" ")[2]: "nothing uses it since the last release"}) == []


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE runs ADD COLUMN colour TEXT"],
        ["ALTER TABLE runs ADD COLUMN colour TEXT DEFAULT 'red' NOT NULL"],
        ["ALTER TABLE runs ADD COLUMN colour TEXT", "ALTER TABLE runs ADD CONSTRAINT ck_c CHECK (colour <> '')"],
        ["CREATE TABLE new (id UUID NOT NULL)", "CREATE UNIQUE INDEX uq_new ON new (id)"],
        ["CREATE INDEX ix_runs_worker ON runs (worker)"],
    ],
)
def test_a_statement_that_only_adds_is_none(statements: list[str]) -> None:
    assert contractions(statements, {}) == []
