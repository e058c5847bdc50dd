"""A POST that is sent again, because its answer was lost, makes nothing twice."""

import hashlib
import re
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.clock import now
from catalog.requests.errors import IdempotencyKeyMalformed, IdempotencyKeyReused
from catalog.requests.tables import IdempotencyKey, Request

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_encoder = msgspec.json.Encoder(order="deterministic")


class Attempted(msgspec.Struct, frozen=True):
    """A POST with a key: whose it is, and what its body says, whatever its spelling."""

    person_id: UUID
    key: str
    body_digest: bytes


def attempted(person_id: UUID, key: str, body: msgspec.Struct) -> Attempted:
    """Read a key and digest the body over canonical JSON. Raises `IdempotencyKeyMalformed`."""
    if _KEY.fullmatch(key) is None:
        raise IdempotencyKeyMalformed
    return Attempted(person_id, key, hashlib.sha256(_encoder.encode(body)).digest())


async def earlier(session: AsyncSession, attempt: Attempted) -> Request | None:
    """Give the request that the same POST made before; wait for the one that is just making it.

    From here to its end, the transaction holds the key. Raises `IdempotencyKeyReused` where the key came with another
    body.
    """
    name = f"{attempt.person_id} {attempt.key}"
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    known = await session.get(IdempotencyKey, (attempt.person_id, attempt.key))
    if known is None:
        return None
    if known.body_digest != attempt.body_digest:
        raise IdempotencyKeyReused
    return await session.get(Request, known.request_id)


async def remember(session: AsyncSession, attempt: Attempted, request: Request) -> None:
    """Write down which request the POST made. Raises `IdempotencyKeyReused` for a key of rows that are hidden now."""
    written = await session.scalar(
        insert(IdempotencyKey)
        .values(
            person_id=attempt.person_id,
            key=attempt.key,
            body_digest=attempt.body_digest,
            member_id=request.member_id,
            request_id=request.id,
            created_at=now(),
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if written is None:
        raise IdempotencyKeyReused
