"""Follows runs through the API's events, and tells of them line by line."""

import time
from collections.abc import Callable
from typing import Any

from devkit.demo.catalog_api import CatalogApi
from devkit.telling import Teller

POLL_SECONDS = 0.5
Hear = Callable[[str, dict[str, Any]], None]
TOLD = {
    "step.started": "step {step}",
    "task.changed": "  changed: {task}",
    "task.failed": "  failed: {task}: {message}",
    "step.interrupted": "  interrupted: attempt {attempt} at {step}",
    "step.waiting": "  waits for its next try: {step}",
    "run.ended": "{state}",
}


class RunFailed(Exception):
    """A run ended without success; the message says which, and what it said."""


def follow(tell: Teller, operator: CatalogApi, instances: list[dict[str, Any]], hear: Hear) -> dict[str, int]:
    """Tell of each instance's newest run until it has ended; gives how many tasks changed anything, by hostname.

    `hear` is told of each event too, with the run's id.
    Raises `RunFailed` once all have ended, where one did not succeed.
    """
    runs = {one["hostname"]: operator.get("/v1/runs", instance=one["id"], limit=1)["items"][0] for one in instances}
    seen = dict.fromkeys(runs, 0)
    changed = dict.fromkeys(runs, 0)
    open_runs = set(runs)
    while open_runs:
        for hostname in sorted(open_runs):
            page = operator.get(f"/v1/runs/{runs[hostname]['id']}/events", after=seen[hostname], limit=200)
            for event in page["items"]:
                changed[hostname] += event["kind"] == "task.changed"
                _tell(tell, hostname, event)
                hear(runs[hostname]["id"], event)
            seen[hostname] = page["next"]
            if page["ended"]:
                open_runs.discard(hostname)
        time.sleep(POLL_SECONDS)
    ended = [operator.get(f"/v1/runs/{run['id']}") for run in runs.values()]
    failures = [f"{run['id']}: {run['error']}" for run in ended if run["state"] != "succeeded"]
    if failures:
        raise RunFailed("; ".join(failures))
    return changed


def ignore(_run_id: str, _event: dict[str, Any]) -> None:
    """Hear of an event, and do nothing."""


def _tell(tell: Teller, hostname: str, event: dict[str, Any]) -> None:
    pattern = TOLD.get(event["kind"])
    if pattern is not None:
        name = hostname.partition(".")[0]
        tell.say(f"  {name}: {pattern.format_map(event['data'])}")
