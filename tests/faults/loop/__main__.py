"""`./dev faults`: rounds of faults at random moments on both real bundles, and what must hold after each.

./dev faults [--rounds N] [--seed S] [--without fence|recovery|journal]
"""

import argparse
import asyncio
import secrets
import signal
import sys

from tests.faults.loop.rounds import PATIENCE_SECONDS, play
from tests.faults.loop.without import TAKEN_OUT


def main(arguments: list[str]) -> int:
    """Play the rounds; gives the exit status: 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="./dev faults", description="Faults at random moments, on both real bundles.")
    parser.add_argument("--rounds", type=int, default=10, help="how many rounds (default: 10)")
    parser.add_argument(
        "--seed", type=int, default=None, help="what the dice are thrown by (default: another each time)"
    )
    parser.add_argument("--without", choices=sorted(TAKEN_OUT), help="take a protection out: the loop must fail then")
    parser.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help="seconds that a round may take to end")
    told = parser.parse_args(arguments)
    # Whoever ends it early leaves nothing behind either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = secrets.randbelow(10**6) if told.seed is None else told.seed
    return asyncio.run(play(told.rounds, seed, told.without, patience=told.patience))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
