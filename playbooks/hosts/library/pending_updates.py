# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: brings Debian's pending updates, and tells of each package which version it had and has."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: pending_updates
short_description: Bring Debian's pending updates, and tell of each package which version it had and has
description:
  - Takes what Debian's own archives of this release have, and nothing of any other source. Holds and pins stand.
    Installs what an update depends on, and removes nothing.
  - The packages are brought by a unit of systemd, which goes on to its end whatever becomes of whoever asked. Called
    again for the same run, the module waits for it, brings what is still pending, and tells of all.
author: Co-op Catalog
options:
  updates:
    description: Those of the security archive, or those of the stable release and its updates too.
    type: str
    choices: [security, stable]
    default: security
  run: {description: For which run., type: str, required: true}
  record: {description: The file that keeps which versions the run found., type: path, required: true}
"""

EXAMPLES = """
- name: Bring the security updates
  pending_updates:
    run: "{{ run.id }}"
    record: /var/lib/coop-catalog/updates.json
"""

RETURN = """
updates: {description: Each package with the versions C(from) and C(to)., type: list, returned: always}
held: {description: Packages with an update that somebody holds back., type: list, returned: always}
left: {description: Packages whose update is still pending., type: list, returned: always}
"""

ARGUMENTS: dict[str, Any] = {
    "updates": {"type": "str", "choices": ["security", "stable"], "default": "security"},
    "run": {"type": "str", "required": True},
    "record": {"type": "path", "required": True},
}
LABELS = {"security": {"Debian-Security"}, "stable": {"Debian-Security", "Debian"}}
UNIT = "coop-catalog-updates"
LOG = Path("/var/lib/coop-catalog/updates.log")
MOST_SAID = 4000
# Settings that somebody changed on the host stay as they are; new ones come as the package brings them.
INSTALL = (
    "apt-get --assume-yes --quiet --only-upgrade --no-remove --no-install-recommends"
    " -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=600 install"
)
COMMAND = f'set -e; dpkg --configure --pending; [ $# -eq 0 ] || exec {INSTALL} "$@"'


class Packages:
    """What is installed and what is pending, as apt knows it at this moment."""

    def __init__(self, labels: set[str]) -> None:
        import apt  # type: ignore[import-not-found] # the host's own python3-apt
        import apt_pkg  # type: ignore[import-not-found] # the same

        self._held_state = apt_pkg.SELSTATE_HOLD
        self._installed = [package for package in apt.Cache() if package.is_installed]
        self._labels = labels
        self._codename = release_codename()

    def versions(self) -> dict[str, str]:
        """Give the installed version of every package."""
        return {package.name: package.installed.version for package in self._installed}

    def pending(self) -> dict[str, str]:
        """Give the newest version of each package that has an update and is not held."""
        return {package.name: to.version for package, to in self._updates() if not self._is_held(package)}

    def held(self) -> list[str]:
        """Name the packages that have an update and are held."""
        return sorted(package.name for package, _ in self._updates() if self._is_held(package))

    def _updates(self) -> list[tuple[Any, Any]]:
        found = []
        for package in self._installed:
            newer = [one for one in package.versions if one > package.installed and self._is_wanted(one)]
            if newer:
                found.append((package, max(newer)))
        return found

    def _is_wanted(self, version: Any) -> bool:
        if version.policy_priority <= 0:
            return False
        suites = {self._codename, f"{self._codename}-security", f"{self._codename}-updates"}
        return any(
            origin.trusted and origin.origin == "Debian" and origin.label in self._labels and origin.codename in suites
            for origin in version.origins
        )

    def _is_held(self, package: Any) -> bool:
        return bool(package._pkg.selected_state == self._held_state)  # noqa: SLF001 - python-apt shows it nowhere else


def release_codename() -> str:
    """Name this release of Debian."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"].strip('"')


def wait_for_earlier() -> None:
    """Wait for what an earlier try has begun."""
    command = ["/usr/bin/systemctl", "--quiet", "is-active", UNIT]
    while subprocess.run(command, check=False).returncode == 0:  # noqa: S603 - our own command
        time.sleep(1)


def bring(wanted: dict[str, str]) -> tuple[bool, str]:
    """Finish what was left half-done, and install these versions; tell whether that went well, and what was said."""
    environment = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "LC_ALL": "C.UTF-8"}
    settings = [f"--setenv={name}={value}" for name, value in environment.items()]
    settings += [f"--property=StandardOutput=truncate:{LOG}", "--property=StandardError=inherit"]
    packages = [f"{name}={version}" for name, version in sorted(wanted.items())]
    command = ["/usr/bin/systemd-run", "--quiet", "--collect", "--wait", f"--unit={UNIT}", *settings]
    done = subprocess.run(  # noqa: S603 - the names are the package manager's own, each an argument
        [*command, "/bin/sh", "-c", COMMAND, UNIT, *packages], capture_output=True, text=True, check=False
    )
    said = LOG.read_text(encoding="utf-8", errors="replace") if LOG.is_file() else ""
    return done.returncode == 0, f"{said}\n{done.stderr}".strip()[-MOST_SAID:]


def found_before(record: Path, run: str) -> dict[str, str]:
    """Read which versions this run found when it began; nothing where it has not begun."""
    if not record.is_file():
        return {}
    kept = json.loads(record.read_text(encoding="utf-8"))
    found: dict[str, str] = kept["from"]
    return found if kept["run"] == run else {}


def keep(record: Path, run: str, versions: dict[str, str]) -> None:
    """Write them down in one move."""
    draft = record.with_name(f".{record.name}.new")
    draft.write_text(json.dumps({"run": run, "from": versions}), encoding="utf-8")
    draft.replace(record)


def changes(before: dict[str, str], after: dict[str, str]) -> list[dict[str, str]]:
    """Give the packages whose version is another one now."""
    return [
        {"package": name, "from": version, "to": after[name]}
        for name, version in sorted(before.items())
        if after.get(name, version) != version
    ]


def main() -> None:
    """Do what the playbook asks."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    record, run, labels = Path(module.params["record"]), module.params["run"], LABELS[module.params["updates"]]
    wait_for_earlier()
    packages = Packages(labels)
    pending, held = packages.pending(), packages.held()
    if module.check_mode:
        would = changes(packages.versions(), packages.versions() | pending)
        module.exit_json(changed=bool(would), updates=would, held=held, left=sorted(pending))
    before = found_before(record, run)
    if not before:
        before = packages.versions()
        keep(record, run, before)
    well, said = bring(pending)
    if not well:
        module.fail_json(msg=f"The updates could not be brought. The last that was said:\n{said}")
    after = Packages(labels)
    updates = changes(before, after.versions())
    module.exit_json(changed=bool(updates), updates=updates, held=held, left=sorted(after.pending()))


if __name__ == "__main__":
    main()
