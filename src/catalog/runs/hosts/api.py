"""The hosts' addresses, for operators alone."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.platform.errors import FieldError, InvalidInput
from catalog.platform.http.filters import Slug
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language, Text
from catalog.runs import reading as run_reading
from catalog.runs.hosts import reading
from catalog.runs.hosts.schemas import CordonIn, HostOut, HostRunIn, PatchIn, host_out
from catalog.runs.hosts.service import start_patch, start_prepare
from catalog.runs.reading import Reader, RunFilter
from catalog.runs.schemas import RunOut, RunSummary
from catalog.sites import cordoning
from catalog.sites.tables import Host

ACCEPTED, OK = 202, 200
RETRY_AFTER_SECONDS = "5"

_START = """
Start a run on the host. It acts there alone: it begins when the runs that came before it on this host have ended, and
those that come after it wait until it has.

- `prepare` makes a fresh Debian one of ours. The same again changes nothing.
- `patch` brings the distribution's updates, starts services again that run on files that were replaced, and restarts
  the host where that is needed. Services are away for seconds then, or for as long as the host takes to start.
  Everything that runs on the host is verified afterwards, each instance by a run of its own (`/v1/runs?cause=…`).
""".strip()
_STARTED = {
    202: ResponseSpec(RunOut, description="The run is on its way; `Location` is where it is."),
    **refusals(400, 403, 404, 409, 413, 415),
}
_NO_INPUT = Text(en="prepare takes no input.", fr="prepare ne prend pas d’entrée.")


class HostsController(Controller):
    """The machines that instances stand on."""

    path = "/v1/hosts"
    tags = ("Hosts",)

    @get(summary="List the hosts", responses=refusals(400, 403))
    async def hosts(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
    ) -> Response[Page[HostOut]]:
        """List the hosts, newest first: state, room, and when they were prepared and patched last."""
        principal.require("operator")
        views, following = await reading.list_hosts(uow, page)
        items = [host_out(view, language) for view in views]
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @get("/{name:str}", summary="Look at a host", responses=refusals(403, 404))
    async def host(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        name: Slug,
    ) -> Response[HostOut]:
        """Look at one host, by its name."""
        principal.require("operator")
        return await _answer(uow, await cordoning.host_by_name(uow, name), language)

    @post(
        "/{name:str}/cordon", summary="Cordon a host", status_code=OK, responses=refusals(400, 403, 404, 409, 413, 415)
    )
    async def cordon(
        self,
        *,
        data: JSONBody[CordonIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        name: Slug,
    ) -> Response[HostOut]:
        """Have a host take no more instances; what is there stays, and runs on it go on as before.

        The same again changes nothing; another reason replaces the one that stands.
        """
        principal.require("operator")
        host, _ = await cordoning.cordon(uow, name, reason=data.reason.strip(), actor=principal.actor)
        return await _answer(uow, host, language)

    @post("/{name:str}/uncordon", summary="Uncordon a host", status_code=OK, responses=refusals(403, 404, 409))
    async def uncordon(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        name: Slug,
    ) -> Response[HostOut]:
        """Have a host take instances again. The same again changes nothing."""
        principal.require("operator")
        host, _ = await cordoning.uncordon(uow, name, actor=principal.actor)
        return await _answer(uow, host, language)

    @post(
        "/{name:str}/runs",
        summary="Prepare or patch a host",
        description=_START,
        status_code=ACCEPTED,
        responses=_STARTED,
    )
    async def start(
        self,
        *,
        data: JSONBody[HostRunIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        name: Slug,
    ) -> Response[RunOut]:
        """Start a run on a host."""
        principal.require("operator")
        if data.action == "patch":
            options = (data.input or PatchIn()).options()
            run = await start_patch(uow, name, options, requested_by=principal.actor)
        elif data.input is not None:
            raise InvalidInput(fields=(FieldError("/input", "not-allowed", _NO_INPUT),))
        else:
            run = await start_prepare(uow, name, requested_by=principal.actor)
        found = await run_reading.run_with_steps(uow, run.id, Reader(language=language, for_operator=True))
        headers = {**language_headers(language), "Location": found.links.self, "Retry-After": RETRY_AFTER_SECONDS}
        return Response(found, headers=headers)

    @get("/{name:str}/runs", summary="List a host's own runs", responses=refusals(400, 403, 404))
    async def runs(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
        name: Slug,
    ) -> Response[Page[RunSummary]]:
        """List what was done to a host itself, newest first."""
        principal.require("operator")
        host = await cordoning.host_by_name(uow, name)
        reader = Reader(language=language, for_operator=True)
        items, following = await run_reading.list_runs(uow, RunFilter(host=host.id), page, reader)
        return Response(Page(items=items, next=following), headers=language_headers(language))


async def _answer(session: AsyncSession, host: Host, language: Language) -> Response[HostOut]:
    (view,) = await reading.views(session, [host])
    return Response(host_out(view, language), headers=language_headers(language))
