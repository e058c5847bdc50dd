"""A shell goes on with its run: takes the step, is given what it needs, tells what happens, and ends it."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import NotFound
from catalog.runs.admission import admissible, next_queue
from catalog.runs.ansible import fence
from catalog.runs.ansible.story import PLAYBOOK_FAILED
from catalog.runs.attempts import LEASE_SECONDS, Attempt, AttemptLost, claim_of, claim_run, new_lease
from catalog.runs.control import Stop, cancel
from catalog.runs.definitions import SHELL
from catalog.runs.events import EventWriter, append
from catalog.runs.failures import CANCELLED, TIMED_OUT, Problem
from catalog.runs.journal import Journal
from catalog.runs.shell.errors import AttemptOver, LinesMissing, SecretsFetched, SecretsNotSealed, StepNotDue
from catalog.runs.shell.inventory import public_variables
from catalog.runs.shell.lines import output_of, stored
from catalog.runs.shell.problems import UNREACHABLE
from catalog.runs.shell.schemas import AttemptOut, EndIn, HeardOut, LinesIn
from catalog.runs.shell.starting import digest_of
from catalog.runs.shell.tables import ShellRun
from catalog.runs.steps.subject import read_subject
from catalog.runs.tables import ACTIVE_STATES, OPEN_STEPS, Run, RunStep, StepTry


async def take_step(database: Database, run_id: UUID, key: str, public_key: bytes, issuer: str) -> AttemptOut:
    """Claim the run's step for the shell, once. Raises `NotFound`, `StepNotDue`, `AttemptOver`."""
    async with database.begin(OPERATOR) as session:
        shell = await _shell(session, run_id, key)
    worker = _worker(shell)
    claim = None if shell.attempt else await claim_run(database, run_id, worker=worker, may=_for_shell())
    if claim is None:
        raise await _why_not(database, run_id)
    attempt = Attempt(database, claim)
    async with _holding(attempt) as (session, _):
        shell = await session.get_one(ShellRun, run_id)
        shell.attempt, shell.public_key = claim.attempt, public_key
    await Journal(attempt, EventWriter(attempt), worker).begin()
    async with database.begin(OPERATOR) as session:
        subject = await read_subject(session, claim, archive=False)
    return AttemptOut(
        attempt=claim.attempt,
        step=claim.step,
        variables=public_variables(subject, claim.attempt, issuer),
        fence=fence.script(),
        shell_executable=fence.executable(claim.subject_id, claim.attempt),
        lease_seconds=LEASE_SECONDS,
    )


async def fetch_secrets(database: Database, run_id: UUID, key: str) -> bytes:
    """Give what a worker sealed, and forget it. Raises `NotFound`, `AttemptOver`, `SecretsNotSealed`."""
    attempt, _ = await _attempt(database, run_id, key)
    async with _holding(attempt) as (session, _):
        shell = await session.get_one(ShellRun, run_id)
        if shell.public_key is None:
            raise SecretsFetched
        if shell.sealed is None:
            raise SecretsNotSealed
        sealed = shell.sealed
        shell.public_key = shell.sealed = None
    return sealed


async def hear(database: Database, run_id: UUID, key: str, told: LinesIn) -> HeardOut:
    """Take lines into the journal, each once, and renew the lease. Raises `NotFound`, `AttemptOver`, `LinesMissing`."""
    attempt, _ = await _attempt(database, run_id, key)
    async with _holding(attempt) as (session, run):
        shell = await session.get_one(ShellRun, run_id)
        if told.first > shell.lines:
            raise LinesMissing(expected=shell.lines)
        fresh = told.lines[shell.lines - told.first :]
        await append(session, run, [stored(line) for line in fresh])
        shell.lines += len(fresh)
        run.lease_until = new_lease()
        one = await session.get_one(StepTry, (run_id, attempt.claim.position, attempt.claim.attempt))
        over = (now() - one.started_at).total_seconds() > attempt.claim.timeout_seconds
        return HeardOut(lines=shell.lines, stop="time-limit" if over else cast("Stop | None", run.stop))


async def end(database: Database, run_id: UUID, key: str, ended: EndIn) -> Run:
    """Write how the playbook ended; saying it again changes nothing. Raises `NotFound`, `AttemptOver`.

    A shell that has not taken its step yet gives the run up by this, whatever it says.
    """
    given_up = await _give_up(database, run_id, key)
    if given_up is not None:
        return given_up
    try:
        attempt, shell = await _attempt(database, run_id, key)
    except AttemptOver:
        return await _as_it_ended(database, run_id, key)
    journal = Journal(attempt, EventWriter(attempt), _worker(shell))
    try:
        async with attempt.begin() as (session, _):
            kept = await session.get_one(ShellRun, run_id)
            kept.public_key = kept.sealed = None
        await _write(journal, ended)
    except AttemptLost as error:
        raise AttemptOver(state="running") from error
    async with database.begin(OPERATOR) as session:
        return await session.get_one(Run, run_id)


async def _give_up(database: Database, run_id: UUID, key: str) -> Run | None:
    """Cancel the run of a shell that has not begun its step; none where it has."""
    async with database.begin(OPERATOR) as session:
        shell = await _shell(session, run_id, key)
        run = await session.get_one(Run, run_id)
        if shell.attempt is not None or run.state not in ACTIVE_STATES:
            return None
        return await cancel(session, run_id, stop="now", actor=run.requested_by)


async def _write(journal: Journal, ended: EndIn) -> None:
    match ended.outcome:
        case "done":
            await journal.done(output_of(ended))
        case "cancelled":
            await journal.cancelled(CANCELLED)
        case _:
            await journal.failed(problem_of(ended))


def problem_of(ended: EndIn) -> Problem:
    """Write down why a playbook did not come to its end."""
    known = {"unreachable": UNREACHABLE, "timed-out": TIMED_OUT, "cancelled": CANCELLED}
    found = known.get(ended.outcome, PLAYBOOK_FAILED)
    return replace(found, task=ended.task, host=ended.host, message=ended.message)


async def _shell(session: AsyncSession, run_id: UUID, key: str) -> ShellRun:
    """Give the shell whose key this is. Raises `NotFound`, for a wrong key too."""
    shell = await session.get(ShellRun, run_id)
    if shell is None or not hmac.compare_digest(shell.key_digest, digest_of(key)):
        raise NotFound
    return shell


async def _attempt(database: Database, run_id: UUID, key: str) -> tuple[Attempt, ShellRun]:
    """Give the shell's attempt, if the run is still its own. Raises `NotFound`, `AttemptOver`."""
    async with database.begin(OPERATOR) as session:
        shell = await _shell(session, run_id, key)
        run = await session.get_one(Run, run_id)
        if run.state != "running" or run.attempt != shell.attempt:
            raise AttemptOver(state=run.state)
        return Attempt(database, await claim_of(session, run)), shell


@asynccontextmanager
async def _holding(attempt: Attempt) -> AsyncIterator[tuple[AsyncSession, Run]]:
    """Do as `Attempt.begin` does. Raises `AttemptOver` instead of `AttemptLost`."""
    try:
        async with attempt.begin() as held:
            yield held
    except AttemptLost as error:
        raise AttemptOver(state="running") from error


async def _why_not(database: Database, run_id: UUID) -> StepNotDue | AttemptOver:
    async with database.begin(OPERATOR) as session:
        run = await session.get_one(Run, run_id)
        following = await session.scalar(
            sa.select(RunStep)
            .where(RunStep.run_id == run_id, RunStep.state.in_(OPEN_STEPS))
            .order_by(RunStep.position)
            .limit(1)
        )
    if run.state in ACTIVE_STATES and following is not None and following.queue != SHELL:
        return StepNotDue(step=following.name)
    return AttemptOver(state=run.state)


async def _as_it_ended(database: Database, run_id: UUID, key: str) -> Run:
    """Give a run whose end this shell has told before. Raises `AttemptOver` where it has not."""
    async with database.begin(OPERATOR) as session:
        shell = await _shell(session, run_id, key)
        run = await session.get_one(Run, run_id)
        told = await session.scalar(
            sa.select(StepTry.outcome).where(StepTry.run_id == run_id, StepTry.attempt == shell.attempt)
        )
    if told not in {"done", "failed", "cancelled"}:
        raise AttemptOver(state=run.state)
    return run


def _for_shell() -> sa.ColumnElement[bool]:
    return sa.and_(
        Run.state == "queued",
        Run.due_at <= sa.func.clock_timestamp(),
        next_queue() == SHELL,
        admissible(),
    )


def _worker(shell: ShellRun) -> str:
    return f"shell:{shell.shell}"
