"""The states of a batch and the moves between them, in one table; how its instances stand; and the words for it."""

from collections.abc import Mapping
from typing import Literal, get_args

State = Literal["running", "paused", "stopped", "done", "cancelled"]
Move = Literal["pause", "resume", "cancel", "stop", "finish"]
Standing = Literal[
    "pending", "left-out", "queued", "running", "waiting", "succeeded", "failed", "cancelled", "abandoned"
]

STATES: tuple[State, ...] = get_args(State)
FINAL: frozenset[State] = frozenset({"stopped", "done", "cancelled"})
STANDINGS: tuple[Standing, ...] = get_args(Standing)
UNDER_WAY: frozenset[Standing] = frozenset({"queued", "running", "waiting"})
UNSUCCESSFUL: frozenset[Standing] = frozenset({"failed", "cancelled", "abandoned"})
"""How a run ended that counts as a failure. One that a person had to cancel did not do its work either."""

MOVES: Mapping[Move, Mapping[State, State]] = {
    "pause": {"running": "paused"},
    "resume": {"paused": "running"},
    "cancel": {"running": "cancelled", "paused": "cancelled"},
    "stop": {"running": "stopped"},
    "finish": {"running": "done"},
}

DESCRIPTION = """
| state | what it means | what can come next |
|---|---|---|
| `running` | a wave is under way, or the next one is about to begin | `paused`, `stopped`, `done`, `cancelled` |
| `paused` | somebody paused it: what has begun goes on, no further wave begins | `running`, `cancelled` |
| `done` | final: each instance has had its run, or was left out | |
| `stopped` | final: more than `stop_at_percent` of the runs that ended did not succeed; `problem` says so | |
| `cancelled` | final: somebody cancelled it; what had begun by then goes on to its end | |

How an instance stands: `pending` (its wave has not come, or another run acts on it), `left-out` (final, with a
problem), or the state of its run by now, also after somebody tried that again by hand. `failed`, `cancelled` and
`abandoned` count as failures.
""".strip()


def after(move: Move, state: State) -> State | None:
    """Give the state that `move` leads to from `state`; none where it is not allowed."""
    return MOVES[move].get(state)


def too_many_failures(failures: int, ended: int, stop_at_percent: int) -> bool:
    """Tell whether more than the given share of those that ended failed."""
    return failures * 100 > stop_at_percent * ended
