"""An Ansible callback that writes down which tasks check mode could not foretell.

ansible-runner does not tell why a task was skipped. Each is a line of JSON in the file that `COOP_UNPREDICTED_FILE`
names. A task that the playbook's own words skip, by a condition or an empty loop, is none of them.
"""

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

REASONS = frozenset({"skip_reason", "skipped_reason", "false_condition"})


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible has no types
    """Looks at each task that was skipped."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tell_unpredicted"

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Write the task down where check mode is why."""
        task = result.task
        if not task.check_mode or not any(_is_unpredicted(one, task) for one in _results(result.result)):
            return
        role = None if task._role is None else task._role.get_name()  # noqa: SLF001 - Ansible has no other name for it
        with Path(os.environ["COOP_UNPREDICTED_FILE"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"task": task.name, "role": role}) + "\n")


def _results(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the task's result, or those of the items that it went through."""
    items = result.get("results")
    return items if isinstance(items, list) and items else [result]


def _is_unpredicted(result: dict[str, Any], task: Any) -> bool:
    if not result.get("skipped", True) or not REASONS.isdisjoint(result):
        return False
    # What is hidden has no reason to be read: a condition is the likely one.
    return not ("censored" in result and task.when)
