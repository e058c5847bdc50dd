"""Takes away all that was ever made for this checkout, once nothing of it runs."""

import subprocess
from collections.abc import Callable

from devkit import packages, processes, users
from devkit.running import Failed
from devkit.state import state_folder


def remove_all(say: Callable[[str], None]) -> None:
    """Remove packages, system users and the state folder, in the order in which an interruption can be taken up."""
    processes.end_all_of(users.numbers())
    packages.remove_brought(say)
    users.remove_all()
    say("Removing .dev")
    # On its own file system alone: should anything still be mounted there, what it leads to stays.
    subprocess.run(["rm", "-rf", "--one-file-system", str(state_folder())], check=False)
    if state_folder().exists():
        raise Failed("Something holds a part of .dev, as is said above: end or unmount it, and try again.")
