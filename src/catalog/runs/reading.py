"""Reading runs and their events. Row-level security leaves out those of other members, and of hosts for members."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.service import rows_by_id
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.errors import NotFound
from catalog.platform.http.pages import PageRequest, paginate
from catalog.platform.i18n import Language
from catalog.runs.comparison import comparison_in
from catalog.runs.definitions import COMPARISON
from catalog.runs.plans.schemas import ComparisonOut, comparison_out
from catalog.runs.schemas import (
    FINAL,
    EventOut,
    RunLinks,
    RunOut,
    RunSummary,
    State,
    StepOut,
    SubjectOut,
    TryOut,
    WaitOut,
    error_out,
)
from catalog.runs.shell.command import command_of
from catalog.runs.tables import Run, RunEvent, RunStep, StepTry
from catalog.runs.waiting import what_they_wait_for


class RunFilter(msgspec.Struct, frozen=True):
    """Which runs are asked for; what is left out does not narrow the list.

    `instance`, `request`, `batch` and `host` (for the host's own runs) are ids, and `cause` that of the run that they
    follow.
    """

    state: State | None = None
    action: str | None = None
    instance: UUID | None = None
    request: UUID | None = None
    cause: UUID | None = None
    host: UUID | None = None
    tool: str | None = None
    member: str | None = None
    batch: UUID | None = None


class Reader(msgspec.Struct, frozen=True):
    """In which language, and whether for an operator, who sees hosts too."""

    language: Language
    for_operator: bool


class EventBatch(msgspec.Struct, frozen=True):
    """Events in order, as far as they were there. `ended`: the run is over and none follows.

    `kept`: false where there were events that are older than they are kept.
    """

    events: list[EventOut]
    ended: bool
    kept: bool = True


async def run_by_id(session: AsyncSession, run_id: UUID) -> Run:
    """Give a run. Raises `NotFound`, for another member's too."""
    found = await session.get(Run, run_id)
    if found is None:
        raise NotFound
    return found


async def list_runs(
    session: AsyncSession, wanted: RunFilter, page: PageRequest, reader: Reader
) -> tuple[list[RunSummary], str | None]:
    """Give one page of runs, newest first, and the next page's `after` where there is one."""
    found, following = await paginate(session, _statement(wanted), Run.id, page)
    beside = await _beside(session, found)
    return [RunSummary(**_summary(run, beside, reader)) for run in found], following


async def run_with_steps(session: AsyncSession, run_id: UUID, reader: Reader) -> RunOut:
    """Give a run with its steps and all tries at them. Raises `NotFound`."""
    run = await run_by_id(session, run_id)
    found = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id).order_by(RunStep.position))
    steps = found.all()
    tries: dict[int, list[TryOut]] = {}
    for one in await session.scalars(
        sa.select(StepTry).where(StepTry.run_id == run.id).order_by(StepTry.position, StepTry.attempt)
    ):
        tries.setdefault(one.position, []).append(_try(one, reader))
    instance = await session.get(Instance, run.subject_id) if run.subject_kind == "instance" else None
    return RunOut(
        **_summary(run, await _beside(session, [run]), reader),
        check_mode=bool(run.input.get("check")),
        command=command_of(run, instance),
        steps=[
            StepOut(step.position, step.name, step.state, step.timeout_seconds, tries.get(step.position, []))
            for step in steps
        ],
        comparison=_comparison(run, steps, reader),
        events_kept=await events_kept(session, run.id, run.last_sequence),
    )


def _comparison(run: Run, steps: Sequence[RunStep], reader: Reader) -> ComparisonOut | None:
    if not {step.name for step in steps}.intersection(COMPARISON):
        return None
    found = comparison_in({step.name: step.output or {} for step in steps if step.state == "done"})
    return comparison_out(run.input, found, reader.language)


async def events_after(session: AsyncSession, run_id: UUID, after: int, limit: int) -> EventBatch:
    """Give at most `limit` events whose sequence is above `after`. Raises `NotFound`.

    The run is read before its events: where it is over, all of its events were there to be read.
    """
    found_run = (await session.execute(sa.select(Run.state, Run.last_sequence).where(Run.id == run_id))).one_or_none()
    if found_run is None:
        raise NotFound
    state, last_sequence = found_run
    rows = await session.scalars(
        sa.select(RunEvent)
        .where(RunEvent.run_id == run_id, RunEvent.sequence > after)
        .order_by(RunEvent.sequence)
        .limit(limit + 1)
    )
    found = [EventOut(row.sequence, row.recorded_at, row.kind, row.data) for row in rows]
    kept = bool(found) or await events_kept(session, run_id, last_sequence)
    return EventBatch(events=found[:limit], ended=state in FINAL and len(found) <= limit, kept=kept)


async def events_kept(session: AsyncSession, run_id: UUID, last_sequence: int) -> bool:
    """Tell whether a run's events can still be read: all of a run go at once, when its month goes."""
    some = sa.select(RunEvent.sequence).where(RunEvent.run_id == run_id).limit(1)
    return last_sequence == 0 or await session.scalar(some) is not None


def _statement(wanted: RunFilter) -> sa.Select[Run]:
    statement = sa.select(Run)
    for column, value in ((Run.state, wanted.state), (Run.action, wanted.action)):
        if value is not None:
            statement = statement.where(column == value)
    for id_column, row_id in (
        (Run.request_id, wanted.request),
        (Run.cause_id, wanted.cause),
        (Run.batch_id, wanted.batch),
    ):
        if row_id is not None:
            statement = statement.where(id_column == row_id)
    for kind, subject_id in (("instance", wanted.instance), ("host", wanted.host)):
        if subject_id is not None:
            statement = statement.where(Run.subject_kind == kind, Run.subject_id == subject_id)
    if wanted.tool is not None:
        of_tool = sa.select(Instance.id).where(Instance.tool_slug == wanted.tool)
        statement = statement.where(Run.subject_kind == "instance", Run.subject_id.in_(of_tool))
    if wanted.member is not None:
        statement = statement.where(Run.member_id.in_(sa.select(Member.id).where(Member.alias == wanted.member)))
    return statement


class _Beside(msgspec.Struct, frozen=True):
    """What is told beside runs: members' aliases by id, and what each run waits for."""

    aliases: dict[UUID, str]
    waits: dict[UUID, list[WaitOut]]


async def _beside(session: AsyncSession, runs: Sequence[Run]) -> _Beside:
    members = await rows_by_id(session, Member, (run.member_id for run in runs))
    return _Beside(
        aliases={member.id: member.alias for member in members.values()},
        waits=await what_they_wait_for(session, runs),
    )


def _summary(run: Run, beside: _Beside, reader: Reader) -> dict[str, Any]:
    return {
        "id": run.id,
        "action": run.action,
        "subject": SubjectOut(run.subject_kind, run.subject_id),
        "member": None if run.member_id is None else beside.aliases[run.member_id],
        "state": run.state,
        "attempt": run.attempt,
        "requested_by": run.requested_by,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "due_at": run.due_at,
        "error": error_out(run.error, reader.language, for_operator=reader.for_operator),
        "waits_for": beside.waits[run.id],
        "stop": run.stop,
        "undoes": run.undoes,
        "batch": run.batch_id if reader.for_operator else None,
        "last_sequence": run.last_sequence,
        "links": RunLinks(
            self=f"/v1/runs/{run.id}",
            events=f"/v1/runs/{run.id}/events",
            instance=f"/v1/instances/{run.subject_id}" if run.subject_kind == "instance" else None,
            request=None if run.request_id is None else f"/v1/requests/{run.request_id}",
            # Of a host's run, which members don't see.
            cause=f"/v1/runs/{run.cause_id}" if run.cause_id is not None and reader.for_operator else None,
        ),
    }


def _try(one: StepTry, reader: Reader) -> TryOut:
    error = error_out(one.error, reader.language, for_operator=reader.for_operator)
    return TryOut(one.attempt, one.started_at, one.ended_at, one.outcome, error)
