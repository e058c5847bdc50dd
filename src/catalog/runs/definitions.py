"""Which steps a run of each action takes, in order, on whose queue, and for how long at most."""

from collections.abc import Mapping, Sequence

import msgspec

from catalog.tools.manifest import Action

DEFINITION = 3
"""The version of these lists, which a run is born with. A worker leaves runs of a version that it lacks alone."""

KNOWN_DEFINITIONS = (1, 2, 3)
"""The versions whose steps this worker can do: a run that was started before an upgrade ends after it."""

CORE = "core"
SHELL = "shell"
"""The queue of steps that the shell does which began the run. No worker does them, whatever it works for."""

_SITE_PREFIX = "site:"

_CORE_SECONDS = 300
_PLAYBOOK_MINUTES = 30
OWN_ACTION = "own-action"
"""The step that runs the playbook of a tool's own action."""

COMPARISON = ("compare-sign-on", "compare-host")
"""The steps that say how Keycloak and the host differ from what the run's input asks for, and change nothing."""

INSTANCE_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "provision": ("identity", "provision", "verify", "publish"),
    "plan": COMPARISON,
    "verify": (*COMPARISON, "verify"),
    "update": ("identity", "provision", "verify"),
    "upgrade": ("identity", "provision", "verify"),
    "reconcile": ("identity", "provision", "verify"),
    "suspend": ("close-sign-on", "suspend"),
    "resume": ("identity", "provision", "verify"),
    "deprovision": ("deprovision", "remove-identity", "release"),
}
MEMBER_ACTIONS: Mapping[str, tuple[str, ...]] = {"sign-on": ("organization",)}
HOST_ACTIONS: Mapping[str, tuple[str, ...]] = {"prepare": ("prepare",), "patch": ("patch", "restart")}
HOST_STEP_MINUTES: Mapping[str, int] = {"prepare": 30, "patch": 90, "restart": 20}
PLAYBOOK_STEPS = frozenset({"provision", "verify", "suspend", "deprovision", OWN_ACTION})
SITE_STEPS = PLAYBOOK_STEPS | {"compare-host"}
UNDOING = INSTANCE_ACTIONS["deprovision"]
"""The steps that take back all that a first provision had made."""


class StepPlan(msgspec.Struct, frozen=True):
    """A step as a run is born with it: its name, the queue of the workers that may do it, and its time limit."""

    name: str
    queue: str
    timeout_seconds: int


def site_queue(site_slug: str) -> str:
    """Name the queue of the workers that stand beside a site's hosts."""
    return f"{_SITE_PREFIX}{site_slug}"


def steps_for(
    action: str, *, site_slug: str | None = None, actions: Mapping[str, Action] | None = None
) -> tuple[StepPlan, ...]:
    """Give the steps of `action`, one of ours or one of `actions`, which the tool's manifest declares.

    Playbooks run on the queue of the site `site_slug`; they may take as long as `actions` says, or half an hour.
    Raises `ValueError` for an unknown action, and where a playbook has no site.
    """
    declared = actions or {}
    names = INSTANCE_ACTIONS.get(action) or MEMBER_ACTIONS.get(action)
    if names is not None:
        return plans(names, site_slug, declared)
    if action in declared:
        return plans((OWN_ACTION,), site_slug, {OWN_ACTION: declared[action]})
    raise ValueError(f"There is no action {action!r}.")


def host_steps_for(action: str, site_slug: str) -> tuple[StepPlan, ...]:
    """Give the steps of an action on a host at a site. Raises `KeyError` for an unknown action."""
    return tuple(StepPlan(name, site_queue(site_slug), HOST_STEP_MINUTES[name] * 60) for name in HOST_ACTIONS[action])


def plans(names: Sequence[str], site_slug: str | None, actions: Mapping[str, Action]) -> tuple[StepPlan, ...]:
    """Give the plans of these steps. Raises `ValueError` where a playbook has no site."""
    return tuple(_plan(name, site_slug, actions) for name in names)


def _plan(name: str, site_slug: str | None, actions: Mapping[str, Action]) -> StepPlan:
    if name not in SITE_STEPS:
        return StepPlan(name, CORE, _CORE_SECONDS)
    if site_slug is None:
        raise ValueError(f"The step {name!r} needs a site.")
    timed_as = "provision" if name == "compare-host" else name
    minutes = actions[timed_as].timeout_minutes if timed_as in actions else _PLAYBOOK_MINUTES
    return StepPlan(name, site_queue(site_slug), minutes * 60)
