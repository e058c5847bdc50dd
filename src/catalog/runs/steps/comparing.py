"""The steps that compare Keycloak and the host with what the run's input asks for, and change neither."""

import secrets as randomness
from typing import Any

import msgspec

from catalog.identity.keycloak.instance_clients import compare_instance_client
from catalog.identity.keycloak.reconciling import Difference
from catalog.instances.secrets import CLIENT_SECRET, RANDOM_BYTES, open_secrets
from catalog.platform.db.scope import OPERATOR
from catalog.runs.ansible.prediction import Prediction
from catalog.runs.ansible.process import ansible_core
from catalog.runs.ansible.story import Story
from catalog.runs.comparison import SignOnDifference
from catalog.runs.context import Step, StepContext
from catalog.runs.steps.parts import Parts, keycloak
from catalog.runs.steps.playbooks import end_on_host, hide_secrets, play_of, run_play
from catalog.runs.steps.sign_on import client_of
from catalog.runs.steps.subject import Subject, read_subject


def compare_sign_on_step(parts: Parts) -> Step:
    """Give the step that says what of the instance's client in Keycloak is not as it should be."""

    async def step(context: StepContext) -> dict[str, Any]:
        subject, secrets = await _what_it_needs(parts, context)
        hide_secrets(context, secrets)
        async with keycloak(parts.clients) as connection:
            found = await compare_instance_client(
                connection,
                client_of(subject),
                secret=secrets.get(CLIENT_SECRET),
                closed=_is_suspended(context),
            )
        differences = [one for difference in found for one in _told(difference)]
        return {"differences": context.events.redacted(msgspec.to_builtins(differences))}

    return Step(step)


def compare_host_step(parts: Parts) -> Step:
    """Give the step that says what the playbook would change on the host: Ansible's check mode.

    A suspended instance is compared with what suspending it makes.
    """

    async def do(context: StepContext) -> dict[str, Any]:
        subject, secrets = await _what_it_needs(parts, context)
        for name in subject.manifest.secrets:
            # A secret that the instance lacks is made by the run that this one is a plan of.
            secrets.setdefault(name, randomness.token_hex(RANDOM_BYTES))
        hide_secrets(context, secrets)
        story, prediction = Story(context.events, pretending=True), Prediction(context.events.redacted)
        playbook = "suspend" if _is_suspended(context) else "provision"
        play = play_of(parts, context, subject, secrets, playbook, check=True)
        story.conclude(await run_play(parts, context, story, play, prediction.hear))
        by_hand = story.result.get("changed_by_hand") or []
        return {
            "comparison": msgspec.to_builtins(prediction.comparison(list(map(str, by_hand)))),
            "ansible_core": ansible_core(),
            "revision": subject.revision.number,
        }

    return Step(do, end_on_host(parts))


async def _what_it_needs(parts: Parts, context: StepContext) -> tuple[Subject, dict[str, str]]:
    async with context.database.begin(OPERATOR) as session:
        subject = await read_subject(session, context.claim)
        return subject, await open_secrets(session, parts.vault, subject.instance)


def _is_suspended(context: StepContext) -> bool:
    return bool(context.claim.input.get("suspended"))


def _told(difference: Difference) -> list[SignOnDifference]:
    parts = [SignOnDifference(difference.code, part.name, part.found, part.wanted) for part in difference.parts]
    return parts or [SignOnDifference(difference.code, None, None, None)]
