# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: makes an instance's folders, in order, and puts their owners and permissions right."""

import os
import stat
from grp import getgrnam
from pathlib import Path
from pwd import getpwnam
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: managed_folders
short_description: Make an instance's folders, and put their owners and permissions right
description:
  - Looks at all of them in one step, makes what is missing and mends what differs; what is in them is left alone.
  - Folders above them that are missing are made as root's, for everybody to read.
  - A link where a folder should be is refused, so that nobody leads it elsewhere.
  - In check mode, an owner that an earlier task only pretended to make is taken for another than the folder's.
author: Co-op Catalog
options:
  folders:
    description: In order, so that what lies within another comes after it.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Where., type: path, required: true}
      mode: {description: Its permissions in octal., type: str, default: "0755"}
      owner: {description: Whose it is., type: str, default: root}
      group: {description: Which group's it is., type: str, default: root}
"""

EXAMPLES = """
- name: Make the folders
  managed_folders:
    folders:
      - {path: /srv/coop}
      - {path: "{{ paths.home }}", mode: "0750", group: "{{ instance.short }}"}
"""

RETURN = """
made: {description: Folders that were missing., type: list, returned: always}
mended: {description: Folders whose owner or permissions were others., type: list, returned: always}
"""

ARGUMENTS: dict[str, Any] = {
    "folders": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "mode": {"type": "str", "default": "0755"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
        },
    },
}


def differs(path: Path, described: dict[str, Any]) -> bool:
    """Tell whether a folder that is there has another owner, group or mode. Raises `NotADirectoryError`."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(path)
    try:
        wanted = (getpwnam(described["owner"]).pw_uid, getgrnam(described["group"]).gr_gid, int(described["mode"], 8))
    except KeyError:
        return True
    return (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != wanted


def put_right(path: Path, described: dict[str, Any]) -> None:
    """Give a folder its owner and mode, through no link. Raises `KeyError` for an unknown owner."""
    user, group = getpwnam(described["owner"]).pw_uid, getgrnam(described["group"]).gr_gid
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(opened, user, group)
        os.fchmod(opened, int(described["mode"], 8))
    finally:
        os.close(opened)


def main() -> None:
    """Do what the playbook asks."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    made: list[str] = []
    mended: list[str] = []
    for described in module.params["folders"]:
        path = Path(described["path"])
        try:
            missing = not os.path.lexists(path)
            if not missing and not differs(path, described):
                continue
            (made if missing else mended).append(str(path))
            if module.check_mode:
                continue
            if missing:
                path.mkdir(mode=0o700, parents=True)
            put_right(path, described)
        except KeyError as error:
            module.fail_json(msg=f"There is no such user or group: {error}")
        except OSError as error:
            module.fail_json(msg=f"{path}: {error}")
    module.exit_json(changed=bool(made or mended), made=made, mended=mended)


if __name__ == "__main__":
    main()
