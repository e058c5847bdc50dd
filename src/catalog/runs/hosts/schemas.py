"""What comes in about hosts, and what the API gives out of them. For operators alone."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.instances.schemas import MemberReference, SitePlace, member_reference, site_place
from catalog.members.tables import Member
from catalog.platform.i18n import Language
from catalog.runs.hosts.findings import FINDINGS, UNKNOWN
from catalog.runs.hosts.service import HostAction, PatchOptions, Restart, Updates
from catalog.runs.tables import Run
from catalog.sites.placement import Used
from catalog.sites.tables import Host, Site

SAYS_SOMETHING = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"


class CordonIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the host takes no more instances."""

    reason: Annotated[
        str, Meta(max_length=500, pattern=SAYS_SOMETHING, description="One line that other operators read.")
    ]


class PatchIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a host is patched.

    `updates`: `security` brings those of Debian's security archive, `stable` those of its point releases too.
    `restart`: whether the host is restarted where its updates need that.
    """

    updates: Updates = "security"
    restart: Restart = "if-needed"

    def options(self) -> PatchOptions:
        """Give it as the run is started with."""
        return PatchOptions(self.updates, self.restart)


class HostRunIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done on the host. `input` is for `patch` alone; without it, it is done as `PatchIn` says."""

    action: HostAction
    input: PatchIn | None = None


class Amount(msgspec.Struct, frozen=True):
    """What instances may take together, what they take, and what is left."""

    total: int
    used: int
    free: int


class RoomOut(msgspec.Struct, frozen=True):
    """A host's room for instances. `cpu_percent` counts 100 a core."""

    memory_mb: Amount
    disk_mb: Amount
    cpu_percent: Amount


class CordonOut(msgspec.Struct, frozen=True):
    """Why the host takes no more instances, who said so (as the audit trail names them) and when."""

    reason: str
    by: str
    at: dt.datetime


class FindingOut(msgspec.Struct, frozen=True):
    """Something that a person at the site should see to."""

    code: str
    detail: str


class PrepareOut(msgspec.Struct, frozen=True):
    """The last prepare that succeeded, and what it found."""

    at: dt.datetime
    run: str
    findings: list[FindingOut]


class VerifiesOut(msgspec.Struct, frozen=True):
    """How many verifies followed: `active` ones have not ended; `runs` lists them."""

    succeeded: int
    failed: int
    active: int
    runs: str


class PatchOut(msgspec.Struct, frozen=True):
    """The last patch that succeeded. `updates` counts packages; the run's own steps name each with its versions."""

    at: dt.datetime
    run: str
    updates: int
    restarted: bool
    restart_pending: bool
    verifies: VerifiesOut


class HostLinks(msgspec.Struct, frozen=True):
    """Where to go on. `runs` are the host's own; `active_run` is the one of them that has not ended."""

    self: str
    runs: str
    active_run: str | None


class HostOut(msgspec.Struct, frozen=True):
    """A machine that instances stand on.

    `state`: `active`, `cordoned` (keeps what it has, takes no more) or `retired` (final). `dedicated_to`: it serves
    that member alone, since people's code runs there. `instances` are those that are not removed.
    """

    id: UUID
    name: str
    site: SitePlace
    address: str
    ssh_port: int
    release: str
    state: str
    cordon: CordonOut | None
    dedicated_to: MemberReference | None
    room: RoomOut
    instances: int
    last_prepare: PrepareOut | None
    last_patch: PatchOut | None
    links: HostLinks


class HostView(msgspec.Struct, frozen=True):
    """A host with what is told beside it. `verifies`: how many runs that followed `patch` are in which state."""

    host: Host
    site: Site
    dedicated_to: Member | None
    used: Used
    instances: int
    prepare: Run | None
    patch: Run | None
    active: Run | None
    verifies: dict[str, int]


def host_out(view: HostView, language: Language) -> HostOut:
    """Write a host for the API."""
    host = view.host
    return HostOut(
        id=host.id,
        name=host.name,
        site=site_place(view.site, language),
        address=host.address,
        ssh_port=host.ssh_port,
        release=host.release,
        state=host.state,
        cordon=_cordon(host),
        dedicated_to=None if view.dedicated_to is None else member_reference(view.dedicated_to, language),
        room=RoomOut(
            memory_mb=_amount(host.memory_mb, view.used.memory_mb),
            disk_mb=_amount(host.disk_mb, view.used.disk_mb),
            cpu_percent=_amount(host.cpu_percent, view.used.cpu_percent),
        ),
        instances=view.instances,
        last_prepare=None if view.prepare is None else _prepare(view.prepare, language),
        last_patch=None if view.patch is None else _patch(view.patch, view.verifies),
        links=HostLinks(
            self=f"/v1/hosts/{host.name}",
            runs=f"/v1/hosts/{host.name}/runs",
            active_run=None if view.active is None else _run(view.active),
        ),
    )


def _cordon(host: Host) -> CordonOut | None:
    # A host may have been cordoned before reasons were kept.
    if host.cordoned_at is None:
        return None
    return CordonOut(host.cordon_reason or "", host.cordoned_by or "", host.cordoned_at)


def _amount(total: int, used: int) -> Amount:
    return Amount(total, used, max(0, total - used))


def _prepare(run: Run, language: Language) -> PrepareOut:
    codes = _outputs(run).get("prepare", {}).get("findings", [])
    findings = [FindingOut(code, FINDINGS.get(code, UNKNOWN).into(language)) for code in codes]
    return PrepareOut(_ended(run), _run(run), findings)


def _patch(run: Run, verifies: dict[str, int]) -> PatchOut:
    outputs = _outputs(run)
    restart = outputs.get("restart", {})
    active = sum(verifies.get(state, 0) for state in ("queued", "running", "waiting"))
    succeeded = verifies.get("succeeded", 0)
    return PatchOut(
        at=_ended(run),
        run=_run(run),
        updates=len(outputs.get("patch", {}).get("updates", [])),
        restarted=bool(restart.get("restarted")),
        restart_pending=bool(restart.get("restart_pending")),
        verifies=VerifiesOut(
            succeeded=succeeded,
            failed=sum(verifies.values()) - succeeded - active,
            active=active,
            runs=f"/v1/runs?cause={run.id}",
        ),
    )


def _outputs(run: Run) -> dict[str, dict[str, Any]]:
    return run.result or {}


def _ended(run: Run) -> dt.datetime:
    return run.ended_at or run.created_at


def _run(run: Run) -> str:
    return f"/v1/runs/{run.id}"
