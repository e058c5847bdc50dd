"""Whether the process lives, and whether it can do its work."""

import sqlalchemy as sa
import structlog
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.exc import SQLAlchemyError

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import NOBODY

log = structlog.get_logger()

_PUBLIC = {"public": True}
_UNREADY = ResponseSpec(dict[str, str], description="The database does not answer.", generate_examples=False)


class HealthController(Controller):
    """For load balancers and operators."""

    path = "/health"
    tags = ("Health",)
    opt = _PUBLIC

    @get("/live", summary="The process runs")
    async def live(self) -> dict[str, str]:
        """Answer as long as the process can answer at all."""
        return {"status": "live"}

    @get("/ready", summary="The server can do its work", responses={503: _UNREADY})
    async def ready(self, database: NamedDependency[Database]) -> Response[dict[str, str]]:
        """Answer 200 when the database answers, else 503. Keycloak is not asked: sessions outlast its restarts."""
        try:
            async with database.begin(NOBODY) as session:
                await session.execute(sa.text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            log.warning("health.database_unavailable", exc_info=True)
            return Response({"status": "unready", "lacks": "database"}, status_code=503)
        return Response({"status": "ready"})
