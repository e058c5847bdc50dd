"""Where an instance may stand: what is proposed, what is said where there is no room, and who gets the last place."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wish, wrong_fields
from tests.support.world import World, mended_playbooks

from catalog.instances.tables import Hostname, Instance
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.sites.tables import Host, Site


async def change_hosts(database: Database, **values: object) -> None:
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.update(Host).values(**values))


async def test_the_members_own_province_comes_first(coop: Coop, client_as: ClientAs) -> None:
    assert (await asked(client_as(coop.ada)))["site"]["province"] == "BC"
    assert (await asked(client_as(coop.mia)))["site"]["province"] == "QC"


async def test_another_province_is_proposed_where_the_own_one_is_full(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.update(Host).where(Host.name == "vancouver-1").values(memory_mb=100))
    assert (await asked(client_as(coop.ada)))["site"]["slug"] == "quebec"


async def test_a_plan_that_fits_nowhere_is_refused_at_submission_with_what_lacks(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    await change_hosts(database, memory_mb=900, disk_mb=2000)
    answer = await client_as(coop.ada).post("/v1/requests", json=wish(plan="large"))
    lacking = problem(answer, 409, "no-room")["errors"]
    assert [(field["pointer"], field["code"], field["detail"]) for field in lacking] == [
        ("/plan", "no-memory", "The plan needs 1024 MB of memory; at most 900 MB are free on one host."),
        ("/plan", "no-disk", "The plan needs 8192 MB of disk; at most 2000 MB are free on one host."),
    ]
    assert (await client_as(coop.ada).get("/v1/requests")).json()["items"] == []


@pytest.mark.parametrize("values", [{"state": "cordoned"}, {"state": "retired"}])
async def test_no_open_host_is_said_at_submission(
    coop: Coop, client_as: ClientAs, database: Database, values: dict[str, str]
) -> None:
    await change_hosts(database, **values)
    for dry_run in ("true", "false"):
        answer = await client_as(coop.ada).post("/v1/requests", params={"dry_run": dry_run}, json=wish())
        assert wrong_fields(answer, 409, "no-room") == {"/tool": "no-host"}


async def test_a_site_whose_attestation_has_run_out_takes_nothing(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    async with database.begin(OPERATOR) as session:
        await session.execute(
            sa.update(Site).values(attested_from=sa.func.date("2020-01-01"), attested_until=sa.func.date("2020-12-31"))
        )
    answer = await client_as(coop.ada).post("/v1/requests", json=wish())
    assert wrong_fields(answer, 409, "no-room") == {"/tool": "no-host"}


async def test_the_database_itself_takes_no_site_outside_canada(world: World, database: Database) -> None:
    await world.site()
    with pytest.raises(sa.exc.IntegrityError):
        async with database.begin(OPERATOR) as session:
            await session.execute(sa.update(Site).values(country="US"))


async def test_where_code_runs_a_host_serves_one_member_alone(
    world: World, coop: Coop, client_as: ClientAs, tmp_path: Path
) -> None:
    await world.tool("notes", playbooks=mended_playbooks(tmp_path, tool_yaml=("runs_code: false", "runs_code: true")))
    operator = client_as(coop.olga)
    first = await asked(client_as(coop.ada))
    assert (await decide(operator, first, "approve")).status_code == 200
    second = await asked(client_as(coop.ian))
    assert second["site"]["slug"] == "vancouver"  # Birch's own host by now
    third = await asked(client_as(coop.mia))
    assert (await decide(operator, third, "approve")).status_code == 200
    cedar = await world.person("Cy Cedar", "requester", member=await world.member("cedar"))
    answer = await client_as(cedar).post("/v1/requests", json=wish())
    assert wrong_fields(answer, 409, "no-room") == {"/tool": "no-host-alone"}


async def test_a_host_alone_that_is_not_free_is_said_at_submission(
    world: World, coop: Coop, client_as: ClientAs, tmp_path: Path
) -> None:
    for client in (client_as(coop.ada), client_as(coop.mia)):
        assert (await decide(client_as(coop.olga), await asked(client), "approve")).status_code == 200
    await world.tool("notes", playbooks=mended_playbooks(tmp_path, tool_yaml=("runs_code: false", "runs_code: true")))
    answer = await client_as(coop.ada).post("/v1/requests", json=wish())
    assert wrong_fields(answer, 409, "no-room") == {"/tool": "no-host-alone"}


async def test_a_name_that_is_taken_is_refused_at_submission(coop: Coop, client_as: ClientAs) -> None:
    first = await asked(client_as(coop.mia), name="history")
    await decide(client_as(coop.olga), first, "approve")
    answer = await client_as(coop.ada).post("/v1/requests", json=wish(name="history"))
    assert wrong_fields(answer) == {"/name": "hostname-taken"}


async def test_a_name_that_rests_is_taken_and_free_once_its_rest_has_ended(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    first = await asked(client_as(coop.mia), name="history")
    await decide(client_as(coop.olga), first, "approve")
    rest = sa.update(Hostname).where(Hostname.hostname == "history.coop-tools.test")
    async with database.begin(OPERATOR) as session:
        await session.execute(rest.values(rests_until=now() + sa.func.make_interval(0, 0, 0, 1)))
    answer = await client_as(coop.ada).post("/v1/requests", json=wish(name="history"))
    assert wrong_fields(answer) == {"/name": "hostname-taken"}
    async with database.begin(OPERATOR) as session:
        await session.execute(rest.values(rests_until=now() - sa.func.make_interval(0, 0, 0, 1)))
    second = await asked(client_as(coop.ada), name="history")
    assert (await decide(client_as(coop.olga), second, "approve")).status_code == 200


async def test_two_approvals_race_for_one_name(coop: Coop, client_as: ClientAs, database: Database) -> None:
    requests = [await asked(client_as(coop.ada), name="history"), await asked(client_as(coop.mia), name="history")]
    operators = (client_as(coop.olga), client_as(coop.otto))
    answers = await asyncio.gather(
        *(decide(operator, request, "approve") for operator, request in zip(operators, requests, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert "history.coop-tools.test" in problem(lost, 409, "hostname-taken")["detail"]
    async with database.begin(OPERATOR) as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Instance)) == 1


async def test_approvals_race_for_the_last_place(coop: Coop, client_as: ClientAs, database: Database) -> None:
    await change_hosts(database, memory_mb=600)
    requests = [await asked(client_as(coop.ada)) for _ in range(4)]
    assert {request["site"]["slug"] for request in requests} == {"vancouver"}
    operators = [client_as(coop.olga), client_as(coop.otto)] * 2
    answers = await asyncio.gather(
        *(decide(operator, request, "approve") for operator, request in zip(operators, requests, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert wrong_fields(answer, 409, "site-has-no-room") == {"/plan": "no-memory"}
    async with database.begin(OPERATOR) as session:
        ports = (await session.scalars(sa.text("SELECT number FROM ports ORDER BY number"))).all()
    assert ports == [20_000, 20_001]


async def test_two_decisions_race_for_one_request(coop: Coop, client_as: ClientAs, database: Database) -> None:
    request = await asked(client_as(coop.ada))
    answers = await asyncio.gather(
        decide(client_as(coop.olga), request, "approve"),
        decide(client_as(coop.otto), request, "approve"),
        decide(client_as(coop.otto), request, "decline", json={"reason": "No."}),
        decide(client_as(coop.ada), request, "withdraw"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "request-not-open")
    async with database.begin(OPERATOR) as session:
        assert (await session.scalar(sa.text("SELECT count(*) FROM decisions")) or 0) <= 1
        assert (await session.scalar(sa.text("SELECT count(*) FROM runs")) or 0) <= 1


async def test_no_other_site_is_taken_without_being_asked_for(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    request = await asked(client_as(coop.ada))
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.update(Host).where(Host.name == "vancouver-1").values(state="cordoned"))
    answer = await decide(client_as(coop.olga, language="fr"), request, "approve")
    told = problem(answer, 409, "site-has-no-room")
    assert told["title"] == "Le site proposé n’a plus de place"
    again = await asked(client_as(coop.ada))
    assert again["site"]["slug"] == "quebec"
