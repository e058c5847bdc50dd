"""The commands, as they run inside: the venv's Python, the checkout at its fixed path, the network's names."""

import os
import sys
from collections.abc import Callable

from devkit import browsing, checking, parts
from devkit.hosts import commands as hosts
from devkit.running import Failed
from devkit.signin import SignInFailed

EXIT_INTERRUPTED = 130
Command = Callable[[list[str]], int]

COMMANDS: dict[str, Command] = {
    "bench": checking.bench,
    "browser": browsing.browse,
    "check": checking.check,
    "demo": parts.demo,
    "down": parts.down,
    "faults": checking.faults,
    "host": hosts.host,
    "lock": checking.lock,
    "logs": parts.logs,
    "run": parts.run_command,
    "status": parts.status,
    "test": checking.test,
    "token": parts.token,
    "up": parts.up,
}


def main(arguments: list[str]) -> int:
    """Do a command; gives the exit status."""
    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"  # noqa: PTH120 - a part of PATH
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except (Failed, SignInFailed) as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
