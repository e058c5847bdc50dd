"""The engine on a real PostgreSQL, with steps that do what a test tells them."""

from collections.abc import Awaitable, Callable

import pytest
from tests.engine.scripted import Scripted, instance_of
from tests.support.world import World

from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database

NewInstance = Callable[..., Awaitable[Instance]]


@pytest.fixture
async def new_instance(world: World) -> NewInstance:
    """Give a way to write an instance of the notes tool down; all of them stand on one host."""
    member = await world.member("birch")
    site = await world.site("vancouver")
    await world.host("vancouver", name="vancouver-1")
    await world.tool("notes")

    async def make(name: str = "notes") -> Instance:
        return await instance_of(world, member, site, name)

    return make


@pytest.fixture
async def instance(new_instance: NewInstance) -> Instance:
    return await new_instance()


@pytest.fixture
def scripted(world: World, worker_database: Database) -> Scripted:
    return Scripted(world, worker_database)
