"""Members are held apart by the database itself, whatever a query forgets to filter by."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide
from tests.support.runs import fail_second_step, tell
from tests.support.world import person_id

from catalog.instances.tables import EndNotice, Instance, Removal
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import NOBODY, OPERATOR, Scope
from catalog.schedules.tables import Schedule

OF_MEMBERS = (
    "requests",
    "decisions",
    "idempotency_keys",
    "instances",
    "hostnames",
    "placements",
    "ports",
    "runs",
    "run_steps",
    "step_tries",
    "run_events",
    "schedules",
    "removals",
    "end_notices",
)


def of(coop: Coop, name: str) -> Scope:
    member = {"birch": coop.birch, "maple": coop.maple}[name]
    someone = {"birch": coop.ada, "maple": coop.mia}[name]
    return Scope(members=frozenset({member.id}), person_id=person_id(someone))


@pytest.fixture
async def used(coop: Coop, client_as: ClientAs, worker_database: Database) -> Coop:
    """The co-op after Birch has asked, been approved, and had a run."""
    client = client_as(coop.ada)
    answer = await client.post(
        "/v1/requests",
        json={"tool": "notes", "plan": "small", "purpose": "x", "parameters": {"title": "T"}},
        headers={"Idempotency-Key": "one"},
    )
    approved = (await decide(client_as(coop.olga), answer.json(), "approve")).json()
    await tell(worker_database, approved["run_id"], "a line")
    await fail_second_step(worker_database, approved["run_id"])
    await leave(worker_database)
    return coop


async def leave(worker_database: Database) -> None:
    """Have the one instance end and be removed."""
    async with worker_database.begin(OPERATOR) as session:
        instance = (await session.scalars(sa.select(Instance))).one()
        whose = {"instance_id": instance.id, "member_id": instance.member_id}
        session.add_all(
            [
                Schedule(**whose, task="deprovision", due_at=now(), next_at=now()),
                Removal(**whose, reason="x", asked_by="command", suspends=True, purge_at=now()),
                EndNotice(**whose, ends_on=now().date(), days=60),
            ]
        )


async def counted(database: Database, scope: Scope, table: str) -> int:
    async with database.begin(scope) as session:
        return int(await session.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - fixed names


@pytest.mark.parametrize("table", OF_MEMBERS)
async def test_a_query_without_any_filter_gives_the_own_members_rows_alone(
    used: Coop, database: Database, table: str
) -> None:
    assert await counted(database, of(used, "birch"), table) > 0
    assert await counted(database, of(used, "maple"), table) == 0
    assert await counted(database, NOBODY, table) == 0
    assert await counted(database, OPERATOR, table) > 0


async def test_the_audit_trail_of_another_member_is_hidden(used: Coop, database: Database) -> None:
    async with database.begin(of(used, "maple")) as session:
        members = set(await session.scalars(sa.text("SELECT member_id FROM audit_entries")))
    assert members == {used.maple.id}


@pytest.mark.usefixtures("used")
async def test_a_connection_that_says_nothing_sees_nothing(database: Database) -> None:
    async with database.engine.connect() as connection:
        for table in (*OF_MEMBERS, "audit_entries", "people", "role_grants"):
            assert await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0, table  # noqa: S608 - fixed names


@pytest.mark.usefixtures("used")
async def test_a_scope_ends_with_its_transaction(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(sa.text("SELECT set_config('catalog.operator', 'on', true)"))
        assert await connection.scalar(sa.text("SELECT count(*) FROM requests")) == 1
        await connection.rollback()
        assert await connection.scalar(sa.text("SELECT count(*) FROM requests")) == 0


@pytest.mark.usefixtures("used")
async def test_the_owner_of_the_tables_sees_no_rows(owner_database: Database) -> None:
    async with owner_database.engine.connect() as connection:
        for table in ("requests", "instances", "runs", "run_events", "people", "audit_entries", "role_grants"):
            assert await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0, table  # noqa: S608 - fixed names


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE requests SET state = 'withdrawn'",
        "UPDATE instances SET purpose = 'taken over'",
        "DELETE FROM hostnames",
        "DELETE FROM placements",
        "DELETE FROM idempotency_keys",
    ],
)
async def test_nobody_changes_another_members_rows(used: Coop, database: Database, statement: str) -> None:
    async with database.begin(of(used, "maple")) as session:
        changed = await session.execute(sa.text(statement))
        assert changed.rowcount == 0


@pytest.mark.parametrize("table", ["runs", "run_steps"])
async def test_a_member_steers_no_run_of_its_own_either(used: Coop, database: Database, table: str) -> None:
    statement = sa.text(f"UPDATE {table} SET state = 'failed'")  # noqa: S608 - fixed names
    for scope, reached in ((of(used, "birch"), False), (OPERATOR, True)):
        async with database.begin(scope) as session:
            assert bool((await session.execute(statement)).rowcount) is reached


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE requests SET member_id = (SELECT id FROM members WHERE alias = 'maple')",
        (
            "INSERT INTO decisions (id, created_at, member_id, request_id, person_id, outcome)"
            " SELECT gen_random_uuid(), now(), m.id, r.id, r.requested_by, 'approved'"
            " FROM requests r, members m WHERE m.alias = 'maple'"
        ),
        (
            "INSERT INTO role_grants (id, created_at, person_id, member_id, role)"
            " SELECT gen_random_uuid(), now(), catalog_person(), id, 'member-it' FROM members WHERE alias = 'maple'"
        ),
        (
            "INSERT INTO role_grants (id, created_at, person_id, role)"
            " SELECT gen_random_uuid(), now(), catalog_person(), 'operator'"
        ),
        (
            "INSERT INTO members (id, created_at, ror, alias, name_en, name_fr, province)"
            " SELECT gen_random_uuid(), now(), 'x', 'x', 'x', 'x', 'BC'"
        ),
        (
            "INSERT INTO audit_entries (id, created_at, member_id, actor, action, subject_kind, subject_id, details)"
            " SELECT gen_random_uuid(), now(), id, 'x', 'x', 'x', 'x', '{}' FROM members WHERE alias = 'maple'"
        ),
        "INSERT INTO people (id, created_at, issuer, subject, name) VALUES (gen_random_uuid(), now(), 'i', 's', 'n')",
        "UPDATE audit_entries SET actor = 'somebody else'",
        "DELETE FROM audit_entries",
        "DELETE FROM requests",
        "DELETE FROM decisions",
        "DELETE FROM runs",
        (
            "INSERT INTO run_events (run_id, sequence, recorded_at, kind, data)"
            " SELECT id, 99, now(), 'output', '{}' FROM runs"
        ),
        "SELECT * FROM instance_secrets",
        "SELECT * FROM outbox_events",
        "UPDATE procrastinate_jobs SET queue_name = 'x'",
    ],
)
async def test_what_the_server_has_no_business_with_is_refused_it(
    used: Coop, database: Database, statement: str
) -> None:
    with pytest.raises(DBAPIError):
        async with database.begin(of(used, "birch")) as session:
            await session.execute(sa.text(statement))


async def test_a_member_is_told_how_full_hosts_are_and_whose_instances_are_there_is_not(
    used: Coop, database: Database
) -> None:
    async with database.begin(of(used, "maple")) as session:
        rows = (await session.execute(sa.text("SELECT * FROM catalog_host_usage()"))).mappings().all()
        taken = await session.scalar(sa.text("SELECT catalog_hostname_taken('birch-notes.coop-tools.test')"))
    assert [set(row) for row in rows] == [{"host_id", "memory_mb", "disk_mb", "cpu_percent"}]
    assert taken is True


async def test_people_see_their_colleagues_and_those_who_decided_for_them(used: Coop, database: Database) -> None:
    async def names(scope: Scope) -> set[str]:
        async with database.begin(scope) as session:
            return set(await session.scalars(sa.text("SELECT name FROM people")))

    assert await names(of(used, "birch")) == {"Ada Birch", "Abe Birch", "Ian Birch", "Olga Operator"}
    assert await names(of(used, "maple")) == {"Mia Maple"}


async def test_a_request_cannot_hang_on_another_members_instance(
    used: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    await asked(client_as(used.mia))
    for table in ("placements", "ports", "hostnames"):
        with pytest.raises(DBAPIError):
            async with worker_database.begin(OPERATOR) as session:
                await session.execute(
                    sa.text(f"UPDATE {table} SET member_id = (SELECT id FROM members WHERE alias = 'maple')")  # noqa: S608 - fixed names
                )
