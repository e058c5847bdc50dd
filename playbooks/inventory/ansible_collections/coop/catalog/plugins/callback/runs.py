# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback plugin: makes what a bundle's playbook does to an instance a run of the catalog's."""

import atexit
import sys
import traceback
from typing import Any, NoReturn

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_core
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.coop.catalog.plugins.plugin_utils.api import Api, CatalogAway, Refused
from ansible_collections.coop.catalog.plugins.plugin_utils.bundles import BundlePlaybook, bundle_playbook
from ansible_collections.coop.catalog.plugins.plugin_utils.fence import Fence, HostAway, HostRefused
from ansible_collections.coop.catalog.plugins.plugin_utils.hosts import ALL
from ansible_collections.coop.catalog.plugins.plugin_utils.offline import report_all
from ansible_collections.coop.catalog.plugins.plugin_utils.sessions import CONTRACT, Session, SessionRefused, Sessions
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import NotSet, settings_of
from ansible_collections.coop.catalog.plugins.plugin_utils.telling import named

DOCUMENTATION = """
name: runs
type: notification
short_description: Makes what a bundle's playbook does to an instance a run of the catalog's
description:
  - Before the first task it begins a run for each instance, in turn. An instance on which somebody else acts is left
    out, which is said, and makes the exit status 4; the others go on.
  - Passes the fence of the host, fetches the instance's secrets into memory, and tells the run's story to the catalog.
  - Is set by the environment, as the inventory plugin is.
author: Co-op Catalog
requirements: [enable in configuration]
"""

LEFT_OUT = 4


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible has no types
    """One for each process of `ansible-playbook`."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "coop.catalog.runs"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._sessions: Sessions | None = None
        self._playbook = ""
        self._play_context: Any = None
        self._reported = False

    def set_play_context(self, play_context: Any) -> None:
        """Keep what connections are made with."""
        self._play_context = play_context

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Report what was done offline, once."""
        self._playbook = playbook._file_name  # noqa: SLF001 - Ansible's own callbacks have no other name for it
        try:
            settings = settings_of()
            if not settings.offline and not self._reported:
                self._reported = True
                for line in report_all(settings, Api(settings)):
                    self._say(line)
        except (NotSet, CatalogAway, Refused) as error:
            self._display.v(f"catalog: nothing is reported now: {error}")

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Begin a run for each instance of the play, or end the play. Nothing may go on by mistake."""
        try:
            self._begin(play)
        except (NotSet, CatalogAway, SessionRefused) as error:
            self._refuse(str(error))
        except Exception:  # noqa: BLE001 - Ansible would go on with a warning
            traceback.print_exc()
            self._refuse("The runs could not be begun.")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002, FBT001 - Ansible's
        """Tell of the task; what was asked to stop before it stops."""
        if self._sessions:
            self._sessions.task_started(named(task))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Do the same for a handler."""
        self.v2_playbook_on_task_start(task, is_conditional=False)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Tell of a task that was done."""
        self._hear("task.ok", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Tell of a task that was left out."""
        self._hear("task.skipped", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - Ansible's
        """Tell of a task that failed."""
        self._hear("task.failed", result, ignored=ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Tell of a host that does not answer."""
        self._hear("task.unreachable", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """End every run of this playbook."""
        if self._sessions is None:
            return
        well = self._sessions.end_all(stats)
        self._sessions = None
        if not well:
            sys.exit(LEFT_OUT)

    def _begin(self, play: Any) -> None:
        known = play.get_variable_manager().get_vars(play=play)
        ours = set(known["groups"].get(ALL, ()))
        names = [name for name in known["ansible_play_hosts"] if name in ours]
        if not names:
            return
        bundle = bundle_playbook(self._playbook)
        if bundle is None:
            raise SessionRefused("Only the playbooks of bundles, tools/<tool>/<action>.yml, can act on instances.")
        if self._sessions is None:
            self._sessions = self._open(bundle)
            atexit.register(self._interrupted)
        begun = self._each(play, known["hostvars"], names, bundle)
        others = [name for name in known["ansible_play_hosts"] if name not in ours]
        if not begun + others:
            self._refuse("No run has begun.")
        # The play is Ansible's own copy for this pass, and its hosts are looked up after this.
        play.hosts = begun + others

    def _open(self, bundle: BundlePlaybook) -> Sessions:
        settings = settings_of()
        return Sessions(
            settings,
            bundle,
            check=bool(context.CLIARGS["check"]),
            verbosity=self._display.verbosity,
            ansible_core=ansible_core,
            say=self._say,
        )

    def _each(self, play: Any, hostvars: Any, names: list[str], bundle: BundlePlaybook) -> list[str]:
        """Begin a run for each; gives the names of those that have one."""
        manager = play.get_variable_manager()
        begun = []
        for name in names:
            host = hostvars[name]
            if host["instance"]["tool"] != bundle.tool:
                self._display.v(f"catalog: {name} is no instance of {bundle.tool}, and is left alone.")
                continue
            session = self._begin_one(name, host)
            if session is not None:
                manager.set_nonpersistent_facts(name, wrap_var(session.facts))
                begun.append(name)
        return begun

    def _begin_one(self, name: str, host: Any) -> Session | None:
        if self._sessions is None:
            raise TypeError("sessions")
        variables = {key: host[key] for key in host if key.startswith("ansible_")}
        known = {key: host[key] for key in CONTRACT}
        instance = known["instance"]["id"]

        def fence(script: str) -> Fence:
            return Fence(self._play_context, variables, instance, script)

        try:
            return self._sessions.begin(name, known, fence)
        except (Refused, HostAway, HostRefused) as error:
            self._say(f"{name} is left out. {error}")
            return None

    def _hear(self, kind: str, result: Any, *, ignored: bool | None = None) -> None:
        if self._sessions:
            self._sessions.hear(kind, result, ignored=ignored)

    def _interrupted(self) -> None:
        """End what is still open when the process ends: it was interrupted, or broke."""
        if self._sessions:
            self._sessions.cancel_all()

    def _refuse(self, why: str) -> NoReturn:
        self._display.error(f"catalog: {why}", wrap_text=False)
        if self._sessions:
            self._sessions.cancel_all()
            self._sessions = None
        sys.exit(LEFT_OUT)

    def _say(self, line: str) -> None:
        self._display.display(f"catalog: {line}")
