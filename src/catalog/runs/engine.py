"""The engine: does one step of a run that a job has told of, under a lease, and hands the run on."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError

from catalog.platform.db.engine import Database, database_is_away
from catalog.runs.attempts import LEASE_SECONDS, RENEW_SECONDS, Attempt, AttemptLost, claim_run
from catalog.runs.context import Step, StepContext, Steps
from catalog.runs.events import EventWriter
from catalog.runs.failures import (
    CANCELLED,
    CANCELLED_UNSURE,
    UNEXPECTED,
    NotDone,
    StepFailed,
    StepStopped,
    StepTimedOut,
    StepUnavailable,
)
from catalog.runs.journal import Journal

FLUSH_SECONDS = 0.25
LOOK_SECONDS = 1.0

log = structlog.get_logger()

T = TypeVar("T")


class _GivenBack(NotDone):
    """The worker must end before the step does."""


class _StoppedNow(NotDone):
    """Somebody asked the run to stop now."""


class Engine:
    """Does steps for one worker process. `queues` are those that it works for; none named: all."""

    def __init__(self, database: Database, steps: Steps, *, worker: str, queues: Sequence[str] = ()) -> None:
        self._database = database
        self._steps = steps
        self._worker = worker
        self._queues = queues
        self._hurry = asyncio.Event()

    def give_back(self) -> None:
        """Stop what is being done now, and give it back for another worker to do: this one must end at once."""
        self._hurry.set()

    async def work(self, run_id: UUID) -> None:
        """Do the next step of a run, if it is this worker's to do. Safe to call at any time, any number of times."""
        claim = await claim_run(self._database, run_id, worker=self._worker, queues=self._queues)
        if claim is None:
            log.debug("run.not_mine", run_id=str(run_id))
            return
        attempt = Attempt(self._database, claim)
        context = StepContext(self._database, attempt, EventWriter(attempt))
        with structlog.contextvars.bound_contextvars(run_id=str(run_id), attempt=claim.attempt, step=claim.step):
            try:
                await self._attempt(context)
            except AttemptLost:
                log.warning("run.attempt_lost")

    async def _attempt(self, context: StepContext) -> None:
        journal = Journal(context.attempt, context.events, self._worker)
        if not await journal.begin():
            return
        log.info("step.started", action=context.claim.action)
        try:
            output = await self._perform(context)
        except NotDone as why:
            await self._write_why(why, context, journal)
        except AttemptLost:
            raise
        except Exception as error:
            if database_is_away(error):
                raise  # nothing can be written: the lease runs out, and the run is taken up again
            log.exception("step.broken")
            await journal.failed(UNEXPECTED)
        else:
            log.info("step.done")
            await journal.done(output)

    async def _write_why(self, why: NotDone, context: StepContext, journal: Journal) -> None:
        """Write why the step is not done, once nothing of this attempt goes on outside."""
        log.info("step.not_done", why=type(why).__name__, code=getattr(getattr(why, "problem", None), "code", None))
        match why:
            case StepTimedOut():
                await self._end_outside(context)
                await journal.failed(why.problem)
            case StepFailed():
                await journal.failed(why.problem)
            case StepUnavailable():
                await journal.unavailable(why.problem)
            case _GivenBack():
                await self._end_outside(context)
                await journal.given_back()
            case _StoppedNow():
                certain = await self._end_outside(context)
                await journal.cancelled(CANCELLED if certain else CANCELLED_UNSURE)
            case StepStopped():
                await journal.cancelled(CANCELLED)
            case _:
                raise TypeError(type(why).__name__)

    async def _perform(self, context: StepContext) -> dict[str, Any]:
        """Do the step while the lease is renewed and lines are written; whichever ends first ends the other."""
        if context.claim.stop is not None:
            raise _StoppedNow
        step = self._step(context)
        limited = _within(context.claim.timeout_seconds, step.do(context))
        return await _guarded(limited, _pulse(context, steered=True), self._hurried())

    async def _end_outside(self, context: StepContext) -> bool:
        """End what the attempt left behind where it acted; tell whether it is sure that nothing is left."""
        step = self._step(context)
        if step.end is None:
            return True
        certain = await _guarded(step.end(context), _pulse(context, steered=False))
        if not certain:
            log.warning("step.may_go_on_outside")
        return certain

    def _step(self, context: StepContext) -> Step:
        step = self._steps.get(context.claim.step)
        if step is None:
            raise LookupError(context.claim.step)
        return step

    async def _hurried(self) -> None:
        await self._hurry.wait()
        raise _GivenBack


async def _guarded(work: Awaitable[T], *guards: Awaitable[None]) -> T:
    """Await `work` for as long as none of its guards raises; whichever ends first ends the others."""
    doing = asyncio.ensure_future(work)
    guarding = [asyncio.ensure_future(guard) for guard in guards]
    try:
        await asyncio.wait((doing, *guarding), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            for guard in guarding:
                if guard.done():
                    guard.result()
        return await doing
    finally:
        for task in (doing, *guarding):
            task.cancel()
        await asyncio.gather(doing, *guarding, return_exceptions=True)


async def _within(seconds: float, step: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await step
    except TimeoutError as error:
        if limit.expired():
            raise StepTimedOut from error
        raise


async def _pulse(context: StepContext, *, steered: bool) -> None:
    """Renew the lease and write lines; where the step is `steered`, hear of being stopped.

    Raises `AttemptLost` when it is, or when the database was away for a whole lease; `_StoppedNow`.
    """
    looked = time.monotonic()
    renewed = looked - RENEW_SECONDS
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            async with asyncio.timeout(max(FLUSH_SECONDS, renewed + LEASE_SECONDS - time.monotonic())):
                await context.events.flush()
                if time.monotonic() - renewed >= RENEW_SECONDS:
                    await context.attempt.renew()
                    renewed = time.monotonic()
                if steered and time.monotonic() - looked >= LOOK_SECONDS:
                    await _look_whether_to_stop(context)
                    looked = time.monotonic()
        except (DBAPIError, OSError, TimeoutError) as error:
            log.warning("run.pulse_missed", exc_info=True)
            if time.monotonic() - renewed >= LEASE_SECONDS:
                raise AttemptLost("the lease could not be renewed") from error


async def _look_whether_to_stop(context: StepContext) -> None:
    asked = await context.attempt.asked_to_stop()
    if asked == "now":
        raise _StoppedNow
    if asked == "at-next-task":
        context.stopping.set()
