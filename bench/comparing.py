"""Times two things in turns, so that whatever else the machine does falls on both."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

ROUNDS = 21
WARM_UP = 3

Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Comparison:
    """What was measured: microseconds a call (medians over the rounds), and the aim for their ratio if any."""

    title: str
    ours: float
    plain: float
    aim: float | None = None

    @property
    def ratio(self) -> float:
        """Ours by the plain one's."""
        return self.ours / self.plain

    def line(self) -> str:
        """Write it as a line of the report."""
        aim = "" if self.aim is None else f"  (aim: at most {self.aim:.1f})"
        return f"{self.title:<58} {self.ratio:6.2f} ×   {self.ours:9.0f} µs against {self.plain:9.0f} µs{aim}"


async def compare(  # noqa: PLR0913 - the two, what they are called, and how often they are done
    title: str, ours: Work, plain: Work, *, calls: int, aim: float | None = None, rounds: int = ROUNDS
) -> Comparison:
    """Do both `calls` times a round, in turns."""
    timings: dict[Work, list[float]] = {ours: [], plain: []}
    for number in range(rounds + WARM_UP):
        for work in (ours, plain) if number % 2 else (plain, ours):
            began = time.perf_counter()
            for _ in range(calls):
                await work()
            if number >= WARM_UP:
                timings[work].append((time.perf_counter() - began) / calls * 1e6)
    return Comparison(title, statistics.median(timings[ours]), statistics.median(timings[plain]), aim)
