"""How often each fault has hit each step, and which pair is to be tried next."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence

STEPS = (
    "organization",
    "identity",
    "provision",
    "verify",
    "publish",
    "close-sign-on",
    "suspend",
    "deprovision",
    "remove-identity",
    "release",
)


class Tally:
    """Counts hits. `faults` are all kinds that there are."""

    def __init__(self, faults: Sequence[str]) -> None:
        self._faults = faults
        self._hits: Counter[tuple[str, str]] = Counter()

    def hit(self, fault: str, steps: Iterable[str]) -> None:
        """Write down that a fault came while these steps were being done."""
        self._hits.update((fault, step) for step in steps)

    def choose(self, steps: Iterable[str], dice: random.Random) -> tuple[str, str]:
        """Give a fault and one of the steps: one of the pairs that were hit least."""
        pairs = [(fault, step) for fault in self._faults for step in sorted(set(steps))]
        least = min(self._hits[pair] for pair in pairs)
        return dice.choice([pair for pair in pairs if self._hits[pair] == least])

    def table(self) -> str:
        """Write all of it as a table: a line a fault, a column a step."""
        width = max(len(fault) for fault in self._faults)
        lines = [" " * width + "".join(f"  {step}" for step in STEPS)]
        for fault in self._faults:
            cells = "".join(f"  {self._hits[fault, step]:>{len(step)}}" for step in STEPS)
            lines.append(f"{fault:<{width}}{cells}")
        return "\n".join(lines)
