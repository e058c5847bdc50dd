# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible tells of a task, as lines of the run's story, with every secret taken out."""

import re
from collections.abc import Iterable
from typing import Any

REDACTED = "[redacted]"
LONGEST_TEXT = 8_000
CUT = " … [cut]"
SAID = ("msg", "stderr", "module_stderr", "stdout", "module_stdout", "reason")


class Redactor:
    """Replaces the given forms of secrets, the longest first."""

    def __init__(self, forms: Iterable[str] = ()) -> None:
        longest_first = sorted(set(forms), key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def value(self, value: Any) -> Any:
        """Do it at any depth of a JSON value, its keys included."""
        if isinstance(value, str):
            return value if self._pattern is None else self._pattern.sub(REDACTED, value)
        if isinstance(value, dict):
            return {self.value(str(key)): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value


def line_of(kind: str, redactor: Redactor, **data: Any) -> dict[str, Any]:
    """Make a line that is fit to be sent: redacted first, then cut."""
    told = {name: value for name, value in data.items() if value is not None}
    return {"kind": kind} | {name: cut(value) for name, value in redactor.value(told).items()}


def cut(value: Any) -> Any:
    """Shorten a text that is too long, and leave out what UTF-8 can't hold."""
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + CUT


def task_of(result: Any) -> dict[str, Any]:
    """Name the task of a result, and its role where it has one."""
    return named(result.task, result.task_name)


def named(task: Any, name: str | None = None) -> dict[str, Any]:
    """Name a task, and its role where it has one."""
    role = getattr(task, "_role", None)
    found = {"task": name or task.name or task.action}
    return found if role is None else found | {"role": role.get_name()}


def message_of(response: dict[str, Any]) -> str | None:
    """Find what a task said that a person can use: its message, else its output, else that of its items."""
    for name in SAID:
        said = response.get(name)
        if isinstance(said, str) and said.strip() and said != "All items completed":
            more = response.get("stderr")
            return f"{said}\n{more}" if name == "msg" and more and more not in said else said
    failed = (item for item in response.get("results") or [] if isinstance(item, dict) and item.get("failed"))
    return next((message_of(item) for item in failed), None)
