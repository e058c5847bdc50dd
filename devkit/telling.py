"""Tells what is being done, how long it takes, and that it goes on while nothing is seen."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT_SECONDS = 4


class Teller:
    """Prints lines with the seconds since the story began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last = self._began
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            self._last = time.monotonic()
            print(f"[{self._last - self._began:5.1f} s] {line}", flush=True)

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Tell what is being done, and say every few seconds that it goes on."""
        self.say(title)
        ended = threading.Event()
        heart = threading.Thread(target=self._beat, args=(title, ended), daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()

    def _beat(self, title: str, ended: threading.Event) -> None:
        began = time.monotonic()
        while not ended.wait(1):
            if time.monotonic() - self._last >= HEARTBEAT_SECONDS:
                self.say(f"  … {title}: {time.monotonic() - began:.0f} s so far")
