"""What was measured side by side in one run, as lines of a report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Two measurements in microseconds, and the aim for their ratio if there is one."""

    title: str
    ours: float
    plain: float
    aim: float | None = None

    @property
    def ratio(self) -> float:
        """Ours by the plain one's."""
        return self.ours / self.plain

    def line(self) -> str:
        """Write it down."""
        aim = "" if self.aim is None else f"   (aim: at most {self.aim:.1f})"
        return f"{self.title:<60} {self.ratio:5.2f} ×   {self.ours:9.0f} µs against {self.plain:9.0f} µs{aim}"


@dataclass(frozen=True)
class Added:
    """What ours takes longer than the plain one, all in seconds, and what that should stay below."""

    title: str
    ours: float
    plain: float
    aim: float

    def line(self) -> str:
        """Write it down."""
        both = f"{self.ours:7.2f} s against {self.plain:7.2f} s"
        return f"{self.title:<60} {self.ours - self.plain:+5.2f} s   {both}   (aim: at most {self.aim:.1f} s)"


@dataclass(frozen=True)
class Took:
    """How long something took, in seconds, and what that should stay below."""

    title: str
    seconds: float
    aim: float

    def line(self) -> str:
        """Write it down."""
        return f"{self.title:<60} {self.seconds:5.2f} s   (aim: at most {self.aim:.1f} s)"


@dataclass(frozen=True)
class Rate:
    """How many of something in a unit of time."""

    title: str
    count: float
    unit: str

    def line(self) -> str:
        """Write it down."""
        return f"{self.title:<60} {self.count:5.0f} {self.unit}"


@dataclass(frozen=True)
class Weight:
    """What a process holds, in MB, and what it should stay below."""

    title: str
    megabytes: float
    aim: float

    def line(self) -> str:
        """Write it down."""
        return f"{self.title:<60} {self.megabytes:5.0f} MB  (aim: under {self.aim:.0f})"


Line = Comparison | Added | Took | Rate | Weight
