"""What the catalog does not have, found by looking at a real host and a real Keycloak."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.bundles.catalogued import Catalogued, Wanted, catalogued
from tests.identity.realm_under_test import Organization, RealmUnderTest
from tests.support.cluster import Cluster

from catalog.identity.keycloak import instance_clients
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key, new_id
from catalog.runs.orphans.reading import look_again
from catalog.runs.orphans.standing import read
from catalog.runs.orphans.survey import Surveyor
from catalog.runs.orphans.tables import SIGN_ON, Orphan, Survey

PLAYBOOKS = Path(__file__).resolve().parents[1] / "runs" / "playbooks"
HOST = "vancouver-1"


@pytest.fixture(scope="module")
async def probe(cluster: Cluster, realm: RealmUnderTest, birch: Organization) -> AsyncIterator[Catalogued]:
    wanted = Wanted("probe", HOST, {"text": "x", "doing": "write"}, PLAYBOOKS)
    async with catalogued(cluster, realm, birch, wanted) as made:
        try:
            yield made
        finally:
            made.on_host(f"rm -rf /srv/coop/{made.short}")


async def looked(probe: Catalogued) -> dict[str, Orphan]:
    """Look everywhere now; give what was found by its name."""
    async with probe.worker_database.begin(OPERATOR) as session:
        await look_again(session)
    await looked_over(Surveyor(probe.worker_database, probe.parts))
    async with probe.worker_database.begin(OPERATOR) as session:
        return {one.name: one for one in await session.scalars(sa.select(Orphan))}


async def looked_over(surveyor: Surveyor) -> int:
    """Look until nothing is due any more; give how many places there were."""
    places = 0
    while await surveyor.look():
        places += 1
    return places


async def change(probe: Catalogued, **values: Any) -> None:
    async with probe.worker_database.begin(OPERATOR) as session:
        await session.execute(sa.update(Instance).values(**values))


async def test_what_the_catalog_never_had_is_found_and_forgotten_once_it_is_gone(
    probe: Catalogued, birch: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_clients, "CLIENTS_A_PAGE", 2)
    stray = await probe.realm.tool("Somebody's own", birch)
    short = f"i{secrets.token_hex(6)}"
    unit = f"/etc/systemd/system/{short}-wiki.service"
    probe.on_host(f"mkdir /srv/coop/{short} /srv/coop/{short}-is-no-instance.d; touch {unit} /srv/coop/i-am-none")
    try:
        found = await looked(probe)
        assert (found[short].why, found[short].found) == (
            "unknown",
            [unit, f"/srv/coop/{short}", f"/srv/coop/{short}-is-no-instance.d"],
        )
        client = found[stray.client_id]
        assert (client.place, client.why, str(client.instance_id)) == (SIGN_ON, "unknown", stray.instance_id)
        assert not {probe.short, probe.client_id, "i-am-none"} & found.keys()
    finally:
        probe.on_host(f"rm -rf /srv/coop/{short}* {unit} /srv/coop/i-am-none")
        await probe.realm.admin.delete(f"/clients/{stray.instance_id}")
    again = await looked(probe)
    assert not {short, stray.client_id} & again.keys()


async def test_what_was_removed_and_is_still_there_is_found(probe: Catalogued) -> None:
    await change(probe, state="removed")
    try:
        found = await looked(probe)
    finally:
        await change(probe, state="running")
    for name in (probe.short, probe.client_id):
        assert (found[name].why, found[name].instance_id) == ("removed", probe.instance_id)
    assert not {probe.short, probe.client_id} & (await looked(probe)).keys()


async def test_what_stands_on_another_host_than_it_should_is_found_and_a_silent_host_is_said_to_be(
    probe: Catalogued,
) -> None:
    other = await probe.world.host("vancouver", name="silent-1")
    async with probe.worker_database.begin(OPERATOR) as session:
        own = (await session.get_one(Instance, probe.instance_id)).host_id
    await change(probe, host_id=other.id)
    try:
        found = await looked(probe)
    finally:
        await change(probe, host_id=own)
    assert found[probe.short].why == "elsewhere"
    assert probe.client_id not in found
    async with probe.worker_database.begin(OPERATOR) as session:
        silent = await session.get_one(Survey, str(other.id))
        assert ((silent.error or {})["code"], silent.looked_at) == ("host-unreachable", None)
        await session.execute(sa.text("UPDATE hosts SET state = 'retired' WHERE name = 'silent-1'"))


async def test_two_workers_look_at_each_place_once_and_at_those_near_them_alone(probe: Catalogued) -> None:
    async with probe.worker_database.begin(OPERATOR) as session:
        await look_again(session)
    far = Surveyor(probe.worker_database, probe.parts, ["site:quebec"])
    assert not await far.look()
    both = [Surveyor(probe.worker_database, probe.parts, ["core", "site:vancouver"]) for _ in range(2)]
    assert sum(await asyncio.gather(*map(looked_over, both))) == 2


def test_an_attempt_alone_is_no_instance_and_names_one_that_is_there() -> None:
    standing, gone = new_id(), new_id()
    short = instance_key(standing)
    told = f"attempt {standing}\nattempt {gone}\npath /srv/coop/{short}\nuser {short}\n"
    (one,) = read(told)
    assert (one.name, one.instance_id, one.found) == (short, standing, (f"/srv/coop/{short}", f"user {short}"))
    assert read("") == []
