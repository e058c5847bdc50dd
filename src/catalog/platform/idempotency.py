"""A POST that is sent again, because its answer was lost, makes nothing twice."""

import datetime as dt
import hashlib
import re
from typing import Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.clock import now
from catalog.platform.db.base import Base
from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text

Made = Literal["request", "run", "batch"]

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_encoder = msgspec.json.Encoder(order="deterministic")


class IdempotencyKey(Base):
    """A POST that was answered: the same key with the same body gets the same thing again.

    `made_id` is what it made, a thing of the kind `made`; its column is named after the first kind that there was.
    `member_id` is empty for what spans members.
    """

    __tablename__ = "idempotency_keys"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_digest: Mapped[bytes]
    member_id: Mapped[UUID | None]
    made: Mapped[str] = mapped_column(default="request")
    made_id: Mapped[UUID] = mapped_column("request_id")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    __table_args__ = (sa.CheckConstraint("made IN ('request', 'run', 'batch')", name="made"),)


class IdempotencyKeyReused(CatalogError):
    """The key came before with another body, or at another address."""

    code = "idempotency-key-reused"
    kind = Kind.CONFLICT
    title = Text(en="This Idempotency-Key was used before", fr="Cette Idempotency-Key a déjà servi")
    detail = Text(
        en="The same key came with another body. Nothing was saved: use a new key for a new request.",
        fr="La même clé est venue avec un autre contenu. Rien n’a été enregistré : prenez une nouvelle clé pour une"
        " nouvelle demande.",
    )


class IdempotencyKeyMalformed(CatalogError):
    """The header can't be a key."""

    code = "idempotency-key-malformed"
    kind = Kind.INVALID
    title = Text(en="This is no Idempotency-Key", fr="Ce n’est pas une Idempotency-Key")
    detail = Text(
        en="A key is 1 to 255 visible ASCII characters, such as a UUID.",
        fr="Une clé compte de 1 à 255 caractères ASCII visibles; un UUID, par exemple.",
    )


class Attempted(msgspec.Struct, frozen=True):
    """A POST with a key: whose it is, what it is to make, and what its body says, whatever its spelling."""

    person_id: UUID
    key: str
    made: Made
    body_digest: bytes


def attempted(person_id: UUID, key: str, made: Made, body: object) -> Attempted:
    """Read a key and digest the body over canonical JSON. Raises `IdempotencyKeyMalformed`.

    Where an address names a thing, that belongs to `body`: the same words said to two things are two POSTs.
    """
    if _KEY.fullmatch(key) is None:
        raise IdempotencyKeyMalformed
    return Attempted(person_id, key, made, hashlib.sha256(_encoder.encode(body)).digest())


async def earlier(session: AsyncSession, attempt: Attempted) -> UUID | None:
    """Give the id of what the same POST made before; wait for the one that is just making it.

    From here to its end, the transaction holds the key. Raises `IdempotencyKeyReused` where the key came with another
    body.
    """
    name = f"{attempt.person_id} {attempt.key}"
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    known = await session.get(IdempotencyKey, (attempt.person_id, attempt.key))
    if known is None:
        return None
    if (known.made, known.body_digest) != (attempt.made, attempt.body_digest):
        raise IdempotencyKeyReused
    return known.made_id


async def remember(session: AsyncSession, attempt: Attempted, made_id: UUID, *, member_id: UUID | None) -> None:
    """Write down what the POST made. Raises `IdempotencyKeyReused` for a key of rows that are hidden now."""
    written = await session.scalar(
        insert(IdempotencyKey)
        .values(
            person_id=attempt.person_id,
            key=attempt.key,
            body_digest=attempt.body_digest,
            member_id=member_id,
            made=attempt.made,
            made_id=made_id,
            created_at=now(),
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if written is None:
        raise IdempotencyKeyReused
