# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: writes an instance's files in one go, and tells which of them somebody had changed by hand."""

import difflib
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from grp import getgrnam
from pathlib import Path
from pwd import getpwnam
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: managed_files
short_description: Write an instance's files, and tell which of them somebody had changed by hand
description:
  - Writes those of C(files) that are not as they should be, each in one move, so that nobody reads half a file.
  - Keeps their checksums in C(record), beside those of the other files that were written with the same record.
  - A file that is neither as it was written last nor as it should be now was changed by hand.
  - In check mode, a file whose owner an earlier task only pretended to make counts as one to be written.
author: Co-op Catalog
options:
  record:
    description: The file that keeps the checksums. Its folder is made.
    type: path
    required: true
  files:
    description: What to write. The folders must exist.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Where., type: path, required: true}
      content: {description: What., type: str, required: true}
      mode: {description: Its permissions in octal., type: str, default: "0644"}
      owner: {description: Whose it is., type: str, default: root}
      group: {description: Which group's it is., type: str, default: root}
      kind:
        description:
          - V(own) is the instance's.
          - V(shared) is written by other instances too, so a difference is put right and not told.
          - V(birth) is written where nothing stands, and is people's from then on.
        type: str
        choices: [own, shared, birth]
        default: own
      diff:
        description:
          - Whether its difference may be shown. By default, that of a file which everybody on the host may read.
        type: bool
"""

EXAMPLES = """
- name: Write the settings
  managed_files:
    record: "{{ paths.state }}/managed.sha256"
    files:
      - {path: "{{ paths.home }}/settings.json", content: "{{ settings | to_json }}", mode: "0600"}
"""

RETURN = """
written: {description: Paths that were written., type: list, returned: always}
changed_by_hand: {description: Paths that somebody had changed, or removed., type: list, returned: always}
managed: {description: How many files the record knows now., type: int, returned: always}
"""

LARGEST_DIFF_BYTES = 200_000
READ_BY_ALL = 0o004
ARGUMENTS: dict[str, Any] = {
    "record": {"type": "path", "required": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "kind": {"type": "str", "default": "own", "choices": ["own", "shared", "birth"]},
            "diff": {"type": "bool"},
        },
    },
}


@dataclass(frozen=True)
class File:
    """A file as it should be."""

    path: Path
    content: bytes
    mode: int
    user: int
    group: int
    kind: str
    shown: bool = False

    @property
    def checksum(self) -> str:
        """Give the SHA-256 of what should stand in it."""
        return hashlib.sha256(self.content).hexdigest()

    def stands(self) -> bool:
        """Tell whether it is there and needs no writing."""
        if self.kind == "birth":
            return os.path.lexists(self.path)
        if found_in(self.path) != self.checksum:
            return False
        found = self.path.stat()
        return (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (self.mode, self.user, self.group)

    def difference(self) -> dict[str, str] | None:
        """Give the difference to what is there as Ansible shows it; none where it may not be shown."""
        path = str(self.path)
        plain = self.path.is_file() and not self.path.is_symlink()
        before = self.path.read_bytes() if plain else b""
        if not self.shown or max(len(before), len(self.content)) > LARGEST_DIFF_BYTES:
            return None
        lines = [content.decode(errors="replace").splitlines() for content in (before, self.content)]
        compared = difflib.unified_diff(*lines, fromfile=path, tofile=path, lineterm="")
        # No line end after the last line: Ansible takes whole contents out of what a module gives back.
        return {"before_header": path, "after_header": path, "prepared": "\n".join(compared)}

    def write(self) -> None:
        """Put it there in one move. Where a link stands, the link is replaced, and what it leads to stays."""
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(opened, "wb") as stream:
                stream.write(self.content)
                os.fchown(stream.fileno(), self.user, self.group)
                os.fchmod(stream.fileno(), self.mode)
            draft.replace(self.path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def file_of(described: dict[str, Any], *, pretending: bool) -> File:
    """Read what the playbook says of a file. Raises `KeyError` for an unknown owner, unless `pretending`."""
    mode, shown = int(described["mode"], 8), described["diff"]
    return File(
        path=Path(described["path"]),
        content=described["content"].encode(),
        mode=mode,
        user=_number(lambda: getpwnam(described["owner"]).pw_uid, pretending=pretending),
        group=_number(lambda: getgrnam(described["group"]).gr_gid, pretending=pretending),
        kind=described["kind"],
        shown=bool(mode & READ_BY_ALL) if shown is None else shown,
    )


def _number(look_up: Callable[[], int], *, pretending: bool) -> int:
    """Give a user's or group's number, or one that nobody has for who would be made by now."""
    try:
        return look_up()
    except KeyError:
        if not pretending:
            raise
        return -1


def found_in(path: Path) -> str | None:
    """Give the SHA-256 of a plain file; none where there is no such thing."""
    if path.is_symlink() or not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_record(path: Path) -> dict[str, str]:
    """Read the checksums that were written last, by path."""
    if not path.is_file():
        return {}
    pairs = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())
    return {name: checksum for checksum, name in pairs}


def write_record(path: Path, checksums: dict[str, str]) -> None:
    """Keep the checksums in the form that `sha256sum --check` reads."""
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    lines = "".join(f"{checksum}  {name}\n" for name, checksum in sorted(checksums.items()))
    File(path, lines.encode(), 0o600, os.geteuid(), os.getegid(), "own").write()


def was_changed(file: File, before: dict[str, str]) -> bool:
    """Tell whether somebody changed the file since it was written, to something else than it should be now."""
    known = before.get(str(file.path))
    return file.kind == "own" and known is not None and found_in(file.path) not in {known, file.checksum}


def main() -> None:
    """Do what the playbook asks."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    record = Path(module.params["record"])
    try:
        files = [file_of(described, pretending=module.check_mode) for described in module.params["files"]]
    except KeyError as error:
        module.fail_json(msg=f"There is no such user or group: {error}")
    before = read_record(record)
    after = before | {str(file.path): file.checksum for file in files if file.kind == "own"}
    by_hand = [str(file.path) for file in files if was_changed(file, before)]
    lacking = [file for file in files if not file.stands()]
    differences = [found for found in (file.difference() for file in lacking) if found]
    if not module.check_mode:
        for file in lacking:
            file.write()
        if after != before:
            write_record(record, after)
    written = [str(file.path) for file in lacking]
    told = {"diff": differences} if module._diff else {}  # noqa: SLF001 - Ansible has no other name for it
    module.exit_json(changed=bool(written), written=written, changed_by_hand=by_hand, managed=len(after), **told)


if __name__ == "__main__":
    main()
