"""Schedules on a real PostgreSQL, with runs whose steps do what a test tells them."""

import pytest
from tests.engine.scripted import Scripted
from tests.schedules.due import Due
from tests.support.world import World

from catalog.platform.db.engine import Database


@pytest.fixture
def scripted(world: World, worker_database: Database) -> Scripted:
    return Scripted(world, worker_database)


@pytest.fixture
async def due(world: World, worker_database: Database, scripted: Scripted) -> Due:
    """A member with a host, on which instances stand, and the loop of their schedules."""
    member = await world.member("birch")
    site = await world.site("vancouver")
    host = await world.host("vancouver", name="vancouver-1")
    await world.tool("notes")
    return Due(world, worker_database, scripted, member, site, host)
