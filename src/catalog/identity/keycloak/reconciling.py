"""How the adapter converges: what should be is compared with what is, and the difference is applied or reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.identity.keycloak.connection import KeycloakConnection


@dataclass(frozen=True)
class Change:
    """Something that was set in Keycloak: a stable `code`, on what, and an English sentence for operators."""

    code: str
    subject: str
    sentence: str


@dataclass(frozen=True)
class Lack:
    """Something that Keycloak lacks: a stable `code`, of what, and an English sentence for operators."""

    code: str
    subject: str
    sentence: str


@dataclass(frozen=True)
class Part:
    """What of it differs, by its name in Keycloak: what was found and what should be; none where there is nothing."""

    name: str
    found: Any
    wanted: Any


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be; both sentences end up in front of operators."""

    code: str
    subject: str
    done: str
    lacking: str
    parts: tuple[Part, ...] = ()


class Reconciler:
    """Collects the differences, and applies them where it is told to.

    A part asks `differs(...)` for each thing it finds wrong, and goes on to mend it only where the answer is True.
    """

    def __init__(self, connection: KeycloakConnection, *, apply: bool) -> None:
        self.connection = connection
        self.apply = apply
        self.found: list[Difference] = []

    def differs(self, code: str, subject: str, done: str, lacking: str, parts: tuple[Part, ...] = ()) -> bool:
        """Note a difference; True where it is to be mended."""
        self.found.append(Difference(code, subject, done, lacking, parts))
        return self.apply

    @property
    def changes(self) -> list[Change]:
        """What was done."""
        return [Change(one.code, one.subject, one.done) for one in self.found]

    @property
    def lacks(self) -> list[Lack]:
        """What is to be done."""
        return [Lack(one.code, one.subject, one.lacking) for one in self.found]


def differing(found: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """Name the keys of `desired` that `found` holds otherwise. Lists are compared as sets, as Keycloak keeps them."""
    return sorted(key for key, value in desired.items() if not same(found.get(key), value))


def same(found: object, desired: object) -> bool:
    """Whether `found` has all that `desired` says; what only `found` has is Keycloak's own business."""
    if isinstance(desired, Mapping):
        return isinstance(found, Mapping) and not differing(found, desired)
    if isinstance(desired, list):
        return sorted(map(repr, found if isinstance(found, list) else [])) == sorted(map(repr, desired))
    # Keycloak leaves out what is off or empty.
    return found == desired or (found is None and desired in {False, ""})


def merged(found: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `desired` over `found`, maps within maps too."""
    result = dict(found)
    for key, value in desired.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return result
