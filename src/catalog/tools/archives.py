"""A folder as one archive that is the same bytes wherever and whenever it is made."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from catalog.tools.errors import BundleRefused

EXECUTABLE, PLAIN = 0o755, 0o644
MAXIMUM_FILE_BYTES = 10_000_000
MAXIMUM_BYTES = 50_000_000
_LEFT_OUT = frozenset({"__pycache__", ".git", ".DS_Store"})
_LEFT_OUT_SUFFIXES = (".pyc", ".pyo", ".retry", ".swp", "~")


def files_under(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Give every file of `folder` by its path from `root`, with links inside of `root` resolved.

    Left out are what Python, Git and editors leave behind. Raises `BundleRefused` for a link that leads out of
    `root`, and for what is neither file nor folder.
    """
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(root).parts
        if _LEFT_OUT.intersection(parts) or path.name.endswith(_LEFT_OUT_SUFFIXES):
            continue
        name = "/".join(parts)
        if path.is_symlink():
            _refuse_outward(path, root, name)
        if path.is_dir():
            if path.is_symlink():
                raise BundleRefused(file=name, problem="A folder must not be a link.")
        elif path.is_file():
            yield name, path
        else:
            raise BundleRefused(file=name, problem="This is neither a file nor a folder.")


def archive(files: Mapping[str, Path], made: Mapping[str, bytes]) -> bytes:
    """Write `files` (read from disk) and `made` (given as bytes) into one tar, by path.

    Order, times, owners and modes depend on nothing but the content: a mode says only whether the owner may execute.
    Raises `BundleRefused` where it gets too large.
    """
    buffer = io.BytesIO()
    total = 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted({*files, *made}):
            path = files.get(name)
            content = made[name] if path is None else path.read_bytes()
            executable = path is not None and bool(path.stat().st_mode & 0o100)
            total += len(content)
            if len(content) > MAXIMUM_FILE_BYTES or total > MAXIMUM_BYTES:
                raise BundleRefused(file=name, problem="The bundle gets too large with this file.")
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = EXECUTABLE if executable else PLAIN
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _refuse_outward(path: Path, root: Path, name: str) -> None:
    try:
        path.resolve(strict=True).relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise BundleRefused(file=name, problem="This link leads out of the playbooks, or nowhere.") from error
