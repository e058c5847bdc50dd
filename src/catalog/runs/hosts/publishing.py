"""Publishing the hosts' automation: as bundles are, it is frozen into one content-addressed archive in the database."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform import audit
from catalog.runs.definitions import HOST_STEP_MINUTES
from catalog.runs.hosts.errors import HostsNotPublished
from catalog.runs.hosts.tables import HostRevision
from catalog.tools.archives import archive
from catalog.tools.errors import BundleRefused
from catalog.tools.gathering import gathered

FOLDER = "hosts"
_PUBLISHING = 7_203_914_552_033


class HostAutomation(msgspec.Struct, frozen=True):
    """`playbooks/hosts/` with all that it uses, as one archive with its SHA-256."""

    archive: bytes
    digest: str


def playbook_of(step: str) -> str:
    """Name a step's playbook, by its path in the archive."""
    return f"{FOLDER}/{step}.yml"


def read_automation(playbooks: Path) -> HostAutomation:
    """Read the folder `hosts` of `playbooks`. Raises `BundleRefused` where a step lacks its playbook."""
    files = gathered(playbooks, playbooks / FOLDER)
    for step in HOST_STEP_MINUTES:
        if playbook_of(step) not in files:
            raise BundleRefused(file=playbook_of(step), problem="There is no such file.")
    packed = archive(files, {})
    return HostAutomation(packed, hashlib.sha256(packed).hexdigest())


async def publish(session: AsyncSession, automation: HostAutomation, *, published_by: str) -> tuple[HostRevision, bool]:
    """Have new runs use this automation; give its revision, and whether anything changed.

    The same again changes nothing; automation that was there before becomes the current one again.
    """
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_PUBLISHING)))
    same = await session.scalar(sa.select(HostRevision).where(HostRevision.digest == automation.digest))
    if same is not None and same.is_current:
        return same, False
    await session.execute(sa.update(HostRevision).where(HostRevision.is_current).values(is_current=False))
    revision = same or await _made(session, automation, published_by)
    revision.is_current = True
    await session.flush()
    audit.record(
        session,
        actor=published_by,
        action="hosts.published",
        subject=("host-revision", revision.id),
        details={"revision": revision.number, "digest": revision.digest},
    )
    return revision, True


async def current(session: AsyncSession) -> HostRevision:
    """Give the revision that new runs use. Raises `HostsNotPublished`."""
    found = await session.scalar(sa.select(HostRevision).where(HostRevision.is_current))
    if found is None:
        raise HostsNotPublished
    return found


async def _made(session: AsyncSession, automation: HostAutomation, published_by: str) -> HostRevision:
    highest = await session.scalar(sa.select(sa.func.max(HostRevision.number)))
    made = HostRevision(
        number=(highest or 0) + 1,
        digest=automation.digest,
        archive=automation.archive,
        ansible_core=version("ansible-core"),
        is_current=False,
        published_by=published_by,
    )
    session.add(made)
    return made
