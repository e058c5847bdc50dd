"""Who is let into a hub, as what, and under which name: decided from the claims of a verified ID token alone."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_READABLE_PART = 24
DIGEST_LENGTH = 8
NOT_FOR_NAMES = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True)
class Rules:
    """Whom the catalog lets in: organizations by Keycloak's id, and the roles of the tool, strongest first."""

    organization_ids: frozenset[str]
    roles: tuple[str, ...]
    default_role: str | None


@dataclass(frozen=True)
class Admission:
    """A person who may come in, under the name that the hub knows them by."""

    username: str
    role: str


def admission(claims: Mapping[str, Any], rules: Rules) -> Admission | None:
    """Give what the person may be here; None where they may not come in.

    Keycloak writes `organization` as {alias: {"id": …}} and `groups` as a list of the tool's roles. Whatever has
    another form counts as missing.
    """
    subject = claims.get("sub")
    role = _role(claims.get("groups"), rules)
    if not isinstance(subject, str) or not subject or role is None:
        return None
    if not _organization_ids(claims.get("organization")) & rules.organization_ids:
        return None
    return Admission(_username(subject, claims.get("preferred_username")), role)


def _organization_ids(claim: object) -> frozenset[str]:
    if not isinstance(claim, Mapping):
        return frozenset()
    ids = (one.get("id") for one in claim.values() if isinstance(one, Mapping))
    return frozenset(one for one in ids if isinstance(one, str) and one)


def _role(claim: object, rules: Rules) -> str | None:
    held = claim if isinstance(claim, list) else []
    return next((role for role in rules.roles if role in held), rules.default_role)


def _username(subject: str, preferred: object) -> str:
    """Name a person so that people can read it, and so that nobody inherits the files of a name's former holder.

    It becomes part of folders, systemd units and addresses: a to z, digits, dots and hyphens.
    """
    readable = NOT_FOR_NAMES.sub("-", preferred.lower()) if isinstance(preferred, str) else ""
    readable = readable[:LONGEST_READABLE_PART].strip(".-")
    digest = hashlib.sha256(subject.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{readable}-{digest}" if readable else f"person-{digest}"
