"""The addresses by which operators steer runs: stop, try again, give up."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.platform.http.language import language_headers
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.runs import control, reading
from catalog.runs.reading import Reader
from catalog.runs.schemas import RunOut

ACCEPTED = 202
_STEERED = refusals(400, 403, 404, 409, 413, 415)


class CancelIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to stop: before the next task or step begins (`at-next-task`), or at once (`now`)."""

    stop: Annotated[
        control.Stop,
        Meta(description="`now` ends what runs on the host too; `at-next-task` lets the task that runs end."),
    ] = "at-next-task"


class RetryIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the next try is made."""

    verbosity: Annotated[
        int, Meta(ge=0, le=control.MOST_VERBOSE, description="How many `-v` Ansible is given. Secrets stay hidden.")
    ] = 0


class RunControlController(Controller):
    """What operators say to a run."""

    path = "/v1/runs"
    tags = ("Runs",)

    @post("/{run_id:uuid}/cancel", summary="Stop a run", status_code=ACCEPTED, responses=_STEERED)
    async def cancel(
        self,
        *,
        data: JSONBody[CancelIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        run_id: FromPath[UUID],
    ) -> Response[RunOut]:
        """Stop a run: it ends as `cancelled` within seconds. What is done stays; it can be tried again or abandoned.

        Asking twice changes nothing; `now` goes before `at-next-task`. For operators.
        """
        await _for_operators(uow, principal, run_id)
        await control.cancel(uow, run_id, stop=data.stop, actor=principal.actor)
        return await _answer(uow, run_id, language)

    @post("/{run_id:uuid}/retry", summary="Try a run again", status_code=ACCEPTED, responses=_STEERED)
    async def retry(
        self,
        *,
        data: JSONBody[RetryIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        run_id: FromPath[UUID],
    ) -> Response[RunOut]:
        """Try a run that failed or was cancelled again, from the step that is not done. Each try's story stays.

        For operators.
        """
        await _for_operators(uow, principal, run_id)
        await control.retry(uow, run_id, verbosity=data.verbosity, actor=principal.actor)
        return await _answer(uow, run_id, language)

    @post("/{run_id:uuid}/abandon", summary="Give a run up", status_code=ACCEPTED, responses=refusals(403, 404, 409))
    async def abandon(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        run_id: FromPath[UUID],
    ) -> Response[RunOut]:
        """Give a run that failed or was cancelled up. It takes back what it alone had made.

        A first provision goes on to remove all that it made (`undoes`), and is `abandoned` at the end. Anything else is
        `abandoned` at once: the instance, its data, its client and its name stay, it is desired as it was last set up,
        and its `attention` says that somebody should look. For operators.
        """
        await _for_operators(uow, principal, run_id)
        await control.abandon(uow, run_id, actor=principal.actor)
        return await _answer(uow, run_id, language)


async def _for_operators(session: AsyncSession, principal: Principal, run_id: UUID) -> None:
    """Raise `NotFound` for whoever may not see the run, `Forbidden` for whoever may not steer it."""
    await reading.run_by_id(session, run_id)
    principal.require("operator")


async def _answer(session: AsyncSession, run_id: UUID, language: Language) -> Response[RunOut]:
    await session.flush()
    session.expire_all()
    found = await reading.run_with_steps(session, run_id, Reader(language=language, for_operator=True))
    return Response(found, headers=language_headers(language))
