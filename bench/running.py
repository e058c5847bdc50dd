"""Runs against the raw playbook: what comes before the first task, the whole, eight at once, and cancelling now."""

import asyncio
import contextlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from devkit.state import state_folder

from bench.comparing import Added, Comparison, Line, Took
from bench.own_database import own_database
from bench.scene import PLAYBOOKS, Scene, on_host, raw_playbook, scene, workers
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs import control

ROUNDS, AT_ONCE, CANCELS = 7, 8, 3
FIRST_TASK_AIM, WHOLE_AIM, AT_ONCE_AIM, CANCEL_AIM = 0.5, 1.05, 1.1, 5.0
LONG_SECONDS = 120
SETTLE_SECONDS = 1.0


async def compare_running() -> list[Line]:
    """Run the playbook both ways, in turns."""
    async with own_database() as made, scene(made, instances=2) as (one, (ours, plain)):
        with workers(made, 1):
            await _by_run(one, ours)
            _raw(one.address, plain.id)
            timings = [(*await _by_run(one, ours), *_raw(one.address, plain.id)) for _ in range(ROUNDS)]
    first, whole, raw_first, raw_whole = (statistics.median(column) for column in zip(*timings, strict=True))
    return [
        Added("from the command to the first task, over raw ansible-playbook", first, raw_first, FIRST_TASK_AIM),
        Comparison("the whole run, against the raw playbook", whole * 1e6, raw_whole * 1e6, WHOLE_AIM),
    ]


async def compare_at_once() -> list[Line]:
    """Run the playbook on eight new instances at once: by two workers, and by `xargs -P`."""
    async with own_database() as made, scene(made, instances=4 * AT_ONCE) as (one, instances):
        with workers(made, 2):
            timings = []
            for turn in range(2):
                ours = instances[turn * AT_ONCE : (turn + 1) * AT_ONCE]
                plain = instances[(turn + 2) * AT_ONCE : (turn + 3) * AT_ONCE]
                timings.append((await _all_by_runs(one, ours), _all_raw(one.address, [each.id for each in plain])))
    ours_took, raw_took = (min(column) for column in zip(*timings, strict=True))
    title = f"{AT_ONCE} provisioned at once, against xargs -P {AT_ONCE} of raw playbooks"
    return [Comparison(title, ours_took * 1e6, raw_took * 1e6, AT_ONCE_AIM)]


async def compare_converging() -> list[Line]:
    """Run the raw playbook again and again on an instance that is as it should be, with one of its settings taken out.

    Facts: those that a cache holds need not be asked for.
    """
    async with own_database() as made, scene(made, instances=1) as (one, (instance,)):
        with tempfile.TemporaryDirectory() as cache:
            facts = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": cache}
            ways: dict[str, dict[str, str]] = {
                "as the catalog runs it": {},
                "without pipelining": {"ANSIBLE_PIPELINING": "false"},
                "without ControlPersist": {"ANSIBLE_SSH_ARGS": _without_control_persist()},
                "with cached facts": facts,
            }
            for settings in ways.values():
                _raw(one.address, instance.id, **settings)
            timings: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(ROUNDS - 2):
                for name, settings in ways.items():
                    timings[name].append(_raw(one.address, instance.id, **settings)[1])
    usual, *others = ((name, statistics.median(values) * 1e6) for name, values in timings.items())
    return [Comparison(f"the same again {name}, against {usual[0]}", value, usual[1]) for name, value in others]


async def measure_cancelling() -> list[Line]:
    """Cancel a run in the middle of a long task, now; see how long something of it is left on the host."""
    async with own_database() as made, scene(made, instances=1) as (one, (instance,)):
        with workers(made, 1):
            spent = [await _cancelled(one, instance) for _ in range(CANCELS)]
    return [Took("cancel now, until nothing of the run is left on the host", max(spent), CANCEL_AIM)]


async def _by_run(one: Scene, instance: Instance) -> tuple[float, float]:
    began = time.perf_counter()
    (run_id,) = await one.start([instance])
    await one.until_first_task(run_id)
    first = time.perf_counter() - began
    await one.until_ended([run_id])
    return first, time.perf_counter() - began


def _raw(address: str, instance_id: UUID, **settings: str) -> tuple[float, float]:
    with raw_playbook(address, instance_id, **settings) as (command, environment):
        first = 0.0
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=PLAYBOOKS, env=environment, stdout=subprocess.PIPE) as process:
            for line in process.stdout or ():
                if not first and line.startswith(b"TASK ["):
                    first = time.perf_counter() - began
        if process.returncode:
            raise RuntimeError(f"ansible-playbook: {process.returncode}")
        return first, time.perf_counter() - began


async def _all_by_runs(one: Scene, instances: Sequence[Instance]) -> float:
    began = time.perf_counter()
    await one.until_ended(await one.start(instances))
    return time.perf_counter() - began


def _all_raw(address: str, instance_ids: Sequence[UUID]) -> float:
    """Run a script an instance by `xargs -P`, so that all begin at once."""
    with contextlib.ExitStack() as prepared, tempfile.TemporaryDirectory() as folder:
        scripts = []
        for number, instance_id in enumerate(instance_ids):
            command, environment = prepared.enter_context(raw_playbook(address, instance_id))
            told = [f"{name}={value}" for name, value in environment.items() if name.startswith("ANSIBLE_")]
            script = Path(folder) / str(number)
            script.write_text("\0".join(["env", *told, *command]), encoding="utf-8")
            scripts.append(str(script))
        each = [
            "xargs",
            "-P",
            str(len(scripts)),
            "-I{}",
            "xargs",
            "-0",
            "-a",
            "{}",
            "sh",
            "-c",
            '"$@" >/dev/null',
            "sh",
        ]
        began = time.perf_counter()
        subprocess.run(each, cwd=PLAYBOOKS, input="\n".join(scripts), text=True, check=True)
        return time.perf_counter() - began


async def _cancelled(one: Scene, instance: Instance) -> float:
    (run_id,) = await one.start([instance], seconds=LONG_SECONDS)
    mark = f"^COOP_ATTEMPT={instance.id} "
    asleep = "pgrep -x sleep >/dev/null"
    await asyncio.to_thread(
        on_host, one.address, f"until grep -qsz '{mark}' /proc/[0-9]*/environ && {asleep}; do sleep 0.1; done"
    )
    await asyncio.sleep(SETTLE_SECONDS)
    began = time.perf_counter()
    async with one.database.begin(OPERATOR) as session:
        await control.cancel(session, run_id, stop="now", actor="bench")
    left = f"while grep -qsz '{mark}' /proc/[0-9]*/environ; do sleep 0.05; done"
    await asyncio.to_thread(on_host, one.address, left)
    spent = time.perf_counter() - began
    await one.until_over([run_id])
    return spent


def _without_control_persist() -> str:
    return f"-o ControlMaster=no -o ControlPath=none -o UserKnownHostsFile={state_folder() / 'known_hosts'}"
