"""A run's story, line by line: kept, numbered from 1 without gaps, and told to whoever watches.

The kinds, and what their data holds:

- `run.started` {action, attempt, worker}; `run.ended` {state, error?}
- `step.started` {step, attempt, worker}; `step.done` {step, output}; `step.failed` {step, error};
  `step.waiting` {step, error, due_at}: it will be tried again; `step.interrupted` {step, attempt}: its worker went away
- `task.started` {task, role?}; `task.ok`, `task.changed`, `task.skipped` {task, role?, host, item?, message?};
  `task.would-change`, of the same, where a playbook only says what it would do;
  `task.failed`, `task.unreachable` {task, role?, host, item?, message, ignored}
- `output` {text}: what the playbook said beside its tasks

What an attempt had told is written within a moment. `step.interrupted` also marks the gap of what a worker that went
away had not written yet.

No line is larger than about 16 kB; what was cut says so at its end. Secrets are redacted before anything is cut.
"""

import asyncio
import math
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.clock import now
from catalog.runs.attempts import Attempt
from catalog.runs.redaction import Redactor
from catalog.runs.tables import Run, RunEvent

CHANNEL = "catalog_run_events"
MOST_WAITING = 200
RETRY_SECONDS = 0.5
LONGEST_TEXT = 8_000
MOST_CHARACTERS = 16_000
MOST_ENTRIES = 50
CUT = " … [cut]"

log = structlog.get_logger()

Line = tuple[str, dict[str, Any]]


async def append(session: AsyncSession, run: Run, lines: Sequence[Line]) -> None:
    """Write lines into the transaction that holds `run`'s row; watchers hear of them once it has committed."""
    if not lines:
        return
    first = run.last_sequence + 1
    run.last_sequence += len(lines)
    await session.execute(
        sa.insert(RunEvent),
        [
            {
                "run_id": run.id,
                "sequence": sequence,
                "member_id": run.member_id,
                "recorded_at": now(),
                "kind": kind,
                "data": data,
            }
            for sequence, (kind, data) in enumerate(lines, start=first)
        ],
    )
    await session.execute(sa.select(sa.func.pg_notify(CHANNEL, str(run.id))))


class EventWriter:
    """Gathers an attempt's lines and writes them in batches."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._redactor = Redactor()
        self._waiting: list[Line] = []
        self._lock = asyncio.Lock()

    def hide(self, secrets: Iterable[str]) -> None:
        """Redact these from every later line."""
        self._redactor.add(secrets)

    def redacted(self, value: Any) -> Any:
        """Give a JSON value with everything redacted that lines hide."""
        return self._redactor.value(value)

    def line(self, kind: str, data: dict[str, Any]) -> Line:
        """Make a line that is fit to be stored."""
        return kind, bounded(self._redactor.value(data))

    async def add(self, kind: str, **data: Any) -> None:
        """Add a line. It is written with the next batch, or now where many wait. Raises `AttemptLost`.

        While the database is away, whoever adds waits once many do, so that memory holds no more than those; a playbook
        then waits before its next task. It ends with the lease.
        """
        self._waiting.append(self.line(kind, data))
        while len(self._waiting) >= MOST_WAITING:
            try:
                await self.flush()
            except (DBAPIError, OSError, TimeoutError):
                log.warning("run.events_wait", count=len(self._waiting), exc_info=True)
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self) -> None:
        """Write what waits. Raises `AttemptLost`; what could not be written waits on after any other error."""
        async with self._lock:
            lines = self._waiting[:]
            if not lines:
                return
            async with self._attempt.begin() as (session, run):
                await append(session, run, lines)
            del self._waiting[: len(lines)]


def bounded(data: dict[str, Any]) -> dict[str, Any]:
    """Cut what is too long, and say so where it was cut."""
    budget = [MOST_CHARACTERS]
    return {key: _bounded(value, budget) for key, value in data.items()}


def _bounded(value: Any, budget: list[int]) -> Any:
    if isinstance(value, str):
        # What PostgreSQL's JSON can't hold: NUL, and halves of surrogate pairs (undecodable bytes of some output).
        value = value.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
        room = max(0, min(LONGEST_TEXT, budget[0]))
        budget[0] -= min(len(value), room)
        return value if len(value) <= room else value[:room] + CUT
    if isinstance(value, dict):
        kept = {str(key)[:200]: _bounded(inner, budget) for key, inner in list(value.items())[:MOST_ENTRIES]}
        return kept if len(value) <= MOST_ENTRIES else kept | {"…": CUT}
    if isinstance(value, list | tuple):
        items = [_bounded(inner, budget) for inner in value[:MOST_ENTRIES]]
        return items if len(value) <= MOST_ENTRIES else [*items, CUT]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
