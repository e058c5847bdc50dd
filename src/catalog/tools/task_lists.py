"""Which tasks a playbook has, in order, read from its YAML without running anything."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec
import yaml

from catalog.tools.role_references import AnsibleLoader

DEEPEST = 10
_YAML = (".yml", ".yaml")
_COLLECTIONS = ("", "ansible.builtin.", "ansible.legacy.")
_SECTIONS = ("pre_tasks", "roles", "tasks", "post_tasks")
_BLOCKS = ("block", "rescue", "always")


class TaskEntry(msgspec.Struct, frozen=True):
    """A task as the playbook names it, the role that it is of, and whether it is done only under a condition."""

    task: str
    role: str | None
    conditional: bool


class _Place(msgspec.Struct, frozen=True):
    """Where the walk is: the folder of the file, the role, whether a condition stands around it, and how deep."""

    folder: PurePosixPath
    role: str | None = None
    conditional: bool = False
    depth: int = 0


def tasks_of(archive: bytes, playbook: str) -> list[TaskEntry]:
    """List the tasks of a playbook in a revision's archive, with those of the files and roles that it draws in.

    What a file is called only at run time is listed as the task that draws it in.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {
            entry.name: content.read()
            for entry in tar
            if entry.name.endswith(_YAML) and (content := tar.extractfile(entry)) is not None
        }
    return list(_Walk(files, PurePosixPath(playbook)).plays())


class _Walk:
    def __init__(self, files: Mapping[str, bytes], playbook: PurePosixPath) -> None:
        self._files = files
        self._playbook = playbook

    def plays(self) -> Iterator[TaskEntry]:
        for play in self._read(self._playbook):
            for section in _SECTIONS:
                for entry in play.get(section) or []:
                    place = _Place(self._playbook.parent)
                    yield from self._role(entry, place) if section == "roles" else self._task(entry, place)

    def _task(self, task: Any, place: _Place) -> Iterator[TaskEntry]:
        if not isinstance(task, dict) or place.depth > DEEPEST:
            return
        within = msgspec.structs.replace(place, conditional=place.conditional or "when" in task, depth=place.depth + 1)
        if "block" in task:
            for part in _BLOCKS:
                inside = msgspec.structs.replace(within, conditional=within.conditional or part == "rescue")
                for inner in task.get(part) or []:
                    yield from self._task(inner, inside)
            return
        if (drawn := _argument(task, "include_role", "import_role")) is not None:
            yield from self._role(drawn, within)
            return
        if (drawn := _argument(task, "include_tasks", "import_tasks")) is not None:
            path = self._file(drawn, place)
            if path is not None:
                yield from self._file_tasks(path, within)
                return
        yield TaskEntry(task=str(task.get("name") or _module(task)), role=place.role, conditional=within.conditional)

    def _role(self, entry: Any, place: _Place) -> Iterator[TaskEntry]:
        named = entry if isinstance(entry, dict) else {"name": entry}
        role = str(named.get("role", named.get("name")))
        start = PurePosixPath(str(named.get("tasks_from", "main"))).stem
        for root in (self._playbook.parent / "roles", PurePosixPath("roles")):
            path = root / role / "tasks" / f"{start}.yml"
            if str(path) in self._files:
                yield from self._file_tasks(path, msgspec.structs.replace(place, role=role))
                return

    def _file_tasks(self, path: PurePosixPath, place: _Place) -> Iterator[TaskEntry]:
        for task in self._read(path):
            yield from self._task(task, msgspec.structs.replace(place, folder=path.parent))

    def _file(self, drawn: Any, place: _Place) -> PurePosixPath | None:
        name = drawn.get("file") if isinstance(drawn, dict) else drawn
        candidates = (folder / str(name) for folder in (place.folder, self._playbook.parent))
        return next((path for path in candidates if str(path) in self._files), None)

    def _read(self, path: PurePosixPath) -> list[Any]:
        content = yaml.load(self._files[str(path)], Loader=AnsibleLoader)  # noqa: S506 - a loader of plain values
        return content if isinstance(content, list) else []


def _argument(task: Mapping[str, Any], *names: str) -> Any:
    found = (task[prefix + name] for name in names for prefix in _COLLECTIONS if prefix + name in task)
    return next(found, None)


def _module(task: Mapping[str, Any]) -> str:
    return next((name for name in task if "." in name), next(iter(task), ""))
