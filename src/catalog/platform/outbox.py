"""Domain events: written in the transaction that they tell of, handed to their subscribers after its commit.

Delivery is at least once and in order of id, so subscribers are idempotent. A slice that lies below another in the
imports speaks to it in this way alone.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.clock import now
from catalog.platform.db.base import Identified
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR

log = structlog.get_logger()

Subscriber = Callable[[AsyncSession, dict[str, Any]], Awaitable[None]]
RETRY_CEILING_SECONDS = 300
LEFT_FOR_OTHERS = dt.timedelta(days=1)
"""How long a kind that this version does not know waits for a worker of another version."""


class OutboxEvent(Identified):
    """A fact that has been committed, and whether everybody has heard of it."""

    __tablename__ = "outbox_events"

    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[dt.datetime] = mapped_column(default=now)
    delivered_at: Mapped[dt.datetime | None]
    error: Mapped[str | None]

    __table_args__ = (sa.Index("ix_outbox_events_due", "due_at", postgresql_where=sa.text("delivered_at IS NULL")),)


def emit(session: AsyncSession, kind: str, payload: dict[str, Any]) -> None:
    """Tell of something that becomes true with this transaction. `payload` is JSON."""
    session.add(OutboxEvent(kind=kind, payload=payload))


def together(*parts: Mapping[str, Sequence[Subscriber]]) -> dict[str, Sequence[Subscriber]]:
    """Put the subscribers of several slices together; those of one kind hear in the order of `parts`."""
    kinds = {kind for part in parts for kind in part}
    return {kind: [subscriber for part in parts for subscriber in part.get(kind, ())] for kind in kinds}


class Dispatcher:
    """Hands committed events to their subscribers, each event in a transaction of its own.

    `subscribers` names every kind that this version knows, those that nobody waits for too.
    """

    def __init__(self, database: Database, subscribers: Mapping[str, Sequence[Subscriber]]) -> None:
        self._database = database
        self._subscribers = subscribers

    async def deliver_due(self) -> int:
        """Deliver what is due, oldest first, and give how many were tried.

        A failure is written down and tried again.
        """
        tried = 0
        while await self._deliver_next():
            tried += 1
        return tried

    async def _deliver_next(self) -> bool:
        event: OutboxEvent | None = None
        try:
            async with self._database.begin(OPERATOR) as session:
                event = await self._claim(session)
                if event is None:
                    return False
                for subscriber in self._subscribers.get(event.kind, ()):
                    await subscriber(session, event.payload)
                event.delivered_at = now()
        except Exception as error:
            if event is None:
                raise
            await self._postpone(event, error)
        return True

    async def _claim(self, session: AsyncSession) -> OutboxEvent | None:
        mine = sa.or_(OutboxEvent.kind.in_(self._subscribers.keys()), OutboxEvent.created_at < now() - LEFT_FOR_OTHERS)
        return await session.scalar(
            sa.select(OutboxEvent)
            .where(OutboxEvent.delivered_at.is_(None), OutboxEvent.due_at <= now(), mine)
            .order_by(OutboxEvent.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

    async def _postpone(self, event: OutboxEvent, error: Exception) -> None:
        log.error("outbox.delivery_failed", event_id=str(event.id), kind=event.kind, exc_info=error)
        delay = min(2 ** (event.attempts + 1), RETRY_CEILING_SECONDS)
        async with self._database.begin(OPERATOR) as session:
            await session.execute(
                sa.update(OutboxEvent)
                .where(OutboxEvent.id == event.id)
                .values(
                    attempts=OutboxEvent.attempts + 1,
                    due_at=now() + dt.timedelta(seconds=delay),
                    error=type(error).__name__,
                )
            )
