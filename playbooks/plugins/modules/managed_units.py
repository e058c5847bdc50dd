# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: has an instance's units run, with the settings that are written now, or rest until further notice."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: managed_units
short_description: Have systemd units run with the settings that are written now, or rest; now and at every boot
description:
  - Starts what does not run, and starts again what began before a file was written that it reads.
  - Looks at files and units alone, not at what this play has changed. An earlier try may have ended between writing
    and starting, and what it left out is made up for.
  - In check mode nothing is written, so what would be is told by O(written).
  - With O(state=stopped), stops what runs and keeps systemd from starting it at the next boot. Nothing is removed.
author: Co-op Catalog
options:
  state:
    description: Whether they are to run.
    type: str
    choices: [started, stopped]
    default: started
  written:
    description: What this play has written before, as M(managed_files) gives it. It counts in check mode alone.
    type: list
    elements: path
    default: []
  units:
    description: In the order in which they are started, or stopped.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: With its kind, such as V(wiki.service)., type: str, required: true}
      reads: {description: Files that it reads when it starts., type: list, elements: path, default: []}
"""

EXAMPLES = """
- name: Start the wiki
  managed_units:
    written: "{{ wiki_written.written }}"
    units:
      - {name: wiki.service, reads: [/etc/wiki/settings.json]}

- name: Stop it until further notice
  managed_units:
    state: stopped
    units:
      - {name: wiki.service}
"""

RETURN = """
started: {description: Units that did not run., type: list, returned: always}
restarted: {description: Units that ran with older settings., type: list, returned: always}
stopped: {description: Units that ran and were to rest., type: list, returned: always}
enabled: {description: Units that did not start at boot., type: list, returned: always}
disabled: {description: Units that did., type: list, returned: always}
"""

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "default": "started", "choices": ["started", "stopped"]},
    "written": {"type": "list", "elements": "path", "default": []},
    "units": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "reads": {"type": "list", "elements": "path", "default": []},
        },
    },
}
DONE = ("started", "restarted", "stopped", "enabled", "disabled")
ASKED = ("ActiveState", "UnitFileState", "FragmentPath", "InactiveExitTimestamp")


@dataclass(frozen=True)
class Unit:
    """A unit as systemd knows it, and the files that it reads."""

    name: str
    reads: tuple[Path, ...]
    found: dict[str, str]

    @property
    def runs(self) -> bool:
        """Tell whether it is up."""
        return self.found["ActiveState"] == "active"

    @property
    def rests(self) -> bool:
        """Tell whether nothing of it runs, and systemd is not about to start it again either."""
        return self.found["ActiveState"] in {"inactive", "failed"}

    @property
    def starts_at_boot(self) -> bool:
        """Tell whether systemd starts it by itself."""
        return self.found["UnitFileState"] == "enabled"

    @property
    def files(self) -> list[Path]:
        """List what it reads when it starts, its own description included, as far as that is there."""
        return [path for path in (*self.reads, Path(self.found["FragmentPath"])) if path.is_file()]

    def is_outdated(self, written: set[Path]) -> bool:
        """Tell whether it began before something was written that it reads, or would be by now."""
        begun = begin(self.found["InactiveExitTimestamp"])
        return any(path.stat().st_mtime > begun for path in self.files) or not written.isdisjoint(
            {*self.reads, Path(self.found["FragmentPath"])}
        )


def begin(told: str) -> float:
    """Read systemd's time, such as `Tue 2026-11-24 04:03:17.123456 UTC`, as seconds since 1970; 0 for never."""
    if not told:
        return 0.0
    return datetime.strptime(told, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()


def systemctl(module: AnsibleModule, *words: str) -> str:
    """Run systemctl and give what it prints. Where it fails, the step does."""
    # The arguments are ours, a name each: no shell reads them.
    done = subprocess.run(  # noqa: S603 - our own command, with an argument list
        ["/usr/bin/systemctl", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    if done.returncode != 0:
        module.fail_json(msg=f"systemctl {' '.join(words)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def look(module: AnsibleModule, described: dict[str, Any]) -> Unit:
    """Ask systemd about a unit."""
    words = ("show", described["name"], "--timestamp=us+utc", *(f"--property={name}" for name in ASKED))
    told = dict(line.split("=", 1) for line in systemctl(module, *words).splitlines())
    return Unit(described["name"], tuple(map(Path, described["reads"])), {name: told.get(name, "") for name in ASKED})


def is_unread(module: AnsibleModule, units: list[Unit]) -> bool:
    """Tell whether systemd has not read all descriptions: those of units that are new, or of a slice around them."""
    told = systemctl(module, "show", "*", "--property=NeedDaemonReload")
    return "NeedDaemonReload=yes" in told.splitlines() or any(not unit.found["FragmentPath"] for unit in units)


def start(module: AnsibleModule, units: list[Unit]) -> dict[str, Any]:
    """Have them run, with what is written now."""
    started = [unit.name for unit in units if not unit.runs]
    pretended = set(map(Path, module.params["written"])) if module.check_mode else set()
    restarted = [unit.name for unit in units if unit.runs and unit.is_outdated(pretended)]
    enabled = [unit.name for unit in units if not unit.starts_at_boot]
    if not module.check_mode:
        if is_unread(module, units):
            systemctl(module, "daemon-reload")
        if enabled:
            systemctl(module, "enable", "--quiet", *enabled)
        for unit in units:
            if unit.name in started + restarted:
                systemctl(module, "restart", unit.name)
    return told(started=started, restarted=restarted, enabled=enabled)


def stop(module: AnsibleModule, units: list[Unit]) -> dict[str, Any]:
    """Have them rest, and not be started at boot."""
    stopped = [unit.name for unit in units if not unit.rests]
    disabled = [unit.name for unit in units if unit.starts_at_boot]
    if not module.check_mode:
        if disabled:
            systemctl(module, "disable", "--quiet", *disabled)
        for name in stopped:
            systemctl(module, "stop", name)
    return told(stopped=stopped, disabled=disabled)


def told(**done: list[str]) -> dict[str, Any]:
    """Give the result of which `done` is all that was to be done."""
    return {"changed": any(done.values()), **{name: done.get(name, []) for name in DONE}}


def main() -> None:
    """Do what the playbook asks."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    units = [look(module, described) for described in module.params["units"]]
    done = stop(module, units) if module.params["state"] == "stopped" else start(module, units)
    module.exit_json(**done)


if __name__ == "__main__":
    main()
