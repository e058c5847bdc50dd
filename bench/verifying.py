"""A verify run through the product, from its row to its end, against the raw playbook by ansible-playbook."""

import contextlib
import io
import os
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from devkit.demo.cast import operators_command
from devkit.demo.catalog_api import CatalogApi
from devkit.environment import environment, secrets_folder
from devkit.parts import WORKER, access_token
from devkit.state import CHECKOUT, read_json, state_folder

from bench.comparing import Comparison, Weight
from bench.processes import memory_of
from bench.submitting import password_of
from catalog.platform.ids import instance_key
from catalog.runs.ansible.unsafe import as_unsafe_json

OPERATOR, TOOL = "operator.coop", "dokuwiki"
ROUNDS = 5
MEMORY_AIM = 150.0
POLL_SECONDS = 0.02
OPEN_STATES = frozenset({"queued", "running", "waiting"})


def compare_verifying() -> list[Comparison | Weight]:
    """Verify the demo's wiki both ways, in turns; weigh the worker."""
    variables = environment("worker")
    sign_in = partial(access_token, OPERATOR, password_of(OPERATOR))
    api = CatalogApi(variables["CATALOG_URL"], sign_in, variables["CATALOG_CA_FILE"])
    instance = api.get("/v1/instances", tool=TOOL, state="running", limit=1)["items"][0]
    tool = next(one for one in api.get("/v1/tools")["items"] if one["slug"] == TOOL)
    plan = next(one for one in tool["plans"] if one["slug"] == instance["plan"])
    worker = read_json(state_folder() / "run" / f"{WORKER}.json")["pid"]
    at_rest = memory_of(worker)
    timings: tuple[list[float], list[float]] = ([], [])
    at_work = 0.0
    for _ in range(ROUNDS):
        spent, weight = _by_run(api, instance, worker)
        timings[0].append(spent)
        timings[1].append(_raw(instance, plan, variables["CATALOG_OIDC_ISSUER"]))
        at_work = max(at_work, weight)
    title = "a verify run, against the raw playbook"
    return [
        Comparison(title, statistics.median(timings[0]) * 1e6, statistics.median(timings[1]) * 1e6),
        Weight("memory of the worker, at rest", at_rest, MEMORY_AIM),
        Weight("memory of the worker, at work", at_work, MEMORY_AIM),
    ]


def _by_run(api: CatalogApi, instance: dict[str, Any], worker: int) -> tuple[float, float]:
    """Give the seconds from the command to the run's end, and the most that the worker held."""
    began, weight = time.perf_counter(), 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        operators_command("instance", "verify", instance["hostname"])
    run = api.get("/v1/runs", instance=instance["id"], limit=1)["items"][0]
    while run["state"] in OPEN_STATES:
        time.sleep(POLL_SECONDS)
        weight = max(weight, memory_of(worker))
        run = api.get(f"/v1/runs/{run['id']}")
    if run["state"] != "succeeded":
        raise RuntimeError(str(run["error"]))
    return time.perf_counter() - began, weight


def _raw(instance: dict[str, Any], plan: dict[str, Any], issuer: str) -> float:
    key = instance_key(UUID(instance["id"]))
    values = {
        "instance": {"short": key, "hostname": instance["hostname"], "url": instance["url"], "plan": plan},
        "sso": {"issuer": issuer, "client_id": f"instance-{instance['id']}"},
        "tls": {"ca": "/etc/coop-catalog/tls/ca.pem"},
        "paths": {"home": f"/srv/coop/{key}", "state": f"/var/lib/coop/{key}"},
    }
    address = read_json(state_folder() / "names.json")[instance["hostname"]]
    ssh = f"-o UserKnownHostsFile={state_folder() / 'known_hosts'} -o ControlMaster=auto -o ControlPersist=30s"
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "vars.json"
        told.write_text(as_unsafe_json(values), encoding="utf-8")
        inventory = Path(folder) / "hosts"
        key_file = secrets_folder() / "ssh" / "id_ed25519"
        inventory.write_text(
            f"instance_host ansible_host={address} ansible_user=root ansible_ssh_private_key_file={key_file} "
            f"ansible_ssh_common_args='{ssh} -o ControlPath={folder}/%C'\n",
            encoding="utf-8",
        )
        command = ["ansible-playbook", "-i", str(inventory), "-e", f"@{told}", f"tools/{TOOL}/verify.yml"]
        began = time.perf_counter()
        # Its own folder too, which would else be made in root's home.
        known = {**os.environ, "ANSIBLE_HOME": folder}
        subprocess.run(command, cwd=CHECKOUT / "playbooks", env=known, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began
