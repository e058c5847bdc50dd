"""Brings the large parts here, side by side: Python packages, Keycloak, the hosts' file systems."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from devkit import keycloak, python_packages
from devkit.environment import ensure_secrets
from devkit.hosts import base
from devkit.running import Failed
from devkit.telling import Teller

WITHOUT_PARTS = frozenset({"check", "lock"})
EXIT_INTERRUPTED = 130


def main(arguments: list[str]) -> int:  # noqa: RET503 - the last line never returns
    """Prepare what the command needs, and hand over to it; gives the exit status where that fails."""
    jobs: dict[str, Callable[[], None]] = {"Python packages": python_packages.ensure}
    if arguments[0] not in WITHOUT_PARTS:
        jobs |= {"Keycloak": _keycloak, "file systems for hosts": _bases}
    try:
        _side_by_side(jobs)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        # The other jobs' threads would be waited for: what they left half-done is begun again next time.
        os._exit(EXIT_INTERRUPTED)
    python = str(python_packages.python())
    os.execv(python, [python, "-m", "devkit.inside", *arguments])  # noqa: S606 - our own program


def _keycloak() -> None:
    keycloak.fetch()
    keycloak.install_ours()


def _bases() -> None:
    ensure_secrets()
    for suite in base.SUITES:
        base.ensure(suite)


def _side_by_side(jobs: dict[str, Callable[[], None]]) -> None:
    tell = Teller()
    with tell.chapter(f"Preparing {', '.join(jobs)}"), ThreadPoolExecutor(len(jobs)) as pool:
        running = {title: pool.submit(job) for title, job in jobs.items()}
        for title, job in running.items():
            job.result()
            tell.say(f"  {title}: there")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
