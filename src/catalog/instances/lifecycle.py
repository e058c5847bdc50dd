"""The states of an instance, and what each action makes of them, in one table.

`provisioning` (its first provision is on the way) → `running` ⇄ `suspended` (off the web, its data kept); `failed` (the
first provision gave up and can be tried again); `removing` → `removed` (final: its name rests, its place is free).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

State = Literal["provisioning", "running", "failed", "suspended", "removing", "removed"]

STATES: tuple[State, ...] = get_args(State)
FINAL: frozenset[State] = frozenset({"removed"})


class Moves(NamedTuple):
    """What an action makes of an instance's state.

    `begin`: the states that it may begin in, each with the state while it lasts. `done`: the state after it succeeded;
    none: as it was. `failed`: the state after it did not, where that differs from the one while it lasted.
    """

    begin: Mapping[State, State]
    done: State | None = None
    failed: Mapping[State, State] = {}


_WHILE_RUNNING = Moves(begin={"running": "running"})

# A running instance that is provisioned again goes on running, whatever comes of it. A suspension that failed leaves it
# running as far as we know. A removal that stopped half-way can be begun again.
ACTIONS: Mapping[str, Moves] = {
    "provision": Moves(
        begin={"provisioning": "provisioning", "failed": "provisioning", "running": "running"},
        done="running",
        failed={"provisioning": "failed"},
    ),
    "plan": _WHILE_RUNNING,
    # A suspended instance is compared with what suspending it makes.
    "verify": Moves(begin={"running": "running", "suspended": "suspended"}),
    "update": _WHILE_RUNNING,
    "upgrade": _WHILE_RUNNING,
    "reconcile": _WHILE_RUNNING,
    "suspend": Moves(begin={"running": "running", "suspended": "suspended"}, done="suspended"),
    "resume": Moves(begin={"suspended": "suspended"}, done="running"),
    "deprovision": Moves(
        begin={"running": "removing", "failed": "removing", "suspended": "removing", "removing": "removing"},
        done="removed",
    ),
}


def moves_of(action: str) -> Moves:
    """Give what `action` makes of the state; a tool's own actions leave a running instance running."""
    return ACTIONS.get(action, _WHILE_RUNNING)
