"""A worker that is killed in the middle of a playbook, as a part of the story."""

from collections import Counter
from typing import Any

from devkit import parts, processes
from devkit.demo.catalog_api import CatalogApi
from devkit.telling import Teller

TASKS_BEFORE = 3
PLAYBOOK_STEP = "provision"


class Crash:
    """Kills the worker once, when a playbook has begun so many tasks, and starts another."""

    def __init__(self, tell: Teller) -> None:
        self._tell = tell
        self._begun: Counter[str] = Counter()
        self._in_playbook: set[str] = set()
        self._run_id: str | None = None

    def hear(self, run_id: str, event: dict[str, Any]) -> None:
        """Take an event of a run that is followed."""
        if self._run_id is not None:
            return
        if event["kind"] == "step.started" and event["data"]["step"] == PLAYBOOK_STEP:
            self._in_playbook.add(run_id)
        if event["kind"] == "task.started" and run_id in self._in_playbook:
            self._begun[run_id] += 1
        if self._begun[run_id] == TASKS_BEFORE:
            self._run_id = run_id
            self._come(event["data"]["task"])

    def tell_how_it_ended(self, operator: CatalogApi) -> None:
        """Tell of each try at the steps of the run that was hit."""
        if self._run_id is None:
            self._tell.say("No playbook ran long enough for the worker to be killed in it")
            return
        run = operator.get(f"/v1/runs/{self._run_id}")
        for step in run["steps"]:
            tries = ", ".join(f"attempt {one['attempt']} {one['outcome']}" for one in step["tries"])
            self._tell.say(f"  {step['name']}: {tries}")
        self._tell.say(f"The run whose worker was killed has {run['state']}")

    def _come(self, task: str) -> None:
        self._tell.say(f"The worker is killed (SIGKILL) in the middle of the task {task!r}")
        processes.kill(parts.WORKER)
        parts.start_worker()
        self._tell.say("Another worker is started; it takes the run over when the lease of the dead one has run out")
