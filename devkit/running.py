"""Runs other programs, with their output in a log that is shown where they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devkit.state import state_folder

LAST_LINES = 15


class Failed(Exception):
    """A step did not succeed; the message says what to do or what was said."""


def run(
    command: Sequence[str | Path], log: str, *, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run a program to its end. Raises `Failed` with the last lines of `.dev/log/<log>.log` where it fails."""
    file = state_folder() / "log" / f"{log}.log"
    with file.open("ab") as written:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    if done.returncode != 0:
        raise Failed(f"{Path(command[0]).name} failed ({done.returncode}); {tail(file)}")


def said(command: Sequence[str | Path]) -> str:
    """Run a program that must succeed, and give what it said. Raises `Failed` with its complaint where it doesn't."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{Path(command[0]).name} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout.strip()


def tail(file: Path) -> str:
    """Give the last lines of a log, under its name."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:] if file.is_file() else []
    return "\n".join([f"the end of .dev/log/{file.name}:", *(f"  {line}" for line in lines)])
