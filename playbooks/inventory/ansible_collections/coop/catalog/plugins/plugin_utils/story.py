# SPDX-License-Identifier: GPL-3.0-or-later
"""What has happened so far in the part of a run that this shell does."""

import threading
from typing import Any

from ansible_collections.coop.catalog.plugins.plugin_utils.telling import (
    Redactor,
    cut,
    line_of,
    message_of,
    task_of,
)


class Story:
    """Gathers lines from Ansible's thread; another takes them. `hide` is set before the first task."""

    def __init__(self) -> None:
        self.redactor = Redactor()
        self.changed = 0
        self.touched = False
        self.result: dict[str, Any] = {}
        self.first_failure: dict[str, Any] = {}
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def add(self, kind: str, **data: Any) -> None:
        """Add a line."""
        line = line_of(kind, self.redactor, **data)
        with self._lock:
            self._lines.append(line)

    def hear(self, kind: str, result: Any, *, ignored: bool | None = None) -> None:
        """Add how a task ended on the host."""
        self.touched = True
        response = result.result
        message = message_of(response)
        told = {**task_of(result), "host": result.host.get_name(), "message": message}
        if kind in {"task.failed", "task.unreachable"}:
            told |= {"message": message or "", "ignored": bool(ignored)}
            if not ignored and not self.first_failure:
                self.first_failure = {name: told[name] for name in ("task", "host", "message")}
        elif kind == "task.ok" and response.get("changed"):
            kind = "task.changed"
            self.changed += 1
        self._keep_result(response)
        self.add(kind, **told)

    def first(self, most: int, most_characters: int) -> list[dict[str, Any]]:
        """Give the first lines that wait, as many as fit into one call, and leave them there."""
        with self._lock:
            waiting = self._lines[:most]
        room = most_characters
        for number, line in enumerate(waiting):
            room -= sum(len(value) for value in line.values() if isinstance(value, str)) + 100
            if room < 0 and number:
                return waiting[:number]
        return waiting

    def drop(self, count: int) -> None:
        """Forget lines that have been taken."""
        with self._lock:
            del self._lines[:count]

    def conclusion(self, outcome: str, ansible_core: str, message: str | None = None) -> dict[str, Any]:
        """Say how it ended, free of secrets."""
        failure = {"message": message} if message else self.first_failure
        told = {name: cut(value) for name, value in self.redactor.value(failure).items()}
        return {
            "outcome": outcome,
            "changed": self.changed,
            "result": self.redactor.value(self.result),
            "ansible_core": ansible_core,
        } | (told if outcome not in {"done", "cancelled"} else {})

    def _keep_result(self, response: dict[str, Any]) -> None:
        given = (response.get("ansible_stats") or {}).get("data") or {}
        if isinstance(given.get("result"), dict):
            self.result = given["result"]
