"""Fixtures for tests against a real PostgreSQL, and against the server as it is put together by `create_app`.

Each test has a database of its own, copied from one that the migrations built.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import structlog
from litestar import Litestar
from tests.support.cluster import Cluster, NoCluster, TestDatabase
from tests.support.coop import Coop, found_coop
from tests.support.issuer import AUDIENCE, Issuer
from tests.support.people import Someone
from tests.support.running import lifespan_of
from tests.support.world import World

from catalog.app import create_app
from catalog.platform.db.engine import Database
from catalog.settings import ServerSettings

CATALOG = "https://catalog.coop-catalog.test:8000"
TOOLS_DOMAIN = "coop-tools.test"
POOL_SIZE = 5

ClientAs = Callable[..., httpx.AsyncClient]


@pytest.fixture(autouse=True)
def _plain_tracebacks() -> None:
    """Log as structlog does by default, but for tracebacks: with every variable drawn, one holds all up for seconds."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


@pytest.fixture(scope="session")
async def cluster() -> AsyncIterator[Cluster]:
    try:
        found = Cluster.found()
        await found.make_template()
    except NoCluster as error:
        pytest.fail(str(error))
    yield found
    await found.drop_template()


@pytest.fixture
async def test_database(cluster: Cluster) -> AsyncIterator[TestDatabase]:
    made = await cluster.copy()
    yield made
    await cluster.drop(made.owner)


@pytest.fixture
def owner_url(test_database: TestDatabase) -> str:
    """Where the test's own database is, for its owner."""
    return test_database.owner.url


@pytest.fixture
async def owner_database(test_database: TestDatabase) -> AsyncIterator[Database]:
    """The test's database as its owner, who makes tables and sees no rows."""
    made = Database(test_database.owner, name="test-owner", pool_size=POOL_SIZE)
    yield made
    await made.close()


@pytest.fixture
async def database(test_database: TestDatabase) -> AsyncIterator[Database]:
    """The test's database as the server signs in to it."""
    made = Database(test_database.server, name="test-server", pool_size=POOL_SIZE)
    yield made
    await made.close()


@pytest.fixture
async def worker_database(test_database: TestDatabase) -> AsyncIterator[Database]:
    """The test's database as a worker signs in to it."""
    made = Database(test_database.worker, name="test-worker", pool_size=POOL_SIZE)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def shared_issuer() -> Iterator[Issuer]:
    made = Issuer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def issuer(shared_issuer: Issuer) -> Iterator[Issuer]:
    """A sign-in service that publishes its keys and signs tokens."""
    yield shared_issuer
    shared_issuer.published = [shared_issuer.key]
    shared_issuer.away = False


@pytest.fixture
def world(database: Database, issuer: Issuer) -> World:
    """Writes made-up members, people, sites, hosts and tools down."""
    return World(database, issuer.url)


@pytest.fixture
async def coop(world: World) -> Coop:
    """Two members in two provinces, with sites, hosts, a tool and people."""
    return await found_coop(world)


@pytest.fixture
def server_settings(test_database: TestDatabase, issuer: Issuer) -> ServerSettings:
    return ServerSettings(
        database=test_database.server,
        url=CATALOG,
        tools_domain=TOOLS_DOMAIN,
        issuer=issuer.url,
        audience=AUDIENCE,
        ca_file=None,
        bind="127.0.0.1:0",
        tls_certificate=None,
        tls_key=None,
        log_format="json",
    )


@pytest.fixture
async def new_server(server_settings: ServerSettings) -> AsyncIterator[Callable[[], Awaitable[Litestar]]]:
    """Give a way to start a server process's application; each stands for a process of its own."""
    async with AsyncExitStack() as running:

        async def start() -> Litestar:
            app = create_app(server_settings)
            await running.enter_async_context(lifespan_of(app))
            return app

        yield start


@pytest.fixture
async def app(new_server: Callable[[], Awaitable[Litestar]]) -> Litestar:
    """The server."""
    return await new_server()


@pytest.fixture
async def client_as(app: Litestar, issuer: Issuer) -> AsyncIterator[ClientAs]:
    """Give a way to call the server as somebody (None: without a token), in English unless said otherwise."""
    async with AsyncExitStack() as opened:

        def made(someone: Someone | None, *, language: str = "en", **claims: Any) -> httpx.AsyncClient:
            headers = {"Accept-Language": language}
            if someone is not None:
                headers["Authorization"] = f"Bearer {issuer.token(someone, **claims)}"
            client = client_of(app, headers)
            opened.push_async_callback(client.aclose)
            return client

        yield made


def client_of(app: Litestar, headers: dict[str, str]) -> httpx.AsyncClient:
    """Give a client of one server."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type] # Litestar types ASGI itself
    return httpx.AsyncClient(transport=transport, base_url=CATALOG, headers=headers)
