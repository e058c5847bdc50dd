"""The line that does a run's playbook again from an operator's shell."""

import shlex

from catalog.instances.tables import Instance
from catalog.runs.definitions import INSTANCE_ACTIONS, PLAYBOOK_STEPS
from catalog.runs.tables import Run

INVENTORY = "playbooks/inventory/catalog.yml"


def playbook_of(action: str) -> str | None:
    """Name the playbook that does an action on an instance: the tool's own of that name, or that of the first step."""
    steps = INSTANCE_ACTIONS.get(action)
    if steps is None:
        return action
    return next((step for step in steps if step in PLAYBOOK_STEPS), None)


def command_of(run: Run, instance: Instance | None) -> str | None:
    """Give the line, for the root of a checkout; none where the run has no playbook or its instance is gone."""
    if instance is None or instance.state == "removed":
        return None
    playbook = playbook_of(run.action)
    if playbook is None:
        return None
    words = ["ansible-playbook", "-i", INVENTORY, f"playbooks/tools/{instance.tool_slug}/{playbook}.yml"]
    words += ["--limit", instance.hostname]
    words += ["--check"] if run.input.get("check") else []
    words += [f"-{'v' * run.verbosity}"] if run.verbosity else []
    return shlex.join(words)
