"""Starts the server and the worker again whenever their code changes."""

import sys

from watchfiles import PythonFilter, watch

from devkit import parts, processes
from devkit.running import Failed
from devkit.state import CHECKOUT


def main() -> int:
    """Watch until this process is ended."""
    for _ in watch(CHECKOUT / "src", watch_filter=PythonFilter()):
        print("The code has changed.", flush=True)
        for name, start in ((parts.SERVER, parts.start_server), (parts.WORKER, parts.start_worker)):
            processes.stop(name)
            try:
                start()
            except Failed as failure:
                print(failure, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
