"""Runs, their stories and holds as lines for a terminal."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.service import rows_by_id
from catalog.instances.tables import Instance
from catalog.runs import holds, reading
from catalog.runs.reading import Reader
from catalog.runs.schemas import ErrorOut, RunOut
from catalog.runs.tables import ACTIVE_STATES, Hold, Run
from catalog.runs.waiting import what_they_wait_for

MOST = 100
MOST_EVENTS = 10_000
NEEDS_SOMEBODY = "failed"
_READER = Reader(language="en", for_operator=True)


async def run_lines(session: AsyncSession, *, everything: bool) -> list[str]:
    """Give the runs that are under way or failed with nothing after them; or, with `everything`, the newest hundred."""
    later = sa.orm.aliased(Run)
    superseded = sa.exists().where(later.subject_id == Run.subject_id, later.id > Run.id)
    open_runs = sa.or_(Run.state.in_(ACTIVE_STATES), sa.and_(Run.state == NEEDS_SOMEBODY, ~superseded))
    statement = sa.select(Run) if everything else sa.select(Run).where(open_runs)
    runs = (await session.scalars(statement.order_by(Run.id.desc()).limit(MOST))).all()
    waits = await what_they_wait_for(session, runs)
    instances = await rows_by_id(session, Instance, (run.subject_id for run in runs if run.subject_kind == "instance"))
    return [
        "\t".join(
            (
                str(run.id),
                run.state + (f" (stops {run.stop.replace('-', ' ')})" if run.stop else ""),
                run.action,
                instances[run.subject_id].hostname
                if run.subject_id in instances
                else f"{run.subject_kind} {run.subject_id}",
                "; ".join(f"{wait.kind}: {wait.reason}" if wait.reason else wait.kind for wait in waits[run.id])
                or (run.error or {}).get("code")
                or "-",
            )
        )
        for run in runs
    ]


async def story_lines(session: AsyncSession, run_id: UUID) -> list[str]:
    """Give a run with its steps, every try at them, and its error. Raises `NotFound`."""
    run = await reading.run_with_steps(session, run_id, _READER)
    return list(_story(run))


async def event_lines(session: AsyncSession, run_id: UUID, after: int) -> list[str]:
    """Give a run's events above a number. Raises `NotFound`."""
    batch = await reading.events_after(session, run_id, after, MOST_EVENTS)
    return [
        f"{event.sequence}\t{event.recorded_at:%Y-%m-%d %H:%M:%S}\t{event.kind}\t{_told(event.data)}"
        for event in batch.events
    ]


async def hold_lines(session: AsyncSession) -> list[str]:
    """Give the holds that stand."""
    found = (await session.scalars(sa.select(Hold).where(Hold.lifted_at.is_(None)).order_by(Hold.id))).all()
    return [
        f"{hold.id}\t{hold.scope} {name}".rstrip()
        + f"\t{hold.created_at:%Y-%m-%d %H:%M:%S}\t{hold.placed_by}\t{_one_line(hold.reason)}"
        for hold, name in await holds.named(session, list(found))
    ]


def _story(run: RunOut) -> Iterator[str]:
    yield f"{run.id}\t{run.action} of {run.subject.kind} {run.subject.id}\t{run.state}"
    for wait in run.waits_for:
        yield f"  waits for: {wait.kind}{f' ({_one_line(wait.reason)})' if wait.reason else ''}"
    for step in run.steps:
        yield f"  {step.name}\t{step.state}"
        for one in step.tries:
            yield f"    attempt {one.attempt}\t{one.started_at:%Y-%m-%d %H:%M:%S}\t{one.outcome or 'goes on'}"
            yield from _error(one.error)
    if run.error is not None:
        yield "  ended by:"
        yield from _error(run.error)


def _error(error: ErrorOut | None) -> Iterator[str]:
    if error is None:
        return
    yield f"      {error.code}: {error.title}. {error.detail}"
    if error.task:
        yield f"      task: {_one_line(error.task)}"
    for line in (error.message or "").splitlines():
        yield f"      | {_printable(line)}"


def _told(data: dict[str, Any]) -> str:
    return _printable(json.dumps(data, ensure_ascii=False))


def _one_line(text: str) -> str:
    return _printable(" ".join(text.split()))


def _printable(text: str) -> str:
    """Leave out what a terminal would obey: what a playbook said is data here too."""
    return "".join(
        character if character.isprintable() or character == "\t" else "\N{REPLACEMENT CHARACTER}" for character in text
    )
