"""The two system users of a checkout: one for its parts, one for Ansible."""

import pwd
import re
import subprocess
from urllib.parse import quote, unquote

from devkit.running import Failed
from devkit.state import CHECKOUT, ansible_user, user

NOLOGIN = "/usr/sbin/nologin"
OF_A_CHECKOUT = re.compile(r"coop-[0-9a-f]{6}")


def missing() -> list[str]:
    """Name those that are not there yet."""
    return [name for name in (user(), ansible_user()) if not exists(name)]


def exists(name: str) -> bool:
    """Tell whether there is such a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def add(name: str) -> None:
    """Add a system user that nobody signs in as, without a home of its own; its comment says whose it is."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    subprocess.run([*command, "--shell", NOLOGIN, "--comment", quote(str(CHECKOUT)), name], check=True)


def other_checkouts() -> list[str]:
    """Name the other checkouts that are set up on this machine: their folders, or their users where that is unknown."""
    others = [one for one in pwd.getpwall() if OF_A_CHECKOUT.fullmatch(one.pw_name) and one.pw_name != user()]
    return [unquote(one.pw_gecos) or one.pw_name for one in others]


def remove_all() -> None:
    """Remove both, where they are there."""
    for name in (ansible_user(), user()):
        if exists(name):
            # Also where one that has ended waits to be taken notice of, as under the first process of some containers.
            done = subprocess.run(["userdel", "--force", name], capture_output=True, text=True, check=False)
            if exists(name):
                raise Failed(f"The user {name} can't be removed: {done.stderr.strip()}")


def numbers() -> list[int]:
    """Give the user numbers of those that are there."""
    return [pwd.getpwnam(name).pw_uid for name in (user(), ansible_user()) if exists(name)]


def ids(name: str) -> tuple[int, int]:
    """Give the user's and the group's number."""
    found = pwd.getpwnam(name)
    return found.pw_uid, found.pw_gid
