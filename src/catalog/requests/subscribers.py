"""What becomes of requests when their runs end."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform import audit
from catalog.platform.outbox import Subscriber
from catalog.requests.lifecycle import Move, State, after
from catalog.requests.tables import Request

ACTOR = "worker"


async def fulfil(session: AsyncSession, payload: dict[str, Any]) -> None:
    """Mark the request as fulfilled whose first provision has succeeded. Hearing of it twice changes nothing."""
    await _move(session, payload, "fulfil")


async def abandon(session: AsyncSession, payload: dict[str, Any]) -> None:
    """Mark the request as abandoned whose first provision was given up. Hearing of it twice changes nothing."""
    await _move(session, payload, "abandon")


async def _move(session: AsyncSession, payload: dict[str, Any], move: Move) -> None:
    if payload.get("request_id") is None or payload.get("action") != "provision":
        return
    request = await session.scalar(
        sa.select(Request).where(Request.id == UUID(payload["request_id"])).with_for_update()
    )
    if request is None:
        return
    state = after(move, cast("State", request.state))
    if state is None:
        return
    request.state = state
    request.version += 1
    audit.record(
        session,
        actor=ACTOR,
        action=f"request.{state}",
        subject=("request", request.id),
        member_id=request.member_id,
        details={"run_id": payload["run_id"]},
    )


SUBSCRIBERS: Mapping[str, Sequence[Subscriber]] = {
    "run.succeeded": (fulfil,),
    "run.abandoned": (abandon,),
    "run.failed": (),
    "run.cancelled": (),
}
"""Every kind of event; those without a subscriber are known, so that they are not left for another version."""
