"""`./dev check`, `./dev test`, `./dev bench`, `./dev faults` and `./dev lock`."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from devkit import keycloak, parts
from devkit.environment import environment
from devkit.running import Failed
from devkit.state import CHECKOUT, state_folder
from devkit.telling import Teller

UNIT_TESTS = "tests/unit"
# What acts on the development network's hosts, or on hosts of its own: one test after another.
ON_HOSTS = tuple(f"tests/{name}" for name in ("bundles", "devkit", "end_to_end", "faults", "hosts", "runs", "upgrades"))
LOCK = (
    "uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --upgrade "
    "--no-emit-index-url --no-annotate --quiet --cache-dir .dev/cache/uv --output-file requirements.lock"
)
STATIC: dict[str, Sequence[str]] = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "imports": ("lint-imports", "--cache-dir", ".dev/cache/imports"),
    "types": ("mypy",),
}


def check(arguments: list[str]) -> int:
    """Lint, types and unit tests: what needs no running parts."""
    if arguments:
        raise Failed("./dev check takes nothing more.")
    return _report({**STATIC, "unit tests": _pytest([UNIT_TESTS])})


def test(arguments: list[str]) -> int:
    """All tests; or, with paths, those alone."""
    parts.bring_up(Teller(), hosts=True)
    if arguments:
        return _report({"tests": _pytest(arguments)})
    began = time.monotonic()
    keycloak.test_provider()
    print(f"membership provider: {time.monotonic() - began:.0f} s", flush=True)
    return _all_tests()


def _all_tests() -> int:
    """Run what waits for hosts, and all else beside it, which is shown at the end."""
    others = _pytest(["tests", *(f"--ignore={folder}" for folder in ON_HOSTS)])
    log = state_folder() / "log" / "tests-beside.log"
    with log.open("wb") as written, subprocess.Popen(others, cwd=CHECKOUT, stdout=written, stderr=written) as beside:
        status = _report({**STATIC, "on hosts": _pytest(ON_HOSTS)})
    print(log.read_text(encoding="utf-8", errors="replace"))
    print(f"all others   {'failed' if beside.returncode else 'passed'}, beside those on hosts", flush=True)
    return status or beside.returncode


def bench(arguments: list[str]) -> int:
    """Measurements, side by side."""
    parts.bring_up(Teller(), hosts=True)
    return subprocess.run([sys.executable, "-m", "bench", *arguments], env=_environment(), check=False).returncode


def faults(arguments: list[str]) -> int:
    """Faults at random moments, on parts of their own beside those that run."""
    parts.bring_up(Teller(), hosts=False)
    command = [sys.executable, "-m", "tests.faults.loop", *arguments]
    return subprocess.run(command, env=_environment(), cwd=CHECKOUT, check=False).returncode


def lock(arguments: list[str]) -> int:
    """Lock the newest versions that work together."""
    if arguments:
        raise Failed("./dev lock takes nothing more.")
    return subprocess.run([*LOCK.split(), "--custom-compile-command", "./dev lock"], check=False).returncode


def _pytest(arguments: Sequence[str]) -> Sequence[str]:
    return (sys.executable, "-m", "pytest", *arguments)


def _environment() -> dict[str, str]:
    return {**os.environ, **environment("owner"), **environment("keycloak-test")}


def _report(commands: dict[str, Sequence[str]]) -> int:
    """Run each, and say at the end how long each took and what failed; gives the exit status."""
    lines, failed = [], False
    for title, command in commands.items():
        print(f"— {title}: {' '.join(map(str, command))}", flush=True)
        began = time.monotonic()
        status = subprocess.run(command, cwd=CHECKOUT, check=False).returncode
        failed = failed or status != 0
        lines.append(f"{title:<12} {'failed' if status else 'passed':<8} {time.monotonic() - began:6.1f} s")
    print("\n".join(["", *lines]), flush=True)
    return int(failed)
