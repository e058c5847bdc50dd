"""`./dev bench`: every measurement, as ratios within this run. It needs what `./dev demo` leaves."""

import asyncio
import sys
from collections.abc import Callable, Sequence

from devkit.environment import secrets_folder

from bench.comparing import Comparison, Weight
from bench.reading import compare_reading
from bench.submitting import compare_submitting
from bench.verifying import TOOL, compare_verifying

Line = Comparison | Weight
PARTS: dict[str, Callable[[], Sequence[Line]]] = {
    "reading": lambda: asyncio.run(compare_reading(TOOL)),
    "submitting": lambda: [asyncio.run(compare_submitting())],
    "verifying": compare_verifying,
}


def main(arguments: list[str]) -> int:
    """Measure all parts, or those that are named."""
    unknown = [name for name in arguments if name not in PARTS]
    if unknown:
        print(f"There is no measurement {unknown[0]!r}; there are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    if not (secrets_folder() / "demo-passwords.json").is_file():
        print("There is nothing to measure yet: ./dev demo makes the tools and accounts.", file=sys.stderr)
        return 1
    for name in arguments or PARTS:
        for line in PARTS[name]():
            print(line.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
