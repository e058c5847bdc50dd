"""Takes away all that was ever made for this checkout, once nothing of it runs."""

import shutil
from collections.abc import Callable

from devkit import packages, processes, users
from devkit.running import Failed
from devkit.state import state_folder


def remove_all(say: Callable[[str], None]) -> None:
    """Remove packages, system users and the state folder, in the order in which an interruption can be taken up."""
    processes.end_all_of(users.numbers())
    packages.remove_brought(say)
    users.remove_all()
    shutil.rmtree(state_folder(), ignore_errors=True)
    if state_folder().exists():
        raise Failed(f"{state_folder()} can't be removed whole: look what holds it (lsof, findmnt), and try again.")
