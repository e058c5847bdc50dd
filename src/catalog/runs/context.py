"""What a step is given to do its work with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.platform.db.engine import Database
from catalog.runs.attempts import Attempt, Claim
from catalog.runs.events import EventWriter


@dataclass(frozen=True)
class StepContext:
    """One try of a step.

    Read in `database.begin(OPERATOR)`; write in `attempt.begin()`, which holds the run. Neither stays open while
    something outside is awaited. `attempt.renew()` stands before each change of something outside.
    """

    database: Database
    attempt: Attempt
    events: EventWriter

    @property
    def claim(self) -> Claim:
        """The run and the step."""
        return self.attempt.claim


Step = Callable[[StepContext], Awaitable[dict[str, Any]]]
"""Does a step and gives its output (JSON, no secrets). Doing it again converges.

Raises `StepFailed`, `StepUnavailable` or `AttemptLost`; it may be cancelled at any moment (time limit, takeover).
"""

Steps = Mapping[str, Step]
