"""How Keycloak and a host differ from what an instance should be: what a plan gives, and what a verify finds."""

from collections.abc import Mapping
from typing import Any

import msgspec

MOST_TASKS = 200
SIGN_ON, HOST = "compare-sign-on", "compare-host"


class TaskName(msgspec.Struct, frozen=True):
    """A task of the playbook, and the role that it is of; null where it is the playbook's own."""

    task: str
    role: str | None


class UnitChange(msgspec.Struct, frozen=True):
    """A unit of systemd's, and what would be done to it: `start`, `restart`, `stop`, `enable`, `disable`."""

    unit: str
    what: str


class TaskChange(TaskName, frozen=True):
    """A task that would change something on the host.

    `files` are paths, folders among them. `diff` shows what would change in them, as a unified diff without secrets; it
    is cut where it is long, and null where there is none or where others on the host may not read the file.
    """

    files: list[str]
    units: list[UnitChange]
    diff: str | None


class HostComparison(msgspec.Struct, frozen=True):
    """What of the host differs.

    `unpredicted` are tasks of which Ansible can't say beforehand whether they would change something.
    `changed_by_hand` are files that are neither as the catalog wrote them last nor as they should be.
    """

    changes: list[TaskChange]
    unpredicted: list[TaskName]
    changed_by_hand: list[str]


class SignOnDifference(msgspec.Struct, frozen=True):
    """One thing of the instance's client in Keycloak that differs.

    `code`: `client-missing`, `client-setting`, `client-mapper`, `client-scope`, `client-role` or `client-secret` (what
    it is, is not told). `name` is what Keycloak calls it; `found` and `wanted` are null where there is no such thing.
    """

    code: str
    name: str | None
    found: Any
    wanted: Any


class Comparison(msgspec.Struct, frozen=True):
    """All that was found; each half is none until its step is done."""

    sign_on: list[SignOnDifference] | None
    host: HostComparison | None

    @property
    def is_complete(self) -> bool:
        """Tell whether both halves were compared."""
        return self.sign_on is not None and self.host is not None

    @property
    def differs(self) -> bool:
        """Tell whether anything is not as it should be. What can't be predicted does not count."""
        return bool(self.sign_on) or (self.host is not None and bool(self.host.changes))


def comparison_in(outputs: Mapping[str, Mapping[str, Any]]) -> Comparison:
    """Read what the comparing steps gave, by the outputs of a run's steps that are done."""
    sign_on, host = outputs.get(SIGN_ON), outputs.get(HOST)
    return Comparison(
        sign_on=None if sign_on is None else msgspec.convert(sign_on["differences"], list[SignOnDifference]),
        host=None if host is None else msgspec.convert(host["comparison"], HostComparison),
    )
