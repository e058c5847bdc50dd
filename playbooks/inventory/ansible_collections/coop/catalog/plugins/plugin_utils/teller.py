# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that tells the catalog what happens, and hears from it whether to stop."""

import threading
from collections.abc import Callable

from ansible_collections.coop.catalog.plugins.plugin_utils.offline import OfflineRun
from ansible_collections.coop.catalog.plugins.plugin_utils.online import OnlineRun

EVERY_SECONDS = 0.5

Run = OnlineRun | OfflineRun


class Teller(threading.Thread):
    """Flushes every run twice a second, so that leases hold while a task takes its time."""

    def __init__(self, look: Callable[[str, Run], None]) -> None:
        super().__init__(name="coop-catalog-teller", daemon=True)
        self._look = look
        self._runs: dict[str, Run] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()

    def watch(self, host: str, run: Run) -> None:
        """Look after a run from now on."""
        with self._lock:
            self._runs[host] = run

    def leave(self, host: str) -> None:
        """Look after it no longer; a flush that is under way has ended when this returns."""
        with self._lock:
            self._runs.pop(host, None)

    def run(self) -> None:
        """Do it until the process ends."""
        while not self._over.wait(EVERY_SECONDS):
            for host in list(self._runs):
                with self._lock:
                    run = self._runs.get(host)
                    if run is not None:
                        run.flush()
                        self._look(host, run)

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
