"""The two system users of a checkout: one for its parts, one for Ansible."""

import pwd
import subprocess

from devkit.state import ansible_user, user

NOLOGIN = "/usr/sbin/nologin"


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
    """Add a system user that nobody signs in as, without a home of its own."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    subprocess.run([*command, "--shell", NOLOGIN, name], check=True)


def remove_all() -> None:
    """Remove both, where they are there."""
    for name in (ansible_user(), user()):
        if exists(name):
            subprocess.run(["userdel", name], check=True, capture_output=True)


def ids(name: str) -> tuple[int, int]:
    """Give the user's and the group's number."""
    found = pwd.getpwnam(name)
    return found.pw_uid, found.pw_gid
