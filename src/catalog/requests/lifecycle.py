"""The states of a request and the moves between them, in one table; who decides; and the words for it."""

from collections.abc import Mapping
from typing import Literal, get_args

from catalog.identity.principals import Role
from catalog.platform.i18n import Text

State = Literal["submitted", "approved", "declined", "withdrawn", "fulfilled", "abandoned"]
Move = Literal["approve", "decline", "withdraw", "fulfil", "abandon"]

STATES: tuple[State, ...] = get_args(State)
FINAL: frozenset[State] = frozenset({"declined", "withdrawn", "fulfilled", "abandoned"})
DECIDED_BY: tuple[Role, ...] = ("operator",)

MOVES: Mapping[Move, Mapping[State, State]] = {
    "approve": {"submitted": "approved"},
    "decline": {"submitted": "declined"},
    "withdraw": {"submitted": "withdrawn"},
    "fulfil": {"approved": "fulfilled"},
    "abandon": {"approved": "abandoned"},
}

STATE_NAMES: Mapping[State, Text] = {
    "submitted": Text(en="waiting for a decision", fr="en attente de décision"),
    "approved": Text(en="approved", fr="approuvée"),
    "declined": Text(en="declined", fr="refusée"),
    "withdrawn": Text(en="withdrawn", fr="retirée"),
    "fulfilled": Text(en="fulfilled", fr="satisfaite"),
    "abandoned": Text(en="abandoned", fr="abandonnée"),
}

DESCRIPTION = """
| state | what it means | what can come next |
|---|---|---|
| `submitted` | waits for a decision | `approved`, `declined`, `withdrawn` |
| `approved` | its place is reserved; its run is on the way, or failed and can be retried | `fulfilled`, `abandoned` |
| `declined` | final: an operator said no, with a reason | |
| `withdrawn` | final: whoever asked, or the member's IT, took it back | |
| `fulfilled` | final: its run has succeeded, the instance runs | |
| `abandoned` | final: its run was given up, and what it had made was taken back | |
""".strip()


def after(move: Move, state: State) -> State | None:
    """Give the state that `move` leads to from `state`; none where it is not allowed."""
    return MOVES[move].get(state)
