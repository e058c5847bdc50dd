"""What a step is given to do its work with."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.platform.db.engine import Database
from catalog.runs.attempts import Attempt, Claim
from catalog.runs.events import EventWriter


@dataclass(frozen=True)
class StepContext:
    """One try of a step.

    Read in `database.begin(OPERATOR)`; write in `attempt.begin()`, which holds the run. Neither stays open while
    something outside is awaited. `attempt.renew()` stands before each change of something outside. `stopping` is set
    when somebody asked the run to stop at its next task.
    """

    database: Database
    attempt: Attempt
    events: EventWriter
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def claim(self) -> Claim:
        """The run and the step."""
        return self.attempt.claim


@dataclass(frozen=True)
class Step:
    """How a step is done, and how it is ended outside when it was stopped before it was done.

    `do` gives the step's output (JSON, no secrets); doing it again converges. It raises `StepFailed`,
    `StepUnavailable`, `StepStopped` or `AttemptLost`, and may be cancelled at any moment. `end` tells whether it is
    sure that nothing of this attempt acts any more; none where nothing goes on by itself.
    """

    do: Callable[[StepContext], Awaitable[dict[str, Any]]]
    end: Callable[[StepContext], Awaitable[bool]] | None = None


Steps = Mapping[str, Step]
