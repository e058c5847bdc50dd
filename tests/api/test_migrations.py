"""The migrations build the schema that the models speak of, and can be run again and by several at once."""

import asyncio
import os
import sys
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.support.cluster import Cluster

from catalog.admin.database import scram_verifier, upgrade_schema
from catalog.platform.db.engine import Database
from catalog.settings import DatabaseSettings
from catalog.tables import metadata

OTHERS = ("procrastinate_", "run_events_", "alembic_version")


def differences(connection: sa.Connection) -> list[Any]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and name is not None and name.startswith(OTHERS))

    context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_server_default": False})
    return list(compare_metadata(context, metadata))


async def test_the_models_are_what_the_migrations_build(owner_database: Database) -> None:
    async with owner_database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_table_of_ours_forces_row_level_security(owner_database: Database) -> None:
    async with owner_database.engine.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT (relrowsecurity AND relforcerowsecurity) AND NOT relispartition"
                " AND relname NOT LIKE 'procrastinate%' AND relname <> 'alembic_version'"
            )
        )
        assert rows.scalars().all() == []


async def upgraded(settings: DatabaseSettings) -> None:
    """Run the command in a process of its own."""
    known = {"PATH": os.environ["PATH"], "DATABASE_URL": settings.url, "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "catalog", "db", "upgrade", env=known)
    assert await process.wait() == 0


async def test_several_upgrades_at_once_make_one_schema(cluster: Cluster) -> None:
    fresh = await cluster.empty()
    try:
        await asyncio.gather(*(upgraded(fresh) for _ in range(3)))
        await upgrade_schema(cluster.as_admin(fresh))
        connection = await asyncpg.connect(fresh.url)
        try:
            assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
        finally:
            await connection.close()
    finally:
        await cluster.drop(fresh)


async def test_no_role_but_the_workers_may_make_event_partitions(database: Database) -> None:
    async with database.engine.connect() as connection:
        allowed = await connection.scalar(
            sa.text("SELECT has_function_privilege('catalog_ensure_event_partitions()', 'EXECUTE')")
        )
    assert allowed is False


def test_a_password_reaches_the_database_as_a_verifier_alone() -> None:
    first, second = scram_verifier("pässword"), scram_verifier("pässword")
    assert first.startswith("SCRAM-SHA-256$4096:")
    assert "pässword" not in first
    assert first != second
