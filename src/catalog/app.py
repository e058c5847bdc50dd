"""Composition root of the server: puts the slices together, and knows all of them."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx
from litestar import Litestar, Request
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.batches.api import BatchesController
from catalog.calendar.api import FreezesController, WindowsController
from catalog.identity.authentication import BearerAuthentication
from catalog.identity.principals import Principal
from catalog.identity.tokens import SigningKeys, TokenVerifier
from catalog.instances.api import InstancesController
from catalog.members.access import principal_of
from catalog.members.api import MembersController
from catalog.platform.db.engine import Database
from catalog.platform.health import HealthController
from catalog.platform.http.body import MAXIMUM_BYTES, check_body
from catalog.platform.http.context import RequestContext
from catalog.platform.http.language import language_of
from catalog.platform.http.openapi import openapi_config, openapi_document, reference_page
from catalog.platform.http.pages import page_request
from catalog.platform.http.problems import ProblemAnswers
from catalog.platform.i18n import Language
from catalog.requests.api import RequestsController
from catalog.runs.api import RunsController
from catalog.runs.control_api import RunControlController
from catalog.runs.holds_api import HoldsController
from catalog.runs.hosts.api import HostsController
from catalog.runs.instance_runs_api import InstanceRunsController
from catalog.runs.listener import RunEventListener
from catalog.runs.orphans.api import OrphansController
from catalog.runs.plans.api import PlansController
from catalog.runs.shell.api import InventoryController, OfflineRunsController, ShellRunsController
from catalog.schedules.api import SchedulesController
from catalog.schedules.instances_api import LeavingController
from catalog.settings import ServerSettings
from catalog.sites.api import SitesController
from catalog.tools.api import ToolsController
from catalog.tools.cache import CatalogCache

OUTGOING_TIMEOUT_SECONDS = 5


def create_app(settings: ServerSettings) -> Litestar:
    """Make the server. Nothing is connected until its lifespan begins."""
    database = Database(settings.database, name="catalog-serve")
    client = httpx.AsyncClient(verify=_trust(settings), timeout=OUTGOING_TIMEOUT_SECONDS, trust_env=False)
    verifier = TokenVerifier(settings.issuer, settings.audience, SigningKeys(settings.issuer, client))
    cache = CatalogCache(database)
    listener = RunEventListener(settings.database)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await cache.start()
        await listener.start()
        try:
            yield
        finally:
            await listener.stop()
            await cache.stop()
            await client.aclose()
            await database.close()

    async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
        return await principal_of(database, request.user)

    async def provide_uow(principal: NamedDependency[Principal]) -> AsyncIterator[AsyncSession]:
        async with database.begin(principal.scope()) as session:
            yield session

    app = Litestar(
        route_handlers=[
            HealthController,
            ToolsController,
            MembersController,
            SitesController,
            HostsController,
            RequestsController,
            InstancesController,
            RunsController,
            RunControlController,
            HoldsController,
            PlansController,
            OrphansController,
            InventoryController,
            ShellRunsController,
            OfflineRunsController,
            LeavingController,
            SchedulesController,
            WindowsController,
            FreezesController,
            InstanceRunsController,
            BatchesController,
            openapi_document,
            reference_page,
        ],
        dependencies={
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "database": Provide(lambda: database, sync_to_thread=False),
            "cache": Provide(lambda: cache, sync_to_thread=False),
            "listener": Provide(lambda: listener, sync_to_thread=False),
            "principal": Provide(provide_principal),
            "uow": Provide(provide_uow),
            "language": Provide(_language, sync_to_thread=False),
            "page": Provide(page_request, sync_to_thread=False),
        },
        middleware=[DefineMiddleware(BearerAuthentication, verifier=verifier)],
        before_request=check_body,
        request_max_body_size=MAXIMUM_BYTES,
        exception_handlers=ProblemAnswers(settings.url).handlers(),
        openapi_config=openapi_config(_version(), settings.url),
        lifespan=[lifespan],
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = RequestContext(app.asgi_handler)
    return app


def _language(request: Request[Any, Any, Any]) -> Language:
    return language_of(request)


def _trust(settings: ServerSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)


def _version() -> str:
    try:
        return version("coop-catalog")
    except PackageNotFoundError:
        return "0"
