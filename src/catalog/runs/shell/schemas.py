"""What comes in from an operator's shell, and what it is told."""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.platform.http.filters import VISIBLE

MOST_LINES = 200
LARGEST_ATTEMPT = 1_000_000_000
KEY_BASE64 = r"^[A-Za-z0-9+/]{43}=$"

Kind = Literal["task.started", "task.ok", "task.changed", "task.skipped", "task.failed", "task.unreachable", "output"]
Outcome = Literal["done", "failed", "unreachable", "cancelled", "timed-out"]
Playbook = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", max_length=40, examples=["verify"])]
ShellName = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=VISIBLE, description="Who and where.", examples=["olga@laptop"])
]


class BeginIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which playbook of its tool's bundle is to be run on which instance. `check`: only to see what it would change."""

    instance: UUID
    playbook: Playbook
    shell: ShellName
    check: bool = False
    verbosity: Annotated[int, Meta(ge=0, le=4)] = 0


class BegunOut(msgspec.Struct, frozen=True):
    """The run, and the key with which this shell alone goes on with it; it is told once."""

    run: UUID
    action: str
    key: str
    url: str


class AttemptIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fresh X25519 public key (32 bytes in base64): the secrets are sealed for it, and given out once."""

    public_key: Annotated[str, Meta(pattern=KEY_BASE64)]


class AttemptOut(msgspec.Struct, frozen=True):
    """What the attempt acts with: its number, what the playbook is told (no secrets), and the fence of the host.

    `fence` is a shell script that takes `INSTANCE ATTEMPT --take` or `--end`; `shell_executable` is what every command
    goes through after the takeover. The lease runs out `lease_seconds` after the last call.
    """

    attempt: int
    step: str
    variables: dict[str, Any]
    fence: str
    shell_executable: str
    lease_seconds: int


class SealedOut(msgspec.Struct, frozen=True):
    """The instance's secrets, sealed for the shell's key (base64): see `docs/operators/ansible.md` for the form."""

    sealed: str


class LineIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of the story, free of secrets."""

    kind: Kind
    task: str | None = None
    role: str | None = None
    host: str | None = None
    item: str | None = None
    message: str | None = None
    ignored: bool | None = None
    text: str | None = None


Lines = Annotated[list[LineIn], Meta(max_length=MOST_LINES)]


class LinesIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines in order; `first` counts those of this shell before them, so that none is taken twice. None: still here."""

    first: Annotated[int, Meta(ge=0)]
    lines: Lines


class HeardOut(msgspec.Struct, frozen=True):
    """How many lines were taken so far, and whether somebody or the time limit wants the run to stop."""

    lines: int
    stop: Literal["at-next-task", "now", "time-limit"] | None


class EndIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the playbook ended. `result` is what it gave back by `set_stats`; task, host and message say what failed."""

    outcome: Outcome
    changed: Annotated[int, Meta(ge=0)] = 0
    result: dict[str, Any] = {}
    ansible_core: Annotated[str, Meta(max_length=40)] | None = None
    task: str | None = None
    host: str | None = None
    message: str | None = None


class EndedOut(msgspec.Struct, frozen=True):
    """Where the run stands now; workers go on with its other steps where it has any."""

    run: UUID
    state: str
    url: str


class OfflineIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done while the catalog could not be asked, with the attempt's number that the host was told."""

    instance: UUID
    playbook: Playbook
    shell: ShellName
    attempt: Annotated[int, Meta(ge=1, le=LARGEST_ATTEMPT)]
    started_at: dt.datetime
    ended_at: dt.datetime
    lines: Annotated[list[LineIn], Meta(max_length=10_000)]
    end: EndIn
    check: bool = False


class InventoryHost(msgspec.Struct, frozen=True):
    """How a host is reached: `host_key` as `known_hosts` has it, type and key."""

    name: str
    address: str
    port: int
    user: str
    host_key: str


class InventoryItem(msgspec.Struct, frozen=True):
    """One instance as Ansible's inventory has it; `variables` are those of the bundle contract, without secrets."""

    name: str
    tool: str
    member: str
    site: str
    plan: str
    revision: int
    state: str
    host: InventoryHost
    variables: dict[str, Any]


class InventoryPage(msgspec.Struct, frozen=True):
    """One page, newest first; `next` is the `after` of the following one. `fence`: see `AttemptOut`."""

    items: list[InventoryItem]
    next: str | None
    fence: str
