"""The steps of a host's own runs: its playbooks, and its restart, which happens once a run."""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy.orm import undefer

from catalog.platform.db.scope import OPERATOR
from catalog.platform.i18n import Text
from catalog.runs.ansible.process import INTERRUPTED, ansible_core
from catalog.runs.ansible.story import Story
from catalog.runs.ansible.workspace import Play, Reach, Target
from catalog.runs.context import Step, StepContext
from catalog.runs.failures import Problem, StepFailed, StepStopped, StepUnavailable
from catalog.runs.hosts.publishing import playbook_of
from catalog.runs.hosts.tables import HostRevision
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.playbooks import run_play
from catalog.sites.tables import Host

BACK_SECONDS = 600
LOOK_SECONDS = 5.0

_NOT_BACK = Problem(
    code="host-not-back",
    title=Text(en="The host did not come back", fr="L’hôte n’est pas revenu"),
    detail=Text(
        en="It was restarted, and has not answered since. Look at its console. Once it answers, try again: it is not"
        " restarted a second time.",
        fr="Il a été redémarré et ne répond plus. Voyez sa console. Dès qu’il répond, réessayez : il ne sera pas"
        " redémarré une seconde fois.",
    ),
)


def host_playbook_step(parts: Parts, name: str) -> Step:
    """Give the step that runs `<name>.yml` of the hosts' automation."""

    async def do(context: StepContext) -> dict[str, Any]:
        return await _played(parts, context, name)

    return Step(do, _ending(parts))


def restart_step(parts: Parts) -> Step:
    """Give the step that restarts the host where the step before found that it needs it, and waits for it.

    The host compares the boot that it is in with the one that the patch was made in, and restarts in that one alone. So
    whoever does the step again, after whatever end of an earlier try, waits for the same restart.
    """

    async def do(context: StepContext) -> dict[str, Any]:
        patched = context.claim.outputs["patch"]
        needed, wanted = bool(patched["restart_needed"]), context.claim.input["restart"] == "if-needed"
        if not (needed and wanted):
            return {"restarted": False, "restart_pending": needed}
        output = await _until_back(parts, context)
        return {**output, "restarted": True, "restart_pending": False}

    return Step(do, _ending(parts))


async def _until_back(parts: Parts, context: StepContext) -> dict[str, Any]:
    """Look again and again whether the host is in another boot, and have it restarted where it is not."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BACK_SECONDS
    while loop.time() < deadline:
        try:
            output = await _played(parts, context, "restart")
        except StepUnavailable:
            output = {}  # it is on its way
        if output.get("is_back"):
            return output
        if context.stopping.is_set():
            raise StepStopped
        await asyncio.sleep(LOOK_SECONDS)
    raise StepFailed(_NOT_BACK)


async def _played(parts: Parts, context: StepContext, name: str) -> dict[str, Any]:
    host, revision = await _read(context)
    play = Play(
        archive=revision.archive,
        digest=revision.digest,
        playbook=playbook_of(name),
        reach=_reach(context, host),
        variables={
            "host": {"id": str(host.id), "name": host.name, "address": host.address, "ssh_port": host.ssh_port},
            "run": {"id": str(context.claim.run_id), **context.claim.input},
            "before": context.claim.outputs,
        },
        verbosity=context.claim.verbosity,
    )
    story = Story(context.events)
    status = await run_play(parts, context, story, play)
    if status == INTERRUPTED and context.stopping.is_set():
        raise StepStopped
    story.conclude(status)
    changed = story.counts["task.changed"]
    return {**story.result, "changed": changed, "ansible_core": ansible_core(), "revision": revision.number}


def _ending(parts: Parts) -> Any:
    async def end(context: StepContext) -> bool:
        host, _ = await _read(context)
        return await parts.playbooks.end(_reach(context, host))

    return end


async def _read(context: StepContext) -> tuple[Host, HostRevision]:
    async with context.database.begin(OPERATOR) as session:
        host = await session.get_one(Host, context.claim.subject_id)
        revision = await session.get_one(
            HostRevision, UUID(context.claim.input["revision_id"]), options=[undefer(HostRevision.archive)]
        )
    return host, revision


def _reach(context: StepContext, host: Host) -> Reach:
    return Reach(Target(host.address, host.ssh_port, host.ssh_host_key), host.id, context.claim.attempt)
