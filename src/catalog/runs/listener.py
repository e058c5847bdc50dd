"""Hearing at once that a run has new events: one connection a process listens for all who watch.

A notification only wakes. Whoever watches looks by themselves every second or two, so that one that was lost, or a
connection that broke, costs a moment and nothing else.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from catalog.runs.events import CHANNEL
from catalog.settings import DatabaseSettings

log = structlog.get_logger()

RECONNECT_SECONDS = 2
CONNECT_TIMEOUT_SECONDS = 10
FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class RunEventListener:
    """Wakes those who watch runs. `start` and `stop` belong into the server's lifespan."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._url = settings.url
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from now on; a database that is away is tried again and again."""
        self._task = asyncio.create_task(self._listen(), name="run-event-listener")

    async def stop(self) -> None:
        """Listen no longer, and wake everybody who still watches."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._wake_all()

    @contextlib.contextmanager
    def watching(self, run_id: UUID) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the run may have something new; clear it before looking."""
        name, woken = str(run_id), asyncio.Event()
        self._watchers[name].add(woken)
        try:
            yield woken
        finally:
            self._watchers[name].discard(woken)
            if not self._watchers[name]:
                del self._watchers[name]

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except FAILURES:
                log.warning("run_events.listening_interrupted", exc_info=True)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        """Listen until the connection ends."""
        ended = asyncio.Event()
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_TIMEOUT_SECONDS, server_settings={"application_name": "catalog-run-events"}
        )
        try:
            connection.add_termination_listener(lambda _connection: ended.set())
            await connection.add_listener(CHANNEL, self._heard)
            # What was told while nobody listened is looked for now.
            self._wake_all()
            await ended.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _process: int, _channel: str, payload: Any) -> None:
        for woken in self._watchers.get(str(payload), ()):
            woken.set()

    def _wake_all(self) -> None:
        for watchers in self._watchers.values():
            for woken in watchers:
                woken.set()
