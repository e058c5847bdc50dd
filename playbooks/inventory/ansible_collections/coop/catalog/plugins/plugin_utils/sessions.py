# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs that one playbook of this shell does, an instance each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.coop.catalog.plugins.plugin_utils.api import Api, CatalogAway, Refused
from ansible_collections.coop.catalog.plugins.plugin_utils.bundles import SEVERAL_STEPS, BundlePlaybook
from ansible_collections.coop.catalog.plugins.plugin_utils.fence import Fence, HostAway, HostRefused
from ansible_collections.coop.catalog.plugins.plugin_utils.hosts import shell_executable
from ansible_collections.coop.catalog.plugins.plugin_utils.inventory_file import kept
from ansible_collections.coop.catalog.plugins.plugin_utils.offline import OfflineRun, attempt_after
from ansible_collections.coop.catalog.plugins.plugin_utils.online import OnlineRun
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import Settings
from ansible_collections.coop.catalog.plugins.plugin_utils.teller import Run, Teller

WHY = {
    "now": "Somebody cancelled the run.",
    "at-next-task": "Somebody cancelled the run.",
    "time-limit": "It took longer than it may.",
    None: "It was interrupted.",
}
CONTRACT = ("instance", "parameters", "sso", "tls", "ports", "paths")
MakeFence = Callable[[str], Fence]


class SessionRefused(Exception):
    """Nothing may begin; the message says why."""


@dataclass
class Session:
    """A run, the fence of its host, and what the playbook is told beside the inventory."""

    name: str
    run: Run
    fence: Fence
    facts: dict[str, Any] = field(repr=False)
    ended_on_host: bool = False


class Sessions:
    """Begins runs in turn, tells their stories, and ends them."""

    def __init__(  # noqa: PLR0913 - what one start of ansible-playbook is made of
        self,
        settings: Settings,
        bundle: BundlePlaybook,
        *,
        check: bool,
        verbosity: int,
        ansible_core: str,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._bundle = bundle
        self._check = check
        self._verbosity = verbosity
        self._ansible_core = ansible_core
        self._say = say
        self._api = Api(settings)
        self._open: dict[str, Session] = {}
        self._well = True
        self._teller = Teller(self._look)
        if settings.offline:
            self._require_offline()
        self._teller.start()

    def begin(self, name: str, host: dict[str, Any], make_fence: MakeFence) -> Session:
        """Begin a run on one instance. Raises `Refused`, `CatalogAway`, `HostAway`, `HostRefused`."""
        if name in self._open:
            return self._open[name]
        begin = self._offline if self._settings.offline else self._online
        try:
            session = begin(name, host, make_fence)
        except (Refused, CatalogAway, HostAway, HostRefused):
            self._well = False
            raise
        self._open[name] = session
        return session

    def _online(self, name: str, host: dict[str, Any], make_fence: MakeFence) -> Session:
        run = OnlineRun(self._api)
        run.begin(
            host["instance"]["id"],
            self._bundle.name,
            check=self._check,
            verbosity=self._verbosity,
            say=lambda line: self._say(f"{name} waits. {line}"),
        )
        self._teller.watch(name, run)
        try:
            fence = make_fence(run.taken["fence"])
            fence.take(run.attempt)
            opened = run.secrets()
        except BaseException as error:  # Ctrl-C too: the instance must not stay taken
            self._give_up(name, run, error)
            raise
        facts = dict(run.taken["variables"])
        facts["sso"] = {**facts["sso"], "client_secret": opened["client_secret"]}
        facts["secrets"] = opened["secrets"]
        facts["ansible_shell_executable"] = run.taken["shell_executable"]
        self._say(f"{name}: attempt {run.attempt}, {run.where}")
        return Session(name, run, fence, facts)

    def _offline(self, name: str, host: dict[str, Any], make_fence: MakeFence) -> Session:
        instance = host["instance"]["id"]
        fence = make_fence(kept(self._settings).fence)
        attempt = attempt_after(fence.highest())
        run = OfflineRun(self._settings)
        run.begin(instance, self._bundle.name, attempt, check=self._check)
        try:
            fence.take(attempt)
        except BaseException as error:  # it may have reached the host: the report raises the catalog's count
            self._give_up(name, run, error)
            raise
        self._teller.watch(name, run)
        facts: dict[str, Any] = {key: host[key] for key in CONTRACT}
        facts["instance"] = {**facts["instance"], "attempt": attempt}
        facts["ansible_shell_executable"] = shell_executable(instance, attempt)
        self._say(f"{name}: attempt {attempt}, offline. Until this is reported, workers are kept off the instance.")
        return Session(name, run, fence, facts)

    def _require_offline(self) -> None:
        """Refuse what can't be done without the catalog. Raises `SessionRefused`."""
        if self._bundle.name in SEVERAL_STEPS and not self._check:
            raise SessionRefused(f"{self._bundle.name} is one step of several: it can't be done offline.")
        if self._bundle.needs_secrets():
            raise SessionRefused(f"{self._bundle.name} needs the instance's secrets, which are not there offline.")

    def _give_up(self, name: str, run: Run, error: BaseException) -> None:
        """End a run of which nothing was begun."""
        self._teller.leave(name)
        outcome = "unreachable" if isinstance(error, HostAway) else "failed"
        if not isinstance(error, Exception):
            outcome = "cancelled"
        try:
            run.end(run.story.conclusion(outcome, self._ansible_core, str(error)))
        except (Refused, CatalogAway) as refusal:
            self._say(f"{name}: the run's end could not be told. {refusal}")

    def task_started(self, task: dict[str, Any]) -> None:
        """Tell of a task; what was asked to stop at the next one stops now."""
        for session in self._open.values():
            if session.run.stop:
                self._end_on_host(session)
            session.run.story.add("task.started", **task)

    def hear(self, kind: str, result: Any, *, ignored: bool | None) -> None:
        """Tell how a task ended on its host."""
        session = self._open.get(result.host.get_name())
        if session is not None:
            session.run.story.hear(kind, result, ignored=ignored)

    def end_all(self, stats: Any) -> bool:
        """End every run as Ansible's statistics have it; tell whether all went as it was asked."""
        for session in self._open.values():
            self._end(session, self._outcome(session, stats.summarize(session.name)))
        self._open.clear()
        self._teller.stop()
        return self._well

    def cancel_all(self) -> None:
        """End every run at once: what it runs on its host too."""
        for session in self._open.values():
            self._end_on_host(session)
            self._end(session, "cancelled")
        self._open.clear()
        self._teller.stop()

    def _look(self, name: str, run: Run) -> None:
        """Stop at once what was asked to, or is lost."""
        session = self._open.get(name)
        if session is not None and (run.lost or run.stop in {"now", "time-limit"}):
            self._end_on_host(session)

    def _end_on_host(self, session: Session) -> None:
        """End what runs there, once: whatever Ansible sends after that is refused."""
        if session.ended_on_host:
            return
        session.ended_on_host = True
        self._say(f"{session.name} is stopped. {session.run.lost or WHY[session.run.stop]}")
        try:
            session.fence.end(session.run.attempt)
        except (HostAway, HostRefused) as error:
            self._say(f"{session.name}: {error}")

    @staticmethod
    def _outcome(session: Session, summary: dict[str, int]) -> str:
        if session.run.stop == "time-limit":
            return "timed-out"
        if session.run.stop or not session.run.story.touched:
            return "cancelled"
        if summary["unreachable"]:
            return "unreachable"
        return "failed" if summary["failures"] else "done"

    def _end(self, session: Session, outcome: str) -> None:
        self._teller.leave(session.name)
        try:
            ended = session.run.end(session.run.story.conclusion(outcome, self._ansible_core))
        except (Refused, CatalogAway) as error:
            self._well = False
            self._say(f"{session.name}: the run's end could not be told. {error} {session.run.where}")
        else:
            self._say(f"{session.name}: {ended['state']}, {ended['url']}")
