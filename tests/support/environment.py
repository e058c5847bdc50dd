"""Where the running parts are that tests need: the process's environment, or else the dev kit's files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".dev" / "env"
PATHS = ("_FILE", "_DIR")


def variables(*files: str) -> dict[str, str]:
    """Read `KEY=VALUE` lines of the dev kit's files; the process's own environment stands before them.

    Paths in the files may be written from the checkout's root.
    """
    found: dict[str, str] = {}
    for name in files:
        path = FOLDER / name
        if path.is_file():
            found |= _read(path.read_text(encoding="utf-8"))
    return found | os.environ


def _read(text: str) -> dict[str, str]:
    lines = (line.strip().removeprefix("export ") for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    read = {key: value.strip("'\"") for key, _, value in pairs}
    return {key: str(ROOT / value) if key.endswith(PATHS) and value else value for key, value in read.items()}
