"""What a playbook says in check mode that it would change, as data: its tasks, with files, units and differences."""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from catalog.runs.comparison import MOST_TASKS, HostComparison, TaskChange, TaskName, UnitChange

LONGEST_DIFF = 8_000
MOST_DIFF_CHARACTERS = 100_000
LARGEST_COMPARED = 200_000
MOST_NAMES = 100
CUT = "\n… [cut]"

_LISTED_FILES = ("written", "made", "mended")
_LISTED_UNITS = {"started": "start", "restarted": "restart", "stopped": "stop", "enabled": "enable"} | {
    "disabled": "disable"
}


class Prediction:
    """Gathers it from the lines of the playbook's process. `redacted` takes secrets out of a text."""

    def __init__(self, redacted: Callable[[str], str]) -> None:
        self._redacted = redacted
        self._changes: list[TaskChange] = []
        self._unpredicted: list[TaskName] = []
        self._room = MOST_DIFF_CHARACTERS

    def hear(self, line: Mapping[str, Any]) -> None:
        """Take one line."""
        if line["event"] == "runner_on_ok":
            changed = [result for result in _results(line.get("res") or {}) if result.get("changed")]
            if changed:
                self._changes.append(self._change(line, changed))
        elif line["event"] == "unpredicted":
            self._unpredicted.append(TaskName(task=self._task(line), role=line.get("role")))

    def comparison(self, changed_by_hand: list[str]) -> HostComparison:
        """Give all of it; `changed_by_hand` are the files of which the playbook said so."""
        return HostComparison(
            changes=self._changes[:MOST_TASKS],
            unpredicted=self._unpredicted[:MOST_TASKS],
            changed_by_hand=[self._redacted(path) for path in changed_by_hand[:MOST_NAMES]],
        )

    def _change(self, line: Mapping[str, Any], results: list[dict[str, Any]]) -> TaskChange:
        files = dict.fromkeys(self._redacted(file) for result in results for file in _files(result))
        diffs = [self._redacted(diff) for result in results for diff in _diffs(result)]
        return TaskChange(
            task=self._task(line),
            role=line.get("role"),
            files=list(files)[:MOST_NAMES],
            units=[unit for result in results for unit in _units(result)][:MOST_NAMES],
            diff=self._bounded("\n".join(diffs)) if diffs else None,
        )

    def _task(self, line: Mapping[str, Any]) -> str:
        return self._redacted(str(line.get("task", "")))

    def _bounded(self, diff: str) -> str:
        room = min(LONGEST_DIFF, self._room)
        self._room -= min(len(diff), room)
        # What PostgreSQL's JSON can't hold: NUL, and halves of surrogate pairs.
        clean = diff.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
        return clean if len(clean) <= room else clean[:room] + CUT


def _results(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the task's result, or those of the items that it went through."""
    items = response.get("results")
    if not isinstance(items, list) or not items:
        yield response
        return
    yield from (item for item in items if isinstance(item, dict))


def _files(result: dict[str, Any]) -> Iterator[str]:
    for name in _LISTED_FILES:
        if isinstance(result.get(name), list):
            yield from map(str, result[name])
    for name in ("dest", "path"):
        if isinstance(result.get(name), str):
            yield result[name]


def _units(result: dict[str, Any]) -> Iterator[UnitChange]:
    for name, what in _LISTED_UNITS.items():
        if isinstance(result.get(name), list):
            yield from (UnitChange(unit=str(unit), what=what) for unit in result[name])
    # Ansible's own modules for services.
    if isinstance(result.get("status"), dict) and isinstance(result.get("name"), str):
        yield UnitChange(unit=result["name"], what=str(result.get("state") or "enable"))


def _diffs(result: dict[str, Any]) -> Iterator[str]:
    found = result.get("diff")
    for diff in found if isinstance(found, list) else [found]:
        if isinstance(diff, dict) and (text := _text(diff)):
            yield text


def _text(diff: Mapping[str, Any]) -> str:
    if isinstance(diff.get("prepared"), str):
        return str(diff["prepared"])
    if "before" not in diff or "after" not in diff:
        return ""
    before, after = (_lines(diff[side]) for side in ("before", "after"))
    if max(sum(map(len, before)), sum(map(len, after))) > LARGEST_COMPARED:
        return ""
    heads = {side: str(diff.get(f"{side}_header") or side) for side in ("before", "after")}
    return "\n".join(difflib.unified_diff(before, after, heads["before"], heads["after"], lineterm=""))


def _lines(value: Any) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True, default=str)
    return text.splitlines()
