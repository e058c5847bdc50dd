"""Round after round: what is played, what did not hold, and how often each fault hit each step."""

import random
import time
from collections.abc import Callable, Sequence

from devkit.telling import Teller
from tests.faults.lab import eventually
from tests.faults.loop.checking import violations
from tests.faults.loop.injecting import FAULTS
from tests.faults.loop.playing import Round
from tests.faults.loop.stage import MEMBER, Stage, Tool, stage
from tests.faults.loop.tally import Tally

BEFORE = ("dokuwiki", "dokuwiki", "jupyterhub")
SETTING_UP_SECONDS = 900
PATIENCE_SECONDS = 240
"""How long a round may take after all is healed, before its runs count as stuck."""
GUEST = "dokuwiki"
GUEST_EVERY = 4
"""In every so many rounds a wiki is set up, which is removed in the next."""

Say = Callable[[str], None]


async def play(
    rounds: int,
    seed: int,
    without: str | None = None,
    *,
    patience: float = PATIENCE_SECONDS,
    tools: Sequence[str] = BEFORE,
) -> int:
    """Play the rounds on instances of `tools`; gives the exit status."""
    tell = Teller()
    tally = Tally(list(FAULTS))
    broken: list[str] = []
    module = "catalog" if without is None else "tests.faults.loop.without"
    tell.say(f"{rounds} rounds by seed {seed}{'' if without is None else f', without the {without}'}")
    async with stage(module, COOP_WITHOUT=without or "") as made:
        before = await _set_up(made, tools, tell.say)
        guest: Tool | None = None
        for number in range(1, rounds + 1):
            began = time.monotonic()
            if guest is None and number % GUEST_EVERY == 1:
                guest = await made.reserve(GUEST)
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


async def _set_up(made: Stage, slugs: Sequence[str], say: Say) -> list[Tool]:
    """Have the instances that are there before the first fault."""
    lab = made.lab
    made.workers.start(2)
    await lab.until_state(await lab.sign_on(MEMBER), "succeeded")
    tools = [await made.reserve(slug) for slug in slugs]
    runs = [await lab.start(tool.row, "provision") for tool in tools]
    say(f"  setting up {', '.join(slugs)}, which takes a few minutes")

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
