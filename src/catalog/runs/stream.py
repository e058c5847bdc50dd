"""A run's events as server-sent events (WHATWG HTML, section 9.2): what is kept first, then what happens, live.

Between two looks nothing is held, neither a transaction nor a connection. Each look asks anew what the person may see.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import msgspec
import structlog

from catalog.platform.errors import NotFound
from catalog.runs.listener import RunEventListener
from catalog.runs.reading import EventBatch

log = structlog.get_logger()

Look = Callable[[int], Awaitable[EventBatch]]

POLL_SECONDS = 1.5
PING_SECONDS = 15
BATCH = 200

PING = b": ping\n\n"
END = b'event: end\ndata: {"reason":"run-ended"}\n\n'
NOT_KEPT = b'event: end\ndata: {"reason":"not-kept"}\n\n'
GONE = b'event: end\ndata: {"reason":"not-visible"}\n\n'

_unfinished: set[asyncio.Future[EventBatch]] = set()
"""Looks that nobody waits for any more; kept, since the event loop itself holds tasks only weakly."""


async def server_sent_events(
    run_id: UUID, after: int, look: Look, listener: RunEventListener, *, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[bytes]:
    """Yield the run's events above `after`, and `end` after the last one of a run that is over.

    `look(after)` reads the next events in a transaction of its own; where it raises `NotFound` the person may no longer
    see the run, and the stream ends. A comment is sent every 15 seconds, so that nothing on the way gives up.
    """
    sent_at = clock()
    with listener.watching(run_id) as woken:
        while True:
            woken.clear()
            try:
                batch = await _to_its_end(look(after))
            except NotFound:
                yield GONE
                return
            if batch.events:
                yield b"".join(_written(event.sequence, event.kind, event) for event in batch.events)
                after, sent_at = batch.events[-1].sequence, clock()
            if batch.ended:
                yield END if batch.kept else NOT_KEPT
                return
            if len(batch.events) == BATCH:
                continue
            if clock() - sent_at >= PING_SECONDS:
                yield PING
                sent_at = clock()
            await _woken_or_due(woken)


def _written(sequence: int, kind: str, event: msgspec.Struct) -> bytes:
    # JSON in UTF-8 without line breaks: one `data` line holds it.
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (sequence, kind.encode(), msgspec.json.encode(event))


async def _woken_or_due(woken: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(woken.wait(), POLL_SECONDS)
    except TimeoutError:
        return


async def _to_its_end(work: Awaitable[EventBatch]) -> EventBatch:
    """Await `work`, which goes on to its end when whoever watches goes away: a cut query costs its connection."""
    task: asyncio.Future[EventBatch] = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _unfinished.add(task)
        task.add_done_callback(_finished)
        raise


def _finished(task: asyncio.Future[EventBatch]) -> None:
    _unfinished.discard(task)
    if not task.cancelled() and task.exception() is not None:
        log.debug("run_events.look_failed_after_disconnect", exc_info=task.exception())
