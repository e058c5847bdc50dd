"""The queue by which workers hear of runs: procrastinate, known to this module alone.

A job carries the id of a run and nothing else. It may come late, twice or never: the run's row decides what is done,
and `runs.recovery` gives a run without a job another one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import cast
from uuid import UUID

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException

from catalog.platform.db.engine import psycopg_conninfo
from catalog.runs.jobs import TASK
from catalog.settings import DatabaseSettings

CONCURRENCY = 4
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0
POOL_SIZE = 4
RECONNECT_SECONDS = 2.0

log = structlog.get_logger()


class RunQueue:
    """Hands runs to `work`, several at once, until it is stopped."""

    def __init__(
        self, settings: DatabaseSettings, work: Callable[[UUID], Awaitable[None]], *, name: str, queues: Sequence[str]
    ) -> None:
        self._settings = settings
        self._work = work
        self._name = name
        self._queues = list(queues) or None
        self._stopping = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._doing: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(CONCURRENCY)

    def stop(self) -> None:
        """Take no more jobs; `serve` returns when what is being done is done."""
        self._stopping.set()
        if self._serving is not None:
            self._serving.cancel()  # procrastinate takes this as a request to drain

    async def serve(self) -> None:
        """Take jobs until `stop`, through any loss of the database."""
        while not self._stopping.is_set():
            try:
                await self._serve_once()
            except ConnectorException:
                log.warning("queue.connection_lost", exc_info=True)
            if not self._stopping.is_set():
                log.warning("queue.starting_again")
                await self._pause()
        if self._doing:
            await asyncio.wait(self._doing)

    async def _serve_once(self) -> None:
        app = self._app()
        async with app.open_async():
            if self._stopping.is_set():
                return  # told while the database was being opened
            self._serving = asyncio.create_task(
                app.run_worker_async(
                    queues=cast("Iterable[str]", self._queues),  # None, which its annotation forgets, means all
                    name=self._name,
                    concurrency=CONCURRENCY,
                    fetch_job_polling_interval=POLL_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    # It ends its jobs when it is told to stop or loses the database; what they began goes on (`_do`).
                    shutdown_graceful_timeout=0,
                )
            )
            try:
                await self._serving
            except asyncio.CancelledError:
                if not self._stopping.is_set():
                    raise
            finally:
                self._serving = None

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), RECONNECT_SECONDS)
        except TimeoutError:
            return

    def _app(self) -> procrastinate.App:
        connector = procrastinate.PsycopgConnector(
            conninfo=psycopg_conninfo(self._settings),
            min_size=1,
            max_size=POOL_SIZE,
            kwargs={"application_name": "catalog-worker-queue"},
        )
        app = procrastinate.App(connector=connector)

        @app.task(name=TASK)
        async def run(run_id: str) -> None:
            await asyncio.shield(self._do(UUID(run_id)))

        return app

    def _do(self, run_id: UUID) -> asyncio.Task[None]:
        """Work in a task of our own: a connection of the queue that is lost is no reason to stop a run, nor to wait."""
        task = asyncio.create_task(self._in_its_place(run_id))
        self._doing.add(task)
        task.add_done_callback(self._done)
        return task

    async def _in_its_place(self, run_id: UUID) -> None:
        async with self._places:
            await self._work(run_id)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._doing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("run.left", exc_info=error)  # its lease runs out, and it is taken up again
