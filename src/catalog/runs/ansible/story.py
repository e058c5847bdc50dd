"""Turns what a playbook tells into lines of the run's story, its result, or the reason why it failed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from catalog.platform.i18n import Text
from catalog.runs.ansible.fence import REFUSED
from catalog.runs.attempts import AttemptLost
from catalog.runs.events import EventWriter
from catalog.runs.failures import Problem, StepFailed, StepUnavailable

SSH_FAILED = 255
_OUTCOMES = {
    "runner_on_ok": "task.ok",
    "runner_on_skipped": "task.skipped",
    "runner_on_failed": "task.failed",
    "runner_on_unreachable": "task.unreachable",
}
_SAID = frozenset({"verbose", "warning", "deprecated", "error"})
_PLAYBOOK_FAILED = Problem(
    code="playbook-failed",
    title=Text(en="A task of the playbook failed", fr="Une tâche du playbook a échoué"),
    detail=Text(
        en="The task and what it said stand below. What was done before it stays, and the next try goes on from there.",
        fr="La tâche et son message figurent ci-dessous. Ce qui précède reste fait; le prochain essai continue de là.",
    ),
)
_UNREACHABLE = Problem(
    code="host-unreachable",
    title=Text(en="The host does not answer", fr="L’hôte ne répond pas"),
    detail=Text(
        en="It is tried again by itself. If it stays so, look at the host and its network.",
        fr="Un nouvel essai se fera de lui-même. Si cela persiste, voyez l’hôte et son réseau.",
    ),
)
_NOT_USABLE = Problem(
    code="host-not-usable",
    title=Text(en="The host can’t be worked on", fr="Impossible de travailler sur l’hôte"),
    detail=Text(
        en="What it said stands below, such as a full disk. Nothing was begun there. Put it right, then try again.",
        fr="Son message figure ci-dessous, par exemple un disque plein. Rien n’y a commencé. Corrigez, puis réessayez.",
    ),
)


@dataclass
class Story:
    """What was told so far. `result` is what the playbook gave back by `set_stats`."""

    events: EventWriter
    counts: Counter[str] = field(default_factory=Counter)
    result: dict[str, Any] = field(default_factory=dict)
    task: str | None = None
    problem: Problem | None = None

    async def hear(self, line: dict[str, Any]) -> None:
        """Take one line of the playbook's process. Raises `AttemptLost` where the host refused this attempt."""
        event = line["event"]
        if event == "playbook_on_task_start":
            self.task = str(line.get("task", ""))
            await self.events.add("task.started", task=self.task, **_role(line))
        elif event in _OUTCOMES:
            await self._outcome(event, line)
        elif event == "playbook_on_stats":
            given = (line.get("artifact_data") or {}).get("result")
            self.result = given if isinstance(given, dict) else {}
        elif event == "fence_failed":
            self._fence_failed(line)
        elif event in _SAID and line.get("text"):
            await self.events.add("output", text=line["text"])

    def conclude(self, status: int) -> None:
        """Raise `StepFailed` or `StepUnavailable` unless the playbook succeeded."""
        if status == 0:
            return
        problem = self.problem or _PLAYBOOK_FAILED
        if problem.code == _UNREACHABLE.code:
            raise StepUnavailable(problem)
        raise StepFailed(problem)

    async def _outcome(self, event: str, line: dict[str, Any]) -> None:
        response = line.get("res") or {}
        kind = "task.changed" if event == "runner_on_ok" and response.get("changed") else _OUTCOMES[event]
        told: dict[str, Any] = {"task": str(line.get("task", self.task)), "host": line.get("host"), **_role(line)}
        message = message_of(response)
        if kind in {"task.failed", "task.unreachable"}:
            ignored = bool(line.get("ignore_errors"))
            told |= {"message": message or "", "ignored": ignored}
            if _refused(response):
                raise AttemptLost("the host refused this attempt")
            if not ignored:
                self._remember(kind, told)
        elif message:
            told["message"] = message
        self.counts[kind] += 1
        await self.events.add(kind, **told)

    def _remember(self, kind: str, told: dict[str, Any]) -> None:
        if self.problem is None:
            known = _UNREACHABLE if kind == "task.unreachable" else _PLAYBOOK_FAILED
            self.problem = Problem(
                code=known.code,
                title=known.title,
                detail=known.detail,
                task=told["task"],
                host=told["host"],
                message=told["message"],
            )

    def _fence_failed(self, line: dict[str, Any]) -> None:
        if line["status"] == REFUSED:
            raise AttemptLost("the host refused this attempt")
        known = _UNREACHABLE if line["status"] == SSH_FAILED else _NOT_USABLE
        self.problem = Problem(code=known.code, title=known.title, detail=known.detail, message=line["message"])


def message_of(response: dict[str, Any]) -> str | None:
    """Find what a task said that a person can use: its message, else its error output, else that of its items."""
    for name in ("msg", "stderr", "module_stderr", "stdout", "module_stdout", "reason"):
        said = response.get(name)
        if isinstance(said, str) and said.strip() and said != "All items completed":
            more = response.get("stderr")
            return f"{said}\n{more}" if name == "msg" and more and more not in said else said
    for item in response.get("results") or []:
        if isinstance(item, dict) and item.get("failed"):
            return message_of(item)
    return None


def _refused(response: dict[str, Any]) -> bool:
    """Tell whether the fence said no: its exit status, as modules and plain commands report it."""
    return response.get("rc") == REFUSED


def _role(line: dict[str, Any]) -> dict[str, Any]:
    return {"role": line["role"]} if line.get("role") else {}
