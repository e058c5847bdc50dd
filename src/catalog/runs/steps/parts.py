"""What the steps of one worker work with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.errors import KeycloakRefused, KeycloakUnavailable
from catalog.platform.errors import CatalogError
from catalog.platform.secrets import Vault
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.failures import Problem, StepFailed, StepUnavailable
from catalog.settings import KeycloakSettings


@dataclass(frozen=True)
class Parts:
    """The vault, the runner of playbooks, the sign-in's issuer, and the two accounts at Keycloak."""

    vault: Vault
    playbooks: PlaybookRunner
    issuer: str
    clients: KeycloakSettings
    people: KeycloakSettings


@asynccontextmanager
async def keycloak(account: KeycloakSettings) -> AsyncIterator[KeycloakConnection]:
    """Call Keycloak as one of the accounts. Raises `StepUnavailable` where it is away, `StepFailed` if it says no."""
    try:
        async with KeycloakConnection(
            account.url, account.realm, account.client_id, account.client_secret, account.ca_file
        ) as connection:
            yield connection
    except KeycloakUnavailable as error:
        raise StepUnavailable(problem_of(error)) from error
    except KeycloakRefused as error:
        raise StepFailed(problem_of(error)) from error


def problem_of(error: CatalogError, message: str | None = None) -> Problem:
    """Write a refusal down as why a try ended."""
    found = Problem(code=error.code, title=error.title, detail=error.explanation())
    return replace(found, message=message)
