"""The states of an instance and the moves between them, in one table.

`provisioning` (its first provision is on the way) → `running`; `failed` (the first provision gave up and can be tried
again); `removing` → `removed` (final: its name rests, its place is free).
"""

from collections.abc import Mapping
from typing import Literal, get_args

State = Literal["provisioning", "running", "failed", "removing", "removed"]
Move = Literal["provision", "provisioned", "provision-failed", "abandoned", "remove", "removed"]

STATES: tuple[State, ...] = get_args(State)
FINAL: frozenset[State] = frozenset({"removed"})

# move: the states that it may begin in, each with the state that it leads to. A running instance that is provisioned
# again goes on running, whatever comes of it; a removal that stopped half-way can be begun again.
MOVES: Mapping[Move, Mapping[State, State]] = {
    "provision": {"provisioning": "provisioning", "failed": "provisioning", "running": "running"},
    "provisioned": {"provisioning": "running", "running": "running"},
    "provision-failed": {"provisioning": "failed", "running": "running"},
    "abandoned": {"provisioning": "removed", "failed": "removed"},
    "remove": {"running": "removing", "failed": "removing", "removing": "removing"},
    "removed": {"removing": "removed"},
}


def after(move: Move, state: State) -> State | None:
    """Give the state that `move` leads to from `state`; none where it is not allowed."""
    return MOVES[move].get(state)
