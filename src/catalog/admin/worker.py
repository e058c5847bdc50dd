"""`catalog worker`: does the runs."""

import asyncio

from catalog.platform.logging import configure
from catalog.settings import worker_settings
from catalog.worker import run_worker


def worker() -> None:
    """Do runs until it is told to stop. Everything is set by the environment (docs/settings.md)."""
    settings = worker_settings()
    configure(settings.log_format)
    asyncio.run(run_worker(settings))
