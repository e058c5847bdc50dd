"""`./dev bench [PART…]`: every measurement, or those that are named, as ratios within this run.

`large:INSTANCES:EVENTS` says how large the large database is. What measures the demo’s tools needs what `./dev demo`
leaves, and says so where it is missing.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence

from devkit.environment import secrets_folder

from bench.comparing import Line
from bench.large import compare_large
from bench.reading import compare_reading
from bench.running import compare_at_once, compare_converging, compare_running, measure_cancelling
from bench.submitting import compare_submitting
from bench.telling import compare_telling
from bench.verifying import TOOL, compare_verifying

LARGE = ("100000", "1000000")
PARTS: dict[str, Callable[[Sequence[int]], Sequence[Line]]] = {
    "reading": lambda _: asyncio.run(compare_reading(TOOL)),
    "submitting": lambda _: [asyncio.run(compare_submitting())],
    "verifying": lambda _: compare_verifying(),
    "running": lambda _: asyncio.run(compare_running()),
    "at-once": lambda _: asyncio.run(compare_at_once()),
    "converging": lambda _: asyncio.run(compare_converging()),
    "cancelling": lambda _: asyncio.run(measure_cancelling()),
    "telling": lambda _: asyncio.run(compare_telling()),
    "large": lambda sizes: asyncio.run(compare_large(*sizes)),
}
SIZES: dict[str, tuple[str, ...]] = {"large": LARGE}
OF_THE_DEMO = frozenset({"reading", "submitting", "verifying"})


def main(arguments: list[str]) -> int:
    """Measure all parts, or those that are named."""
    for argument in arguments or PARTS:
        name, *given = argument.split(":")
        sizes = given or SIZES.get(name, ())
        if name not in PARTS or len(sizes) != len(SIZES.get(name, ())) or not all(map(str.isdecimal, sizes)):
            print(f"There is no measurement {argument!r}; there are: {', '.join(PARTS)}.", file=sys.stderr)
            return 2
        if name in OF_THE_DEMO and not (secrets_folder() / "demo-passwords.json").is_file():
            print(f"{name}: there is nothing to measure yet: ./dev demo makes the tools and accounts.", file=sys.stderr)
            continue
        for line in PARTS[name](tuple(map(int, sizes))):
            print(line.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
