# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of one run that this shell does, told to the catalog as it happens."""

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.coop.catalog.plugins.plugin_utils.api import Api, CatalogAway, Refused
from ansible_collections.coop.catalog.plugins.plugin_utils.sealed import Envelope
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import shell_name
from ansible_collections.coop.catalog.plugins.plugin_utils.story import Story
from ansible_collections.coop.catalog.plugins.plugin_utils.telling import Redactor

MOST_LINES, MOST_CHARACTERS = 200, 200_000
RENEW_SECONDS = 4
ASK_SECONDS = 1
SECRETS_SECONDS = 30
STEPS_SECONDS = 600
END_SECONDS = 20


class OnlineRun:
    """A run that the catalog knows of. `stop` is what somebody asked of it; `lost`: it is no longer this shell's."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.story = Story()
        self.stop: str | None = None
        self.lost: str | None = None
        self.attempt = 0
        self.begun: dict[str, Any] = {}
        self.taken: dict[str, Any] = {}
        self._envelope = Envelope()
        self._sent = 0
        self._answered = time.monotonic()

    @property
    def where(self) -> str:
        """Where the run can be looked at."""
        return str(self.begun["url"])

    def begin(self, instance: str, playbook: str, *, check: bool, verbosity: int, say: Callable[[str], None]) -> None:
        """Begin it and take its step, once workers have done what comes before. Raises `Refused`, `CatalogAway`."""
        wanted = {"instance": instance, "playbook": playbook, "check": check, "verbosity": min(verbosity, 4)}
        self.begun = self._api.post("/v1/shell-runs", wanted | {"shell": shell_name()})
        try:
            self._take_step(say)
        except BaseException:  # Ctrl-C too: the instance must not stay taken
            self.end({"outcome": "cancelled"})
            raise

    def _take_step(self, say: Callable[[str], None]) -> None:
        deadline = time.monotonic() + STEPS_SECONDS
        said = ""
        while not self.taken:
            try:
                self.taken = self._post("attempt", {"public_key": self._envelope.public_key})
            except Refused as refusal:
                if refusal.code != "step-not-due" or time.monotonic() > deadline:
                    raise
                if str(refusal) != said:
                    said = str(refusal)
                    say(said)
                time.sleep(ASK_SECONDS)
        self.attempt = self.taken["attempt"]
        self._answered = time.monotonic()

    def secrets(self) -> dict[str, Any]:
        """Give the instance's secrets, by a look-up that is audited. Raises `Refused`, `CatalogAway`."""
        deadline = time.monotonic() + SECRETS_SECONDS
        while True:
            try:
                sealed = self._post("secrets")["sealed"]
            except Refused as refusal:
                if refusal.code != "secrets-not-sealed" or time.monotonic() > deadline:
                    raise
                time.sleep(ASK_SECONDS / 4)
            else:
                opened = self._envelope.open(sealed, self.begun["run"], self.attempt)
                self.story.redactor = Redactor(opened["hide"])
                return opened

    def flush(self) -> None:
        """Send what waits, or say that this shell is still here; learn whether to stop, or that the run is lost."""
        lines = self.story.first(MOST_LINES, MOST_CHARACTERS)
        if not lines and time.monotonic() - self._answered < RENEW_SECONDS:
            return
        try:
            heard = self._post("lines", {"first": self._sent, "lines": lines})
        except CatalogAway as error:
            if time.monotonic() - self._answered > self.taken["lease_seconds"]:
                self.lost = f"The catalog has not answered for longer than the run's lease ({error})."
            return
        except Refused as refusal:
            self.lost = str(refusal)
            return
        self._answered = time.monotonic()
        self.story.drop(heard["lines"] - self._sent)
        self._sent = heard["lines"]
        self.stop = self.stop or heard["stop"]

    def end(self, conclusion: dict[str, Any]) -> dict[str, Any]:
        """Send the last lines and how it ended; gives where the run stands. Raises `Refused`, `CatalogAway`."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            try:
                if self.taken:
                    self.flush()
                if self.lost is None and not self.story.first(1, 1):
                    return self._post("end", conclusion)
            except CatalogAway:
                if time.monotonic() > deadline:
                    raise
                time.sleep(ASK_SECONDS)
            if self.lost is not None:
                raise CatalogAway(self.lost)

    def _post(self, what: str, body: object = None) -> dict[str, Any]:
        return self._api.post(f"/v1/shell-runs/{self.begun['run']}/{what}", body, key=self.begun["key"])
