"""JSON in which every text is marked as data, so that Ansible never looks for a template in it.

YAML's `!unsafe` would not do: Ansible reads such a text once more, an empty one as null, and "yes" as true.
"""

import json
from collections.abc import Mapping
from typing import Any

MARK = "__ansible_unsafe"
_RESERVED = "__ansible_"


def as_unsafe_json(values: Mapping[str, Any]) -> str:
    """Write JSON-like values, every text of them marked. Raises `ValueError` for a key that Ansible would obey."""
    return json.dumps(_marked(values), ensure_ascii=False)


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return {MARK: value}
    if isinstance(value, Mapping):
        if any(str(key).startswith(_RESERVED) for key in value):
            raise ValueError(_RESERVED)
        return {str(key): _marked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(inner) for inner in value]
    return value
