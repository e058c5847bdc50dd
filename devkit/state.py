"""Where the development kit keeps everything of one checkout: paths, and names that no other checkout has."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
INSIDE = Path("/mnt/coop-catalog")
STATE = ".dev"
CA = "ca"
FOLDERS = (CA, "env", "hosts", "log", "pictures", "run", "secrets", "stamps")
IDENTITY_FILE = "identity"


def state_folder() -> Path:
    """Give the state folder, by the path under which this process sees the checkout."""
    return CHECKOUT / STATE


def identity() -> str:
    """Give six hexadecimal digits that stand for this checkout on the machine, the same inside and outside."""
    file = state_folder() / IDENTITY_FILE
    if not file.is_file():
        file.parent.mkdir(exist_ok=True)
        write(file, hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:6])
    return file.read_text(encoding="ascii").strip()


def user() -> str:
    """Name the system user that the parts run as."""
    return f"coop-{identity()}"


def ansible_user() -> str:
    """Name the system user that Ansible runs as."""
    return f"coop-{identity()}-a"


def make_folders() -> None:
    """Make the state's folders where they are missing."""
    for name in FOLDERS:
        (state_folder() / name).mkdir(parents=True, exist_ok=True)


def write(file: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content.encode() if isinstance(content, str) else content)
    unfinished.chmod(mode)
    unfinished.replace(file)


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is no file."""
    if not file.is_file():
        return {}
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def stamped(name: str, digest: str) -> bool:
    """Tell whether the part `name` was finished with these inputs."""
    file = state_folder() / "stamps" / name
    return file.is_file() and file.read_text(encoding="ascii") == digest


def stamp(name: str, digest: str) -> None:
    """Write down that it was."""
    write(state_folder() / "stamps" / name, digest)


def digest_of(*paths: Path) -> str:
    """Give a digest of files and of all files below folders, their names included."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "target" not in file.parts and "__pycache__" not in file.parts:
                found.update(str(file.relative_to(CHECKOUT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()
