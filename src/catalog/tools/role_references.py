"""Which roles a playbook or a role draws in, read from its YAML without running anything."""

from collections.abc import Iterator
from typing import Any

import yaml

from catalog.tools.errors import BundleRefused

_ROLE_TASKS = ("include_role", "import_role")
_FILE_TASKS = ("import_playbook", "import_tasks", "include_tasks", "include_vars", "vars_files")
_META_FILES = ("/meta/main.yml", "/meta/main.yaml")
_COLLECTIONS = ("", "ansible.builtin.", "ansible.legacy.")
_ROLE_KEYS = frozenset(prefix + name for prefix in _COLLECTIONS for name in _ROLE_TASKS)
_FILE_KEYS = frozenset(prefix + name for prefix in _COLLECTIONS for name in _FILE_TASKS)


class AnsibleLoader(yaml.SafeLoader):
    """Reads what Ansible reads: its own tags (`!unsafe`, `!vault`) stand for plain values."""


def _untagged(loader: AnsibleLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


AnsibleLoader.add_multi_constructor("!", _untagged)


def roles_in(content: bytes, path: str) -> frozenset[str]:
    """Give the names of the roles that the YAML file at `path` draws in, by plays, tasks or dependencies.

    Raises `BundleRefused` where it is no YAML, where a role's name is put together at run time (it can't be known
    which role to publish), and where a file outside the folder is drawn in by its path.
    """
    try:
        documents = list(yaml.load_all(content, Loader=AnsibleLoader))
    except yaml.YAMLError as error:
        raise BundleRefused(file=path, problem="This is not YAML.") from error
    return frozenset(name for document in documents for name in _names(document, path))


def _names(document: Any, path: str) -> Iterator[str]:
    if isinstance(document, list):
        for play in document:
            if isinstance(play, dict) and "hosts" in play:
                yield from _each(play.get("roles"), path)
    elif isinstance(document, dict) and path.endswith(_META_FILES):
        yield from _each(document.get("dependencies"), path)
    yield from _names_in_tasks(document, path)


def _each(entries: Any, path: str) -> Iterator[str]:
    for entry in entries if isinstance(entries, list) else ():
        yield _static(entry, path)


def _names_in_tasks(value: Any, path: str) -> Iterator[str]:
    """Look at every level, since tasks stand in blocks, handlers and sections of plays."""
    if isinstance(value, list):
        for item in value:
            yield from _names_in_tasks(item, path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in _ROLE_KEYS:
                yield _static(inner, path)
            elif key in _FILE_KEYS:
                _refuse_outside(inner, path)
            yield from _names_in_tasks(inner, path)


def _static(entry: Any, path: str) -> str:
    name = entry.get("role", entry.get("name")) if isinstance(entry, dict) else entry
    if not isinstance(name, str) or "{{" in name or "/" in name:
        raise BundleRefused(file=path, problem=f"A role must be drawn in by its plain name, not by {name!r}.")
    return name


def _refuse_outside(value: Any, path: str) -> None:
    files = value if isinstance(value, list) else [value]
    for entry in files:
        file = entry.get("file") if isinstance(entry, dict) else entry
        if isinstance(file, str) and (file.startswith("/") or ".." in file.split("/")):
            raise BundleRefused(file=path, problem=f"{file} lies outside; share tasks as a role instead.")
