"""The steps that run a bundle's playbooks."""

import errno
from contextlib import aclosing
from typing import Any

from catalog.instances.secrets import CLIENT_SECRET, ensure_secrets, open_secrets
from catalog.platform.db.scope import OPERATOR
from catalog.platform.i18n import Text
from catalog.runs.ansible.process import INTERRUPTED, ChildDied, ansible_core
from catalog.runs.ansible.story import Story
from catalog.runs.ansible.workspace import ArchiveDamaged, Play, Reach, has_room
from catalog.runs.context import Step, StepContext
from catalog.runs.definitions import OWN_ACTION
from catalog.runs.failures import Problem, StepFailed, StepStopped, StepUnavailable
from catalog.runs.redaction import pieces_of
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.subject import Subject, read_subject, variables

_DIED = Problem(
    code="playbook-ended-early",
    title=Text(en="Ansible ended without a result", fr="Ansible s’est terminé sans résultat"),
    detail=Text(
        en="What it said last stands below; the worker’s log has more. Try again.",
        fr="Ses derniers mots figurent ci-dessous; le journal de l’exécutant en dit plus. Réessayez.",
    ),
)
_DAMAGED = Problem(
    code="archive-damaged",
    title=Text(en="The stored automation is damaged", fr="L’automatisation conservée est endommagée"),
    detail=Text(
        en="It is not what its digest says. Nothing was run. Publish the tool again and restore the database.",
        fr="Elle ne correspond pas à son empreinte. Rien n’a été exécuté. Republiez l’outil, restaurez la base.",
    ),
)

_NO_ROOM = Problem(
    code="worker-without-room",
    title=Text(en="The worker has no room left", fr="L’exécutant n’a plus de place"),
    detail=Text(
        en="The memory where runs keep their files (/dev/shm) is full. It is tried again by itself; make room there.",
        fr="La mémoire où ses exécutions gardent leurs fichiers (/dev/shm) est pleine. Un nouvel essai se fera de"
        " lui-même; libérez-y de la place.",
    ),
)


def playbook_step(parts: Parts, name: str) -> Step:
    """Give the step that runs `<name>.yml` of the run's revision, or the tool's own action that the run is for."""

    async def do(context: StepContext) -> dict[str, Any]:
        subject, secrets = await _what_it_needs(parts, context)
        context.events.hide(piece for secret in secrets.values() for piece in (secret, *pieces_of(secret)))
        story = Story(context.events)
        playbook = context.claim.action if name == OWN_ACTION else name
        status = await _run(parts, context, story, _play(parts, context, subject, secrets, playbook))
        if status == INTERRUPTED and context.stopping.is_set():
            raise StepStopped
        if status != 0 and not has_room():
            raise StepUnavailable(_NO_ROOM)
        story.conclude(status)
        return {
            **story.result,
            "changed": story.counts["task.changed"],
            "ansible_core": ansible_core(),
            "revision": subject.revision.number,
        }

    async def end(context: StepContext) -> bool:
        async with context.database.begin(OPERATOR) as session:
            subject = await read_subject(session, context.claim)
        return await parts.playbooks.end(_reach(context, subject))

    return Step(do, end)


async def _what_it_needs(parts: Parts, context: StepContext) -> tuple[Subject, dict[str, str]]:
    async with context.attempt.begin() as (session, _):
        subject = await read_subject(session, context.claim)
        secrets = await ensure_secrets(session, parts.vault, subject.instance, subject.manifest.secrets)
    async with context.database.begin(OPERATOR) as session:
        known = await open_secrets(session, parts.vault, subject.instance)
    return subject, secrets | {name: value for name, value in known.items() if name == CLIENT_SECRET}


def _play(parts: Parts, context: StepContext, subject: Subject, secrets: dict[str, str], playbook: str) -> Play:
    return Play(
        archive=subject.revision.archive,
        digest=subject.revision.digest,
        playbook=f"tools/{subject.instance.tool_slug}/{playbook}.yml",
        reach=_reach(context, subject),
        variables=variables(subject, context.claim, parts.issuer, secrets),
        verbosity=context.claim.verbosity,
    )


def _reach(context: StepContext, subject: Subject) -> Reach:
    return Reach(subject.target, subject.instance.id, context.claim.attempt)


async def _run(parts: Parts, context: StepContext, story: Story, play: Play) -> int:
    """Run it to its end; gives Ansible's exit status."""
    await context.attempt.renew()
    status = 1
    try:
        async with aclosing(parts.playbooks.run(play, context.stopping)) as lines:
            async for line in lines:
                if line["event"] == "end":
                    status = int(line["status"])
                else:
                    await story.hear(line)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StepUnavailable(_with_message(_NO_ROOM, str(error))) from error
    except ChildDied as error:
        if not has_room():
            raise StepUnavailable(_with_message(_NO_ROOM, str(error))) from error
        raise StepFailed(_with_message(_DIED, str(error))) from error
    except ArchiveDamaged as error:
        raise StepFailed(_DAMAGED) from error
    return status


def _with_message(problem: Problem, message: str) -> Problem:
    return Problem(code=problem.code, title=problem.title, detail=problem.detail, message=message)
