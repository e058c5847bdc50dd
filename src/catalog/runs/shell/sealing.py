"""Workers seal an instance's secrets for the shell that acts on it: the server passes them on and can't open them.

The form: the sealer's X25519 public key (32 bytes), a nonce (12 bytes), and AES-256-GCM over a JSON object. The key is
HKDF-SHA256 of the shared secret, with both public keys as salt and the names of run and attempt as info, which are the
additional data too. The object holds `secrets`, `client_secret`, and `hide`: every form in which the shell is to take
them out of what it tells.
"""

import os
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.secrets import CLIENT_SECRET, ensure_secrets, open_secrets
from catalog.instances.tables import Instance
from catalog.members.tables import RoleGrant
from catalog.platform import audit
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.secrets import NONCE_BYTES, SecretUnreadable, Vault
from catalog.runs.definitions import site_queue
from catalog.runs.redaction import forms_of, pieces_of
from catalog.runs.shell.tables import ShellRun
from catalog.runs.tables import Run
from catalog.sites.tables import Site
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

SEAL_SECONDS = 0.5
KEY_BYTES = 32

log = structlog.get_logger()


class Sealer:
    """Seals for the shells of the sites that a worker works for; no queue named: of all."""

    def __init__(self, database: Database, vault: Vault, queues: Sequence[str], worker: str) -> None:
        self._database = database
        self._vault = vault
        self._queues = queues
        self._worker = worker

    async def seal_due(self) -> None:
        """Seal for every shell that waits for it, each in a transaction of its own."""
        async with self._database.begin(OPERATOR) as session:
            waiting = list(await session.scalars(self._waiting()))
        for run_id in waiting:
            try:
                async with self._database.begin(OPERATOR) as session:
                    await self._seal(session, run_id)
            except SecretUnreadable:  # the others must not wait for this one, whose shell gives up by itself
                log.exception("shell.secrets_unreadable", run_id=str(run_id))

    def _waiting(self) -> sa.Select[UUID]:
        found = (
            sa.select(ShellRun.run_id)
            .join(Run, Run.id == ShellRun.run_id)
            .join(Site, Site.id == Run.site_id)
            .where(ShellRun.public_key.is_not(None), ShellRun.sealed.is_(None), *_acting())
        )
        return found.where(_queue().in_(self._queues)) if self._queues else found

    async def _seal(self, session: AsyncSession, run_id: UUID) -> None:
        """Seal for one shell, if its attempt is still the newest and whoever asked is an operator at this moment."""
        row = await session.execute(
            sa.select(ShellRun, Run)
            .join(Run, Run.id == ShellRun.run_id)
            .where(ShellRun.run_id == run_id, ShellRun.sealed.is_(None), ShellRun.public_key.is_not(None), *_acting())
            .with_for_update(of=ShellRun, skip_locked=True)
        )
        found = row.one_or_none()
        if found is None:
            return
        shell, run = found
        if shell.public_key is None or not await _is_operator(session, run.requested_by):
            log.warning("shell.secrets_refused", run_id=str(run_id))
            return
        instance = await session.get_one(Instance, run.subject_id)
        secrets, client_secret = await self._secrets(session, run, instance)
        shell.sealed = seal(_content(secrets, client_secret), shell.public_key, binding(run_id, run.attempt))
        audit.record(
            session,
            actor=run.requested_by,
            action="secrets.given-to-shell",
            subject=("instance", instance.id),
            member_id=instance.member_id,
            details={
                "run_id": str(run_id),
                "attempt": run.attempt,
                "shell": shell.shell,
                "sealed_by": self._worker,
                "names": sorted([*secrets, *([CLIENT_SECRET] if client_secret else [])]),
            },
        )

    async def _secrets(self, session: AsyncSession, run: Run, instance: Instance) -> tuple[dict[str, str], str]:
        revision = await session.get_one(ToolRevision, UUID(run.input["revision_id"]))
        secrets = await ensure_secrets(session, self._vault, instance, manifest_of(revision).secrets)
        known = await open_secrets(session, self._vault, instance)
        return secrets, known.get(CLIENT_SECRET, "")


def binding(run_id: UUID, attempt: int) -> bytes:
    """Name what a sealed text is for."""
    return f"coop-catalog shell {run_id} {attempt}".encode()


def seal(content: bytes, public_key: bytes, bound_to: bytes) -> bytes:
    """Seal `content` for the holder of the private key. Raises `ValueError` for a key that is none."""
    ephemeral = X25519PrivateKey.generate()
    own = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    key = HKDF(SHA256(), KEY_BYTES, salt=own + public_key, info=bound_to).derive(shared)
    nonce = os.urandom(NONCE_BYTES)
    return own + nonce + AESGCM(key).encrypt(nonce, content, bound_to)


def _content(secrets: Mapping[str, str], client_secret: str) -> bytes:
    values = [value for value in (*secrets.values(), client_secret) if value]
    hide = {form for value in values for piece in (value, *pieces_of(value)) for form in forms_of(piece)}
    return msgspec.json.encode({"secrets": secrets, "client_secret": client_secret, "hide": sorted(hide)})


async def _is_operator(session: AsyncSession, actor: str) -> bool:
    kind, _, person_id = actor.partition(":")
    if kind != "person":
        return False
    granted = sa.select(RoleGrant.id).where(
        RoleGrant.person_id == UUID(person_id), RoleGrant.role == "operator", RoleGrant.member_id.is_(None)
    )
    return await session.scalar(granted) is not None


def _acting() -> tuple[sa.ColumnElement[bool], ...]:
    return (Run.state == "running", Run.attempt == ShellRun.attempt, Run.lease_until > sa.func.clock_timestamp())


def _queue() -> sa.ColumnElement[str]:
    return sa.literal(site_queue("")) + Site.slug
