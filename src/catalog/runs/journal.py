"""The journal of a run: what each attempt began, and how it ended, each in one transaction with all that follows."""

import dataclasses
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.clock import now
from catalog.runs.admission import wake_next
from catalog.runs.attempts import Attempt, Claim
from catalog.runs.events import EventWriter, Line, append
from catalog.runs.failures import CANCELLED, INTERRUPTED, MOST_INTERRUPTIONS, Problem, delay_before_next_try
from catalog.runs.jobs import defer
from catalog.runs.outcomes import end_run
from catalog.runs.tables import OPEN_STEPS, Run, RunStep, StepTry


class Journal:
    """Writes for one attempt. Every method raises `AttemptLost` where the run is no longer this attempt's."""

    def __init__(self, attempt: Attempt, events: EventWriter, worker: str) -> None:
        self._attempt = attempt
        self._claim: Claim = attempt.claim
        self._events = events
        self._worker = worker

    async def begin(self) -> bool:
        """Write that the attempt began. False where the run has ended now, since it was interrupted too often."""
        claim = self._claim
        async with self._attempt.begin() as (session, run):
            lines: list[Line] = []
            tries = await self._close_interrupted(session)
            lines += [("step.interrupted", {"step": claim.step, "attempt": one.attempt}) for one in tries]
            if run.last_sequence == 0:
                lines.append(
                    ("run.started", {"action": claim.action, "attempt": claim.attempt, "worker": self._worker})
                )
            step = await self._step(session)
            if await self._count(session, "interrupted", run.tries_from) >= MOST_INTERRUPTIONS:
                step.state = "failed"
                problem = dataclasses.replace(INTERRUPTED, step=claim.step)
                await self._end(session, run, lines, problem)
                return False
            step.state = "running"
            session.add(
                StepTry(
                    run_id=claim.run_id,
                    position=claim.position,
                    attempt=claim.attempt,
                    member_id=claim.member_id,
                    worker=self._worker,
                )
            )
            lines.append(
                ("step.started", {"step": claim.step, "attempt": claim.attempt, "worker": self._worker}),
            )
            await append(session, run, lines)
        return True

    async def done(self, output: dict[str, Any]) -> None:
        """Write that the step is done, and hand the run on to its next step, or end it."""
        await self._events.flush()
        async with self._attempt.begin() as (session, run):
            step = await self._step(session)
            step.state, step.output = "done", output
            await self._close(session, "done", None)
            lines = [self._events.line("step.done", {"step": step.name, "output": output})]
            following = await session.scalar(
                sa.select(RunStep)
                .where(RunStep.run_id == run.id, RunStep.position > step.position, RunStep.state.in_(OPEN_STEPS))
                .order_by(RunStep.position)
                .limit(1)
            )
            if following is None:
                run.result = self._claim.outputs | {step.name: output}
                await self._end(session, run, lines, None)
                return
            if run.stop is not None:
                await self._end(session, run, lines, CANCELLED, state="cancelled")
                return
            self._release(run, "queued", await _moment(session))
            await append(session, run, lines)
            await defer(session, run.id, following.queue, priority=run.priority)

    async def unavailable(self, problem: Problem) -> None:
        """Write that the step found something away: it waits for its next try, or fails after the last."""
        await self._events.flush()
        async with self._attempt.begin() as (session, run):
            told = self._told(problem)
            await self._close(session, "failed", told)
            delay = delay_before_next_try(await self._count(session, "failed", run.tries_from))
            step = await self._step(session)
            if run.stop is not None:
                # Whoever takes it up ends it, here and on the host: there is nothing to wait for.
                await self._hand_back(session, run, step)
                return
            if delay is None:
                step.state = "failed"
                await self._end(session, run, [("step.failed", {"step": step.name, "error": told})], problem)
                return
            step.state = "pending"
            due_at = await _moment(session) + delay
            self._release(run, "waiting", due_at)
            run.error = told
            line = ("step.waiting", {"step": step.name, "error": told, "due_at": due_at.isoformat()})
            await append(session, run, [line])
            await defer(session, run.id, step.queue, priority=run.priority, due_at=due_at)
            await session.flush()
            await wake_next(session, run)

    async def failed(self, problem: Problem) -> None:
        """Write that the step can't be done, which ends the run."""
        await self._events.flush()
        async with self._attempt.begin() as (session, run):
            told = self._told(problem)
            await self._close(session, "failed", told)
            step = await self._step(session)
            step.state = "failed"
            await self._end(session, run, [("step.failed", {"step": step.name, "error": told})], problem)

    async def cancelled(self, problem: Problem) -> None:
        """Write that the try was stopped because somebody asked for it, which ends the run; it can be tried again."""
        await self._events.flush()
        async with self._attempt.begin() as (session, run):
            await self._close(session, "cancelled", self._told(problem))
            step = await self._step(session)
            step.state = "pending"
            line = ("step.cancelled", {"step": step.name, "attempt": self._claim.attempt})
            await self._end(session, run, [line], problem, state="cancelled")

    async def given_back(self) -> None:
        """Write that the try was stopped because its worker must go; another goes on with it at once."""
        await self._events.flush()
        async with self._attempt.begin() as (session, run):
            await self._close(session, "interrupted", None)
            await self._hand_back(session, run, await self._step(session))

    async def _hand_back(self, session: AsyncSession, run: Run, step: RunStep) -> None:
        """Let another worker take the step up at once."""
        step.state = "pending"
        self._release(run, "queued", await _moment(session))
        line = ("step.interrupted", {"step": step.name, "attempt": self._claim.attempt})
        await append(session, run, [line])
        await defer(session, run.id, step.queue, priority=run.priority)

    async def _end(
        self, session: AsyncSession, run: Run, lines: list[Line], problem: Problem | None, *, state: str = "failed"
    ) -> None:
        """End the run: without a problem well, and else in `state`."""
        done = "abandoned" if run.undoes else "succeeded"
        run_state = done if problem is None else state
        await end_run(session, run, run_state, None if problem is None else self._told(problem), lines)

    def _told(self, problem: Problem) -> dict[str, Any]:
        problem = dataclasses.replace(problem, step=self._claim.step)
        return self._events.line("step.failed", problem.as_json())[1]

    @staticmethod
    def _release(run: Run, state: str, due_at: dt.datetime) -> None:
        run.state, run.due_at = state, due_at
        run.worker = run.lease_until = run.error = None

    async def _step(self, session: AsyncSession) -> RunStep:
        return await session.get_one(RunStep, (self._claim.run_id, self._claim.position))

    async def _close(self, session: AsyncSession, outcome: str, error: dict[str, Any] | None) -> None:
        one = await session.get_one(StepTry, (self._claim.run_id, self._claim.position, self._claim.attempt))
        one.ended_at, one.outcome, one.error = now(), outcome, error
        await session.flush()

    async def _close_interrupted(self, session: AsyncSession) -> list[StepTry]:
        left_open = sa.select(StepTry).where(StepTry.run_id == self._claim.run_id, StepTry.outcome.is_(None))
        tries = list(await session.scalars(left_open.order_by(StepTry.attempt)))
        for one in tries:
            one.ended_at, one.outcome = now(), "interrupted"
        await session.flush()
        return tries

    async def _count(self, session: AsyncSession, outcome: str, since: int) -> int:
        """Count the tries at the step that ended so, since a person last had it tried again."""
        found = await session.scalar(
            sa.select(sa.func.count()).where(
                StepTry.run_id == self._claim.run_id,
                StepTry.position == self._claim.position,
                StepTry.outcome == outcome,
                StepTry.attempt > since,
            )
        )
        return int(found or 0)


async def _moment(session: AsyncSession) -> dt.datetime:
    """Give the database's time: whether a run is due is compared with that, whatever this machine's clock says."""
    moment = await session.scalar(sa.select(sa.func.clock_timestamp()))
    if not isinstance(moment, dt.datetime):
        raise TypeError(type(moment).__name__)
    return moment
