"""Attempts: who may act on a run and write about it, and until when.

A claim raises the run's attempt number and takes a lease, in one statement. Whoever holds the number renews the lease
while it works; every write takes the run's row under the condition that the number is still the newest.
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.admission import admissible, next_queue, one_at_a_time
from catalog.runs.definitions import KNOWN_DEFINITIONS, SHELL
from catalog.runs.tables import OPEN_STEPS, Run, RunStep

LEASE_SECONDS = 20
RENEW_SECONDS = 5


class AttemptLost(Exception):
    """Another attempt has taken the run over, or it was ended: this one must stop and may write nothing."""


@dataclass(frozen=True)
class Claim:
    """A run as its attempt sees it: what never changes of it, and the step that is to be done.

    `outputs` are those of the steps that are done, by their name. `stop`: what was asked of the run before.
    """

    run_id: UUID
    attempt: int
    member_id: UUID | None
    subject_kind: str
    subject_id: UUID
    action: str
    input: dict[str, Any]
    requested_by: str
    request_id: UUID | None
    priority: int
    position: int
    step: str
    timeout_seconds: int
    verbosity: int
    stop: str | None
    outputs: dict[str, dict[str, Any]] = field(repr=False)


class Attempt:
    """The right to act on a run, for as long as nobody else has taken it."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self._database = database
        self.claim = claim

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[tuple[AsyncSession, Run]]:
        """Open a transaction that holds the run's row. Raises `AttemptLost` where it is no longer this attempt's."""
        async with self._database.begin(OPERATOR) as session:
            run = await session.scalar(
                sa.select(Run)
                .where(Run.id == self.claim.run_id, Run.attempt == self.claim.attempt, Run.state == "running")
                .with_for_update()
            )
            if run is None:
                raise AttemptLost(f"attempt {self.claim.attempt} of run {self.claim.run_id}")
            yield session, run

    async def asked_to_stop(self) -> str | None:
        """Look whether somebody asked the run to stop: `at-next-task`, `now` or none."""
        async with self._database.begin(OPERATOR) as session:
            return await session.scalar(sa.select(Run.stop).where(Run.id == self.claim.run_id))

    async def renew(self) -> None:
        """Hold the run for another lease; also right before something outside is changed. Raises `AttemptLost`."""
        async with self.begin() as (_, run):
            run.lease_until = new_lease()


async def claim_run(database: Database, run_id: UUID, *, worker: str, may: sa.ColumnElement[bool]) -> Claim | None:
    """Take a run of which `may` is true, such as `for_worker` says it.

    Gives none where there is nothing to do: somebody else holds the run, it has ended, its next step is for others, or
    its definition is one that is not known here.
    """
    async with database.begin(OPERATOR) as session:
        await one_at_a_time(session, run_id)
        run = await session.scalar(_claim(run_id, worker, may))
        return None if run is None else await claim_of(session, run)


async def claim_of(session: AsyncSession, run: Run) -> Claim:
    """Give the claim of the run's newest attempt."""
    steps = (await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id))).all()
    pending = min((step for step in steps if step.state in OPEN_STEPS), key=lambda step: step.position)
    return Claim(
        run_id=run.id,
        attempt=run.attempt,
        member_id=run.member_id,
        subject_kind=run.subject_kind,
        subject_id=run.subject_id,
        action=run.action,
        input=run.input,
        requested_by=run.requested_by,
        request_id=run.request_id,
        priority=run.priority,
        position=pending.position,
        step=pending.name,
        timeout_seconds=pending.timeout_seconds,
        verbosity=run.verbosity,
        stop=run.stop,
        outputs={step.name: step.output or {} for step in steps if step.state == "done"},
    )


def for_worker(queues: Sequence[str]) -> sa.ColumnElement[bool]:
    """Say that a run is due, may begin, and that its next step is for a worker of `queues`; none named: of any."""
    conditions = [
        sa.or_(sa.and_(Run.state.in_(("queued", "waiting")), Run.due_at <= sa.func.clock_timestamp()), lease_is_over()),
        admissible(),
        next_queue() != SHELL,
    ]
    if queues:
        conditions.append(next_queue().in_(queues))
    return sa.and_(*conditions)


def new_lease() -> sa.ColumnElement[dt.datetime]:
    """Give the moment until which a run is held that is renewed now."""
    return sa.func.clock_timestamp() + dt.timedelta(seconds=LEASE_SECONDS)


def lease_is_over() -> sa.ColumnElement[bool]:
    """Say that whoever held the run has let its lease run out."""
    return sa.and_(Run.state == "running", Run.lease_until < sa.func.clock_timestamp())


def _claim(run_id: UUID, worker: str, may: sa.ColumnElement[bool]) -> sa.sql.dml.ReturningUpdate[Run]:
    earlier = sa.orm.aliased(Run)
    numbers = sa.select(sa.func.max(earlier.attempt)).where(earlier.subject_id == Run.subject_id).scalar_subquery()
    return (
        sa.update(Run)
        .where(Run.id == run_id, Run.definition.in_(KNOWN_DEFINITIONS), may)
        .values(
            state="running",
            attempt=numbers + 1,
            worker=worker,
            lease_until=new_lease(),
            started_at=sa.func.coalesce(Run.started_at, sa.func.clock_timestamp()),
            admitted_at=sa.func.coalesce(Run.admitted_at, sa.func.clock_timestamp()),
        )
        .returning(Run)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
