"""The batches' addresses."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.batches import reading, service
from catalog.batches.lifecycle import DESCRIPTION, Move, Standing, State
from catalog.batches.schemas import BatchDryRun, BatchOut, ItemOut, NewBatch
from catalog.batches.tables import Batch
from catalog.identity.principals import Principal
from catalog.platform.http.idempotency_header import IdempotencyKey
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.platform.idempotency import attempted, earlier, remember

ACCEPTED, OK = 202, 200
RETRY_AFTER_SECONDS = "5"

_MAKE = f"""
Start one action on many instances, in waves: the first has `first` instances, each later one at most `wave`, and none
begins before all runs of the batch that have begun have ended. It stops by itself when more than `stop_at_percent` of
the runs that ended failed. For operators.

The actions and what goes with them are those of `POST /v1/instances/{{instance_id}}/runs`; nothing is removed in a
batch. `update`, `upgrade` and a tool's own actions need `filter.tool`. An upgrade goes to one revision, the one that is
current now or the one that is named, whatever is published meanwhile.

The instances are those that fit the filter now. One that another run acts on is tried again while the batch goes on;
one that can't begin is left out, with the problem that says why. The batch's runs come after those that a person waits
for, and wait under holds; then the batch waits too. With `dry_run=true` nothing is saved, and the answer says of each
instance what would become of it. With an `Idempotency-Key`, the same body sent again gets the same batch.

{DESCRIPTION}
""".strip()

_MADE = {
    202: ResponseSpec(BatchOut, description="The batch is on its way; `Location` is where it is."),
    200: ResponseSpec(BatchDryRun, description="What it would come to (`dry_run=true`). Nothing was saved."),
    **refusals(400, 403, 409, 413, 415),
}
_STEERED = refusals(403, 404, 409)

StateFilter = Annotated[State | None, QueryParameter(name="state", description="Only in this state.")]
StandingFilter = Annotated[Standing | None, QueryParameter(name="state", description="Only those that stand so.")]
DryRun = Annotated[bool, QueryParameter(name="dry_run", description="Check everything and save nothing.")]


class BatchesController(Controller):
    """One action on many instances, in waves."""

    path = "/v1/batches"
    tags = ("Batches",)

    @post(summary="Start an action on many instances", description=_MAKE, status_code=ACCEPTED, responses=_MADE)
    async def make(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        data: JSONBody[NewBatch],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        dry_run: DryRun = False,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Any]:
        """Write a batch down, or say what it would come to."""
        principal.require("operator")
        if dry_run:
            foreseen = await reading.dry_run(uow, data, language)
            return Response(foreseen, status_code=OK, headers=language_headers(language))
        attempt = None
        if idempotency_key is not None:
            attempt = attempted(principal.person_id, idempotency_key, "batch", data)
            known = await earlier(uow, attempt)
            if known is not None:
                return await _made(uow, await reading.batch_by_id(uow, known), language)
        batch = await service.make(uow, data, actor=principal.actor)
        if attempt is not None:
            await remember(uow, attempt, batch.id, member_id=None)
        return await _made(uow, batch, language)

    @get(summary="List the batches", responses=refusals(400, 403))
    async def batches(
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
        wanted_state: StateFilter = None,
    ) -> Response[Page[BatchOut]]:
        """List the batches, newest first. For operators."""
        principal.require("operator")
        items, following = await reading.list_batches(uow, wanted_state, page, language)
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @get(
        "/{batch_id:uuid}",
        summary="Look at a batch",
        description=f"Look at a batch, and how its instances stand. For operators.\n\n{DESCRIPTION}",
        responses=refusals(403, 404),
    )
    async def batch(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        batch_id: FromPath[UUID],
    ) -> Response[BatchOut]:
        """Look at one batch."""
        principal.require("operator")
        return await _answer(uow, await reading.batch_by_id(uow, batch_id), language)

    @get("/{batch_id:uuid}/items", summary="List a batch's instances", responses=refusals(400, 403, 404))
    async def items(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
        batch_id: FromPath[UUID],
        standing: StandingFilter = None,
    ) -> Response[Page[ItemOut]]:
        """List the instances of a batch with how each stands, the last in its order first. For operators."""
        principal.require("operator")
        items, following = await reading.list_items(uow, batch_id, standing, page, language)
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @post("/{batch_id:uuid}/pause", summary="Pause a batch", status_code=OK, responses=_STEERED)
    async def pause(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        batch_id: FromPath[UUID],
    ) -> Response[BatchOut]:
        """Begin no further wave until it is resumed; what has begun goes on. For operators."""
        return await _steered(uow, principal, batch_id, "pause", language)

    @post("/{batch_id:uuid}/resume", summary="Let a batch go on", status_code=OK, responses=_STEERED)
    async def resume(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        batch_id: FromPath[UUID],
    ) -> Response[BatchOut]:
        """Let a paused batch go on. For operators."""
        return await _steered(uow, principal, batch_id, "resume", language)

    @post("/{batch_id:uuid}/cancel", summary="Cancel a batch", status_code=OK, responses=_STEERED)
    async def cancel(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        batch_id: FromPath[UUID],
    ) -> Response[BatchOut]:
        """End a batch: no further wave begins, and its runs that no worker has begun are cancelled.

        What a worker is at goes on to its end; cancel those runs one by one where they must stop too. For operators.
        """
        return await _steered(uow, principal, batch_id, "cancel", language)

    @post(
        "/{batch_id:uuid}/retry",
        summary="Run those again that failed",
        status_code=ACCEPTED,
        responses=refusals(403, 404, 409),
    )
    async def retry(
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        batch_id: FromPath[UUID],
    ) -> Response[BatchOut]:
        """Make a batch of those alone whose runs failed, or were cancelled or abandoned, with all else as it was.

        The batch must have ended, and this can be done once: after that, the new batch is the one to go on with. For
        operators.
        """
        principal.require("operator")
        return await _made(uow, await service.retry(uow, batch_id, actor=principal.actor), language)


async def _steered(
    session: AsyncSession, principal: Principal, batch_id: UUID, move: Move, language: Language
) -> Response[BatchOut]:
    principal.require("operator")
    return await _answer(session, await service.steer(session, batch_id, move, actor=principal.actor), language)


async def _made(session: AsyncSession, batch: Batch, language: Language) -> Response[BatchOut]:
    answer = await _answer(session, batch, language)
    answer.status_code = ACCEPTED
    answer.headers |= {"Location": f"/v1/batches/{batch.id}", "Retry-After": RETRY_AFTER_SECONDS}
    return answer


async def _answer(session: AsyncSession, batch: Batch, language: Language) -> Response[BatchOut]:
    (written,) = await reading.batches_out(session, [batch], language)
    return Response(written, headers=language_headers(language))
