"""What the API gives out of runs and their events."""

import datetime as dt
from typing import Any, Literal
from uuid import UUID

import msgspec

from catalog.platform.i18n import Language, Text
from catalog.runs.plans.schemas import ComparisonOut

State = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "abandoned"]
FINAL: frozenset[State] = frozenset({"succeeded", "failed", "cancelled", "abandoned"})

STATES_DESCRIPTION = """
| state | what it means |
|---|---|
| `queued` | no worker has it yet, or it is between two steps; `waits_for` says what for |
| `running` | a worker is at it |
| `waiting` | something was away; it is tried again at `due_at` |
| `succeeded`, `failed`, `cancelled`, `abandoned` | final |
""".strip()


class ErrorOut(msgspec.Struct, frozen=True):
    """Why a try or a run ended without success. `message` is what a program said, as it is; `host` is for operators."""

    code: str
    title: str
    detail: str
    step: str | None
    task: str | None
    host: str | None
    message: str | None


class TryOut(msgspec.Struct, frozen=True):
    """One attempt at a step. `outcome`: `done`, `failed`, `interrupted`, `cancelled`; null while it lasts."""

    attempt: int
    started_at: dt.datetime
    ended_at: dt.datetime | None
    outcome: str | None
    error: ErrorOut | None


class StepOut(msgspec.Struct, frozen=True):
    """A part of the run that is done once. State: `pending`, `running`, `failed`; final: `done`, `skipped`."""

    position: int
    name: str
    state: str
    timeout_seconds: int
    tries: list[TryOut]


class WaitOut(msgspec.Struct, frozen=True):
    """What a run that is not being worked on waits for.

    `hold`: an operator has stopped new runs (`scope`, `reason`, `since`). `turn`: a free worker, or that others who act
    on the same host or site have ended. `next-try`: something was away, and is tried again at `until`.
    """

    kind: Literal["hold", "turn", "next-try"]
    reason: str | None = None
    scope: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class SubjectOut(msgspec.Struct, frozen=True):
    """What the run acts on: an `instance`, a `host` or a `member`."""

    kind: str
    id: UUID


class RunLinks(msgspec.Struct, frozen=True):
    """Where to go on. `cause`, for operators: the run after which this one was started."""

    self: str
    events: str
    instance: str | None
    request: str | None
    cause: str | None


class RunSummary(msgspec.Struct, frozen=True):
    """A run in a list. `attempt` counts how often a worker took it up; `last_sequence` is its newest event.

    `stop` is what somebody asked of a run that has not ended yet: to end `at-next-task` or `now`. `undoes`: it was
    abandoned, and takes back what it had made. `batch` is the batch that it is part of; for operators.
    """

    id: UUID
    action: str
    subject: SubjectOut
    member: str | None
    state: str
    attempt: int
    requested_by: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    due_at: dt.datetime
    error: ErrorOut | None
    waits_for: list[WaitOut]
    stop: str | None
    undoes: bool
    batch: UUID | None
    last_sequence: int
    links: RunLinks


class RunOut(RunSummary, frozen=True):
    """A run with its steps, and every try at them.

    `check_mode`: it only looked what it would change. `command` is the line that does the run's playbook again from an
    operator's shell; null where it has none, or the instance is gone. `comparison` is what a plan or a verify found to
    differ; null for runs that do not compare. `events_kept`: false once its events are too old to be kept.
    """

    check_mode: bool
    command: str | None
    steps: list[StepOut]
    comparison: ComparisonOut | None
    events_kept: bool


class EventOut(msgspec.Struct, frozen=True):
    """A line of the run's story. `sequence` counts from 1 without gaps; what `data` holds depends on `kind`."""

    sequence: int
    recorded_at: dt.datetime
    kind: str
    data: dict[str, Any]


class EventPage(msgspec.Struct, frozen=True):
    """Events in order. `next` is the `after` to ask on with; `ended`: the run is over and this was its last event.

    `events_kept`: false where there were events, which are older than they are kept; the run's steps and errors remain.
    """

    items: list[EventOut]
    next: int
    ended: bool
    events_kept: bool


class _Stored(msgspec.Struct, frozen=True):
    """An error as the worker stores it."""

    code: str
    title: Text
    detail: Text
    step: str | None = None
    task: str | None = None
    host: str | None = None
    message: str | None = None


def error_out(stored: dict[str, Any] | None, language: Language, *, for_operator: bool) -> ErrorOut | None:
    """Write a stored error in one language."""
    if stored is None:
        return None
    error = msgspec.convert(stored, _Stored)
    return ErrorOut(
        code=error.code,
        title=error.title.into(language),
        detail=error.detail.into(language),
        step=error.step,
        task=error.task,
        host=error.host if for_operator else None,
        message=error.message,
    )
