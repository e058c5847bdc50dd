"""How the operators' commands work on the database: signed in as its owner, acting as the server's role."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.settings import AdminSettings

ACTOR = "command"
T = TypeVar("T")


def in_transaction(settings: AdminSettings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Do `work` in one transaction with an operator's sight, and give its result once it is committed."""
    return asyncio.run(_in_transaction(settings, work))


async def _in_transaction(settings: AdminSettings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    database = Database(settings.database, name="catalog-admin", role="catalog_server", pool_size=2)
    try:
        async with database.begin(OPERATOR) as session:
            return await work(session)
    finally:
        await database.close()
