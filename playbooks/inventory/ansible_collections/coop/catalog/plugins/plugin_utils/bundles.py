# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tool's bundle a playbook is of, and whether it needs the instance's secrets."""

import re
from dataclasses import dataclass
from pathlib import Path

SECRETS = re.compile(r"\bsecrets\s*[.\[]|\bclient_secret\b")
SEVERAL_STEPS = frozenset({"provision", "suspend", "deprovision"})
"""Playbooks that are one step of several: workers do the others."""


@dataclass(frozen=True)
class BundlePlaybook:
    """`tools/<tool>/<name>.yml`."""

    tool: str
    name: str
    path: Path

    def needs_secrets(self) -> bool:
        """Tell whether the playbook, or a file of the bundle that it names, speaks of secrets."""
        texts = {path: _text(path) for path in self.path.parent.rglob("*") if path.is_file()}
        reached, waiting = set[Path](), {self.path}
        while waiting:
            path = waiting.pop()
            reached.add(path)
            if SECRETS.search(texts[path]):
                return True
            waiting |= {other for other in texts if other not in reached and other.name in texts[path]}
        return False


def bundle_playbook(path: str) -> BundlePlaybook | None:
    """Give the bundle's playbook that a path leads to; none where it is no bundle's."""
    found = Path(path).resolve()
    if found.parent.parent.name != "tools" or not (found.parent / "tool.yaml").is_file():
        return None
    return BundlePlaybook(tool=found.parent.name, name=found.stem, path=found)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
