# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a run that is done while the catalog can't be asked: kept in a file, and reported afterwards."""

import datetime as dt
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.coop.catalog.plugins.plugin_utils.api import Api, Refused
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import Settings, private_folder, shell_name
from ansible_collections.coop.catalog.plugins.plugin_utils.story import Story

STRIDE = 1_000
SPREAD = 100_000
MOST_LINES = 10_000
AT_ONCE = 1_000_000
NOT_NOW = frozenset({401, 403})
"""Refusals that are of whoever asks, and not of the report."""

UNFINISHED = "The shell went away before the playbook had ended."


def attempt_after(highest: int) -> int:
    """Choose a number far above the host's highest, which neither a worker nor another shell will come to meanwhile."""
    return highest + STRIDE + secrets.randbelow(SPREAD)


class OfflineRun:
    """A run that the catalog will hear of. Its file is locked for as long as this shell lives."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.story = Story()
        self.stop: str | None = None
        self.lost: str | None = None
        self.attempt = 0
        self.where = ""
        self._file: Any = None

    def begin(self, instance: str, playbook: str, attempt: int, *, check: bool) -> None:
        """Make the file."""
        self.attempt = attempt
        folder = private_folder(self._settings.spool)
        path = folder / f"{instance}-{attempt}.jsonl"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._file = os.fdopen(handle, "w", encoding="utf-8")
        self.where = str(path)
        head = {"instance": instance, "playbook": playbook, "attempt": attempt, "check": check, "shell": shell_name()}
        self._write({**head, "url": self._settings.url, "started_at": _now()})

    def flush(self) -> None:
        """Write what waits."""
        while lines := self.story.first(MOST_LINES, AT_ONCE):
            for line in lines:
                self._write(line)
            self.story.drop(len(lines))

    def end(self, conclusion: dict[str, Any]) -> dict[str, Any]:
        """Write how it ended."""
        self.flush()
        self._write({"end": conclusion, "ended_at": _now()})
        self._file.close()
        return {"state": "kept, to be reported", "url": self.where}

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def report_all(settings: Settings, api: Api) -> Iterator[str]:
    """Report every run that was done offline; give a line for people on each. Raises `CatalogAway`, `Refused`."""
    for path in sorted(settings.spool.glob("*.jsonl")):
        with path.open(encoding="utf-8") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its shell is still at it
            lines = [json.loads(line) for line in opened if line.endswith("\n")]
            if not lines:
                path.unlink()  # its shell went away before it did anything
            elif lines[0].pop("url") == settings.url:
                yield _report(api, path, lines[0], lines[1:])


def _report(api: Api, path: Path, head: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    try:
        told = api.post("/v1/offline-runs", report_of(head, lines))
    except Refused as refusal:
        if refusal.status in NOT_NOW:
            raise
        path.rename(path.with_suffix(".refused"))
        return f"An offline run could not be reported, and is kept as {path.with_suffix('.refused')}: {refusal}"
    path.unlink()
    return f"Reported what was done offline: {told['state']}, {told['url']}"


def report_of(head: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the report out of the file's lines; a file without an end is of a shell that went away."""
    ended = lines.pop() if lines and "end" in lines[-1] else None
    if ended is None:
        ended = {"end": {"outcome": "failed", "message": UNFINISHED}, "ended_at": _now()}
    return {**head, "lines": lines[-MOST_LINES:], **ended}


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()
