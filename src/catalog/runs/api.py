"""The runs' addresses."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.members.access import principal_of
from catalog.platform.db.engine import Database
from catalog.platform.errors import FieldError, InvalidInput
from catalog.platform.http.filters import VISIBLE, MemberFilter, ToolFilter
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language, Text
from catalog.runs import reading
from catalog.runs.listener import RunEventListener
from catalog.runs.reading import EventBatch, Reader
from catalog.runs.schemas import STATES_DESCRIPTION, EventPage, RunOut, RunSummary, State
from catalog.runs.stream import BATCH, server_sent_events

EVENT_STREAM = "text/event-stream"
MOST_EVENTS = 500
LARGEST_SEQUENCE = 2**63 - 1

_EVENTS = """
Read what happened, in order, from the first event on or from above `after`.

As JSON: a page; ask again with `after` set to its `next` until `ended`. With `Accept: text/event-stream`: what is kept
and then what happens, live, as server-sent events. `id` is the sequence; a client that reconnects with `Last-Event-ID`
goes on where it stopped. A comment comes every 15 seconds. The event `end` closes the stream: `reason` is `run-ended`
after the run's last event, `not-visible` once the person may no longer see the run, or `not-kept` where the events are
older than they are kept: then `events_kept` is false, and the run's steps and errors are all that remains.
""".strip()

_BAD_SEQUENCE = Text(
    en="Last-Event-ID must be the id of an event: a whole number.",
    fr="Last-Event-ID doit être l’identifiant d’un évènement : un nombre entier.",
)

_FOLLOWED = {
    200: ResponseSpec(EventPage, description="Events in order; or, as text/event-stream, all of them live."),
    **refusals(400, 404),
}

StateFilter = Annotated[State | None, QueryParameter(name="state", description="Only in this state.")]
ActionFilter = Annotated[
    str | None, QueryParameter(name="action", max_length=40, pattern=VISIBLE, description="Only of this action.")
]
InstanceFilter = Annotated[
    UUID | None, QueryParameter(name="instance", description="Only of the instance with this id.")
]
CauseFilter = Annotated[
    UUID | None,
    QueryParameter(name="cause", description="Only those that were started after the run with this id."),
]
RequestFilter = Annotated[UUID | None, QueryParameter(name="request", description="Only of the request with this id.")]
BatchFilter = Annotated[UUID | None, QueryParameter(name="batch", description="Only of the batch with this id.")]
After = Annotated[int | None, QueryParameter(ge=0, le=LARGEST_SEQUENCE, description="Only events above this sequence.")]
MostEvents = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_EVENTS, description="How many events, at most.")]
LastEventId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", description="The last event that came; stands before `after`.")
]


class RunsController(Controller):
    """What is done to instances, hosts and members, step by step."""

    path = "/v1/runs"
    tags = ("Runs",)

    @get(summary="List the runs", responses=refusals(400))
    async def runs(  # noqa: PLR0913 - each filter is a query parameter
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
        wanted_state: StateFilter = None,
        action: ActionFilter = None,
        instance: InstanceFilter = None,
        request_id: RequestFilter = None,
        cause: CauseFilter = None,
        tool: ToolFilter = None,
        member: MemberFilter = None,
        batch: BatchFilter = None,
    ) -> Response[Page[RunSummary]]:
        """List the runs of the members where the person holds a role, newest first; operators see all, of hosts too."""
        wanted = reading.RunFilter(
            state=wanted_state,
            action=action,
            instance=instance,
            request=request_id,
            cause=cause,
            tool=tool,
            member=member,
            batch=batch,
        )
        reader = Reader(language=language, for_operator=principal.is_operator)
        items, following = await reading.list_runs(uow, wanted, page, reader)
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @get(
        "/{run_id:uuid}",
        summary="Look at a run",
        description=f"Look at one run: its steps, and every try at them with its error.\n\n{STATES_DESCRIPTION}",
        responses=refusals(404),
    )
    async def run(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        run_id: FromPath[UUID],
    ) -> Response[RunOut]:
        """Look at one run."""
        reader = Reader(language=language, for_operator=principal.is_operator)
        found = await reading.run_with_steps(uow, run_id, reader)
        return Response(found, headers=language_headers(language))

    @get("/{run_id:uuid}/events", summary="Follow a run", description=_EVENTS, responses=_FOLLOWED)
    async def events(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        request: Request[Any, Any, Any],
        database: NamedDependency[Database],
        listener: NamedDependency[RunEventListener],
        run_id: FromPath[UUID],
        after: After = None,
        limit: MostEvents = 100,
        last_event_id: LastEventId = None,
    ) -> Response[EventPage] | Stream:
        """Read a page of events, or all of them live."""

        async def look(above: int, most: int = BATCH) -> EventBatch:
            principal = await principal_of(database, request.user)
            async with database.begin(principal.scope()) as session:
                return await reading.events_after(session, run_id, above, most)

        start = _sequence(last_event_id) if last_event_id else after or 0
        wants_stream = request.accept.best_match(["application/json", EVENT_STREAM]) == EVENT_STREAM
        first = await look(start, 1 if wants_stream else limit)
        if wants_stream:
            return Stream(
                server_sent_events(run_id, start, look, listener),
                media_type=EVENT_STREAM,
                headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"},
            )
        following = first.events[-1].sequence if first.events else start
        found = EventPage(items=first.events, next=following, ended=first.ended, events_kept=first.kept)
        return Response(found, headers={"Vary": "Accept"})


def _sequence(last_event_id: str) -> int:
    """Read `Last-Event-ID`. Raises `InvalidInput`."""
    if not (last_event_id.isascii() and last_event_id.isdecimal()) or int(last_event_id) > LARGEST_SEQUENCE:
        raise InvalidInput(fields=(FieldError("Last-Event-ID", "wrong-format", _BAD_SEQUENCE),))
    return int(last_event_id)
