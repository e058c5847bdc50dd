"""Which function does which step."""

from catalog.runs.context import Steps
from catalog.runs.definitions import PLAYBOOK_STEPS
from catalog.runs.steps.comparing import compare_host_step, compare_sign_on_step
from catalog.runs.steps.hosts import host_playbook_step, restart_step
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.places import publish, release
from catalog.runs.steps.playbooks import playbook_step
from catalog.runs.steps.sign_on import (
    close_sign_on_step,
    identity_step,
    organization_step,
    remove_identity_step,
)


def steps_of(parts: Parts) -> Steps:
    """Give all steps that this worker can do, by their names in `runs.definitions`."""
    return {
        "organization": organization_step(parts),
        "identity": identity_step(parts),
        "publish": publish,
        "compare-sign-on": compare_sign_on_step(parts),
        "compare-host": compare_host_step(parts),
        "close-sign-on": close_sign_on_step(parts),
        "remove-identity": remove_identity_step(parts),
        "release": release,
        "prepare": host_playbook_step(parts, "prepare"),
        "patch": host_playbook_step(parts, "patch"),
        "restart": restart_step(parts),
        **{name: playbook_step(parts, name) for name in PLAYBOOK_STEPS},
    }
