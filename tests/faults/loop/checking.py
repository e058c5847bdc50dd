"""What must hold after each round, whatever came in between."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from tests.faults.lab import FINAL, Lab
from tests.faults.loop.stage import PAGES, SUSPENDED, Stage, Tool

from catalog.identity.keycloak.instance_clients import instance_client_id
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs.tables import Run, RunEvent, RunStep, StepTry

RESUMABLE = frozenset({"failed", "cancelled"})


async def violations(stage: Stage, runs: Sequence[UUID], before: Sequence[Tool]) -> list[str]:
    """Give what does not hold, each as a sentence."""
    found = stage.watcher.overlaps()
    found += await _of_runs(stage.lab, runs)
    found += await _of_tries(stage.lab, runs)
    found += await _of_events(stage.lab, runs)
    found += await _of_places(stage.lab)
    found += await _of_clients(stage.lab)
    for tool in before:
        found += await _of_tool(stage.lab, tool)
    return found


async def _of_runs(lab: Lab, runs: Sequence[UUID]) -> list[str]:
    async with lab.database.begin(OPERATOR) as session:
        states = dict((await session.execute(sa.select(Run.id, Run.state).where(Run.id.in_(runs)))).all())
    lost = [f"run {run_id} is gone" for run_id in runs if run_id not in states]
    stuck = [f"run {run_id} is {state} and goes nowhere" for run_id, state in states.items() if state not in FINAL]
    open_to_all = [
        f"run {run_id} is {state} though all is well again" for run_id, state in states.items() if state in RESUMABLE
    ]
    return lost + stuck + open_to_all


async def _of_tries(lab: Lab, runs: Sequence[UUID]) -> list[str]:
    """A step that is done has one try that did it, and none after that; tries of one subject follow each other."""
    async with lab.database.begin(OPERATOR) as session:
        tries = (
            await session.execute(
                sa.select(Run.subject_id, RunStep.name, StepTry)
                .join(Run, Run.id == StepTry.run_id)
                .join(RunStep, sa.and_(RunStep.run_id == StepTry.run_id, RunStep.position == StepTry.position))
                .where(StepTry.run_id.in_(runs))
                .order_by(Run.subject_id, StepTry.attempt)
            )
        ).all()
    found = []
    done: set[tuple[UUID, int]] = set()
    earlier: tuple[UUID, StepTry] | None = None
    for subject, name, one in tries:
        key = (one.run_id, one.position)
        if key in done:
            found.append(
                f"step {name} of run {one.run_id} was begun again by attempt {one.attempt}, though it was done"
            )
        if one.outcome == "done":
            done.add(key)
        if earlier is not None and earlier[0] == subject and _overlap(earlier[1], one):
            found.append(f"attempts {earlier[1].attempt} and {one.attempt} on {subject} overlap in the journal")
        earlier = (subject, one)
    return found


def _overlap(earlier: StepTry, later: StepTry) -> bool:
    return earlier.ended_at is None or earlier.ended_at > later.started_at


async def _of_events(lab: Lab, runs: Sequence[UUID]) -> list[str]:
    async with lab.database.begin(OPERATOR) as session:
        rows = (
            await session.execute(
                sa.select(Run.id, Run.last_sequence, sa.func.count(RunEvent.sequence), sa.func.max(RunEvent.sequence))
                .outerjoin(RunEvent, RunEvent.run_id == Run.id)
                .where(Run.id.in_(runs))
                .group_by(Run.id)
            )
        ).all()
    return [
        f"the events of run {run_id} have gaps: {count} of {last}"
        for run_id, last, count, highest in rows
        if not last == count == (highest or 0)
    ]


async def _of_places(lab: Lab) -> list[str]:
    found = []
    async with lab.database.begin(OPERATOR) as session:
        instances = list(await session.scalars(sa.select(Instance)))
    for instance in instances:
        held = await lab.held(instance.id)
        if instance.state == "removed":
            wrong = {name: count for name, count in held.items() if count and name != "names"}
        else:
            wrong = {name: count for name, count in held.items() if count != 1 and name != "ports"}
        if wrong:
            found.append(f"{instance.hostname} is {instance.state} and holds {wrong}")
    return found


async def _of_clients(lab: Lab) -> list[str]:
    async with lab.database.begin(OPERATOR) as session:
        rows = (await session.execute(sa.select(Instance.id, Instance.state))).all()
    wanted = {instance_client_id(str(instance_id)) for instance_id, state in rows if state != "removed"}
    clients = await lab.realm.admin.get("/clients", clientId="instance-", search=True, max=1000)
    found = {str(one["clientId"]) for one in clients}
    orphans = [f"client {name} belongs to no instance" for name in sorted(found - wanted)]
    return orphans + [f"client {name} is missing" for name in sorted(wanted - found)]


async def _of_tool(lab: Lab, tool: Tool) -> list[str]:
    """It is there, keeps what people wrote, and answers as its state says."""
    instance = await lab.instance(tool.row.id)
    expected = SUSPENDED if instance.state == "suspended" else PAGES[instance.tool_slug][1]
    found = []
    if instance.state not in {"running", "suspended"}:
        found.append(f"{instance.hostname} is {instance.state}")
    if (kept := tool.on_host(f"cat {tool.file} 2>/dev/null || true")) != tool.kept:
        found.append(f"{instance.hostname} lost what people had written: {kept!r}")
    if (status := tool.answer()) != expected:
        found.append(f"{instance.hostname} is {instance.state} and answers {status}")
    return found
