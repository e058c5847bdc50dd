"""Instances that run, as people of their member and operators meet them over the API."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide
from tests.support.people import Someone
from tests.support.runs import end

from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR

Running = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def running(coop: Coop, client_as: ClientAs, worker_database: Database) -> Running:
    """Give a way to have an instance that runs; what `others` say of it, and the whole of it as the API tells it."""

    async def make(someone: Someone | None = None, **others: Any) -> dict[str, Any]:
        person = someone or coop.ada
        request = await asked(client_as(person))
        approved = (await decide(client_as(coop.olga), request, "approve")).json()
        await end(worker_database, approved["run_id"], "succeeded")
        async with worker_database.begin(OPERATOR) as session:
            await session.execute(
                sa.update(Instance)
                .where(Instance.id == UUID(request["instance_id"]))
                .values(
                    state="running",
                    applied_revision_id=Instance.desired_revision_id,
                    version=Instance.version + 1,
                    **others,
                )
            )
        found: dict[str, Any] = (await client_as(person).get(f"/v1/instances/{request['instance_id']}")).json()
        return found

    return make
