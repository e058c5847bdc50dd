"""`./dev`: finds the command, prepares the machine, and goes inside."""

import os
import sys
from functools import partial

from devkit import namespace, packages, preflight, python_packages, removing, users
from devkit.running import Failed
from devkit.state import INSIDE, STATE, make_folders
from devkit.telling import Teller

HELP = """\
The two commands of a newcomer:
  demo [--crash]    set everything up, tell the main job from request to people at work, and leave it running;
                    --crash kills the worker in the middle of a playbook, and the run ends well
  test [PATH…]      all tests, or those of a part

Every day:
  up                start everything; server and worker start again when their code changes
  down [--purge]    stop everything; --purge removes all that was ever made
  status            what runs, and where
  check             lint, types and unit tests, in under half a minute
  bench             measurements, as ratios within one run
  faults            faults at random moments into runs of both tools, and what must hold after each round;
                    --rounds N, --seed S, --without fence|recovery|journal
  run COMMAND…      run a command where names, certificates and settings are known
  token USERNAME    an access token of a demo account
  browser [URL]     a browser that knows the names and certificates
  host up|down|list [NAME…]   the Debian hosts
  logs [NAME]       the end of a part's log, and what comes
  lock              lock the newest versions of the dependencies
"""
NEEDS_SET_UP = frozenset({"demo", "test", "up", "check", "bench", "faults", "host", "lock"})
NEEDS_NOTHING = frozenset({"run", "token", "browser", "status", "logs", "down"})
EXIT_WRONG, EXIT_INTERRUPTED = 2, 130


def main(arguments: list[str]) -> int:
    """Do a command; gives the exit status."""
    command = arguments[0] if arguments else "help"
    if command in {"help", "-h", "--help"}:
        print(HELP, end="")
        return 0
    if command not in NEEDS_SET_UP | NEEDS_NOTHING:
        print(f"There is no command {command!r}: ./dev help lists them.", file=sys.stderr)
        return EXIT_WRONG
    try:
        if command in NEEDS_SET_UP:
            _set_up()
        elif not python_packages.there():
            return _nothing_there(arguments)
        if not namespace.is_inside():
            namespace.enter()
        module = "devkit.preparing" if command in NEEDS_SET_UP else "devkit.inside"
        python = sys.executable if command in NEEDS_SET_UP else str(INSIDE / STATE / "venv" / "bin" / "python")
        os.execv(python, [python, "-m", module, *arguments])  # noqa: S606 - our own program
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _nothing_there(arguments: list[str]) -> int:
    """Answer before the first set-up, or after one that was interrupted: nothing runs yet."""
    if arguments[0] == "down":
        if arguments[1:] == ["--purge"]:
            removing.remove_all(partial(print, flush=True))
        print("Nothing runs here.")
        return 0
    print("Nothing is set up yet: ./dev up or ./dev demo does it.", file=sys.stderr)
    return 1


def _set_up() -> None:
    """Bring what is missing onto the machine, having said what and why before."""
    missing = packages.missing()
    complaint = preflight.complaint(preflight.look(need_packages=bool(missing)))
    if complaint is not None:
        raise Failed(complaint)
    make_folders()
    new_users = users.missing()
    for line in _announced(missing, new_users):
        print(line, flush=True)
    # Users first: by them, another checkout that is purged meanwhile knows that its packages are needed here too.
    for name in new_users:
        users.add(name)
    if missing:
        tell = Teller()
        with tell.chapter(f"Installing {len(missing)} Debian packages"):
            packages.install(list(missing))


def _announced(missing: dict[str, str], new_users: list[str]) -> list[str]:
    """Say what needs root, and why."""
    lines = []
    if missing:
        lines.append("Debian packages to install:")
        lines += [f"  {name:<21} {why}" for name, why in sorted(missing.items())]
    if new_users:
        lines.append(f"System users to add, without rights and without a home: {', '.join(new_users)}")
    if lines:
        lines.append("Beyond that: a bridge and hosts on a network of their own, and files in .dev/ alone.")
        lines.append("./dev down --purge takes all of it away again.")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
