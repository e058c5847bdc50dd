"""An instance's secrets: made once, kept encrypted, opened by workers alone (the server may not even read them)."""

import secrets
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance, InstanceSecret
from catalog.platform.secrets import Sealed, Vault

CLIENT_SECRET = "oidc_client_secret"  # noqa: S105 - the name of one, not one
RANDOM_BYTES = 32


async def open_secrets(session: AsyncSession, vault: Vault, instance: Instance) -> dict[str, str]:
    """Give the newest generation of each secret, by name. Raises `SecretUnreadable`."""
    rows = await session.scalars(
        sa.select(InstanceSecret)
        .where(InstanceSecret.instance_id == instance.id)
        .order_by(InstanceSecret.name, InstanceSecret.generation)
    )
    newest = {row.name: row for row in rows}
    return {name: _opened(vault, row) for name, row in newest.items()}


async def ensure_secrets(
    session: AsyncSession, vault: Vault, instance: Instance, names: Iterable[str]
) -> dict[str, str]:
    """Give the secrets of these names; those that the instance lacks are made (64 hex characters)."""
    known = await open_secrets(session, vault, instance)
    for name in names:
        if name not in known:
            known[name] = secrets.token_hex(RANDOM_BYTES)
            await _store(session, vault, instance, name, known[name], generation=1)
    return {name: known[name] for name in names}


async def keep_secret(session: AsyncSession, vault: Vault, instance: Instance, name: str, value: str) -> bool:
    """Keep a secret that somebody else made, as its next generation; False where it is kept already."""
    if (await open_secrets(session, vault, instance)).get(name) == value:
        return False
    newest = await session.scalar(
        sa.select(sa.func.max(InstanceSecret.generation)).where(
            InstanceSecret.instance_id == instance.id, InstanceSecret.name == name
        )
    )
    await _store(session, vault, instance, name, value, generation=(newest or 0) + 1)
    return True


async def forget_secrets(session: AsyncSession, instance: Instance) -> None:
    """Delete every secret of an instance that is gone."""
    await session.execute(sa.delete(InstanceSecret).where(InstanceSecret.instance_id == instance.id))


async def _store(  # noqa: PLR0913 - the parts of one row
    session: AsyncSession, vault: Vault, instance: Instance, name: str, value: str, *, generation: int
) -> None:
    sealed = vault.seal(value, instance.member_id, instance.id, name)
    session.add(
        InstanceSecret(
            instance_id=instance.id,
            name=name,
            generation=generation,
            member_id=instance.member_id,
            key_id=sealed.key_id,
            nonce=sealed.nonce,
            ciphertext=sealed.ciphertext,
        )
    )
    await session.flush()


def _opened(vault: Vault, row: InstanceSecret) -> str:
    sealed = Sealed(row.key_id, row.nonce, row.ciphertext)
    return vault.open(sealed, row.member_id, row.instance_id, row.name)
