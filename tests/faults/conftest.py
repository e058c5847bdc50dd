"""Faults on real parts: worker processes, a host, a PostgreSQL server and a realm that are these tests' alone."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from devkit.network import network
from devkit.state import state_folder
from tests.faults.forwarder import forwarder
from tests.faults.lab import Lab, Probe
from tests.faults.postgres import own_folder, own_postgres
from tests.faults.realm import NoKeycloak, own_realm
from tests.faults.small_disks import disk_of, hosts_with_small_disks, make_room, small_memory
from tests.faults.workers import Workers
from tests.identity.realm_under_test import RealmUnderTest

PLAYBOOKS = Path(__file__).parent / "playbooks"
HOST_MEGABYTES, WORKER_MEGABYTES = 200, 64
SITE, MEMBER = "vancouver", "probe-college"


@pytest.fixture(scope="package")
async def realm() -> AsyncIterator[RealmUnderTest]:
    try:
        async with own_realm() as made:
            yield made
    except NoKeycloak as error:
        pytest.fail(str(error))


@pytest.fixture(scope="package")
def folder() -> Iterator[Path]:
    with own_folder(state_folder() / f"faults-{secrets.token_hex(3)}") as made:
        yield made


@pytest.fixture(scope="package")
def host() -> Iterator[str]:
    name = f"faults-{secrets.token_hex(3)}"
    with hosts_with_small_disks({name: "bookworm"}, HOST_MEGABYTES):
        yield name


@pytest.fixture(scope="package")
async def shared_lab(folder: Path, host: str, realm: RealmUnderTest) -> AsyncIterator[Lab]:
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres(folder))
        way = stack.enter_context(forwarder(network().gateway, _address(realm.server.url)))
        cluster = postgres.cluster()
        await cluster.make_template()
        lab = Lab(folder, postgres, await cluster.copy(), realm, way)
        try:
            await lab.world.site(SITE)
            await lab.host(host, SITE)
            await lab.world.tool("probe", playbooks=PLAYBOOKS)
            yield lab
        finally:
            await lab.close()


@pytest.fixture(scope="package")
def memory(folder: Path) -> Iterator[Path]:
    """The memory that workers keep their files in, which is small."""
    with small_memory(folder / "memory", WORKER_MEGABYTES) as made:
        yield made


@pytest.fixture
async def lab(shared_lab: Lab, host: str, memory: Path) -> AsyncIterator[Lab]:
    yield shared_lab
    shared_lab.way.open()
    make_room(disk_of(host))
    make_room(memory)
    await shared_lab.end_everything()


@pytest.fixture
async def workers(lab: Lab, memory: Path) -> AsyncIterator[Workers]:
    """Two workers; they are gone before the next test."""
    made = Workers("faults", await lab.variables(), memory=memory)
    made.start(2)
    yield made
    for one in made.running():
        one.thaw()
    made.kill_all()


@pytest.fixture
async def member(lab: Lab, workers: Workers) -> str:
    """A member whose people can sign in."""
    if MEMBER not in lab.members:
        assert workers.running()
        await lab.until_state(await lab.sign_on(MEMBER), "succeeded")
    return MEMBER


@pytest.fixture
async def probe(lab: Lab, member: str, host: str) -> Probe:
    """An instance of the probe that was asked for and approved, and nothing of it is done yet."""
    name = f"probe-{secrets.token_hex(3)}"
    made = Probe(await lab.reserved(member, "probe", SITE, name, parameters={"text": "kept"}), host)
    made.hold()
    return made


@pytest.fixture
async def running(lab: Lab, workers: Workers, probe: Probe) -> Probe:
    """One that is set up."""
    await _set_up(lab, workers, probe)
    return probe


@pytest.fixture
async def before_it(request: pytest.FixtureRequest, lab: Lab, workers: Workers, probe: Probe) -> tuple[str, Probe]:
    """An action, given as the fixture's parameter, and an instance that it can begin on."""
    if request.param != "provision":
        await _set_up(lab, workers, probe)
    return request.param, probe


async def _set_up(lab: Lab, workers: Workers, probe: Probe) -> None:
    assert workers.running()
    run = await lab.until_state(await lab.start(probe.instance, "provision"), "succeeded", "failed")
    assert run.state == "succeeded", (run.error or {})["message"]


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("https://").rpartition(":")
    return host, int(port)
