"""`./dev faults`: rounds of faults at random moments on both real bundles, and what must hold after each.

./dev faults [--rounds N] [--seed S] [--without fence|recovery|journal]
"""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections.abc import Callable

from devkit.telling import Teller
from tests.faults.lab import eventually
from tests.faults.loop.checking import violations
from tests.faults.loop.injecting import FAULTS
from tests.faults.loop.playing import Round
from tests.faults.loop.stage import MEMBER, Stage, Tool, stage
from tests.faults.loop.tally import Tally
from tests.faults.loop.without import TAKEN_OUT

BEFORE = ("dokuwiki", "dokuwiki", "jupyterhub")
SETTING_UP_SECONDS = 900
PATIENCE_SECONDS = 240
"""How long a round may take after all is healed, before its runs count as stuck."""
GUEST_EVERY = 4
"""In every so many rounds a wiki is set up, which is removed in the next."""

Say = Callable[[str], None]


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
    seed = secrets.randbelow(10**6) if told.seed is None else told.seed
    return asyncio.run(_play(told.rounds, seed, told.without, told.patience))


async def _play(rounds: int, seed: int, without: str | None, patience: float) -> int:
    tell = Teller()
    tally = Tally(list(FAULTS))
    broken: list[str] = []
    module = "catalog" if without is None else "tests.faults.loop.without"
    tell.say(f"{rounds} rounds by seed {seed}{'' if without is None else f', without the {without}'}")
    async with stage(module, COOP_WITHOUT=without or "") as made:
        before = await _set_up(made, tell.say)
        guest: Tool | None = None
        for number in range(1, rounds + 1):
            began = time.monotonic()
            if guest is None and number % GUEST_EVERY == 1:
                guest = await made.reserve("dokuwiki")
            tell.say(f"round {number}")
            one = Round(made, tally, random.Random(f"{seed}-{number}"), tell.say, patience)  # noqa: S311 - repeatable dice
            visiting = guest is not None
            await one.play(before, guest)
            found = await violations(made, list(one.runs), before)
            for line in found:
                tell.say(f"  VIOLATED: {line}")
            broken += [f"seed {seed}, round {number}: {line}" for line in found]
            if visiting and guest is not None and (await made.lab.instance(guest.row.id)).state == "removed":
                guest = None
            tell.say(f"  round {number} took {time.monotonic() - began:.0f} s")
            if found:
                break
        # How often hosts were looked at tells what the watcher's silence is worth.
        tell.say(f"{made.watcher.looks} looks at the hosts saw {len(made.watcher.seen)} attempts")
    print(f"\nHow often each fault hit each step:\n\n{tally.table()}\n", flush=True)
    print("\n".join(broken) or "Everything held.", flush=True)
    return int(bool(broken))


async def _set_up(made: Stage, say: Say) -> list[Tool]:
    """Have the instances that are there before the first fault."""
    lab = made.lab
    made.workers.start(2)
    await lab.until_state(await lab.sign_on(MEMBER), "succeeded")
    tools = [await made.reserve(slug) for slug in BEFORE]
    runs = [await lab.start(tool.row, "provision") for tool in tools]
    say(f"  setting up {', '.join(BEFORE)}, which takes a few minutes")

    async def done() -> bool:
        return all([(await lab.run(run_id)).state in {"succeeded", "failed"} for run_id in runs])

    await eventually(done, "the instances are set up", SETTING_UP_SECONDS)
    for run_id in runs:
        run = await lab.run(run_id)
        if run.state != "succeeded":
            raise RuntimeError(f"setting up failed: {run.error}")
    for tool in tools:
        tool.write()
    say("  they are there, and people have written in them")
    return tools


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
