"""Lines and results that a shell tells, as they are kept. It has taken the secrets out: the server knows none."""

from typing import Any

import msgspec

from catalog.runs.events import Line, bounded
from catalog.runs.shell.schemas import EndIn, LineIn


def stored(line: LineIn) -> Line:
    """Give a line as it is stored."""
    data = {name: value for name, value in msgspec.to_builtins(line).items() if name != "kind" and value is not None}
    return line.kind, bounded(data)


def output_of(ended: EndIn) -> dict[str, Any]:
    """Give the output of a step that a shell has done."""
    told = {"changed": ended.changed, "ansible_core": ended.ansible_core, "done_by": "shell"}
    return bounded(ended.result) | told
