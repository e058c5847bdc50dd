"""What a person typed into a tool's form, checked by the tool's own JSON Schema, with its defaults filled in."""

import unicodedata
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import msgspec

from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text
from catalog.platform.json_schema import escaped, field_errors, validator

MAXIMUM_DEPTH = 8
MAXIMUM_BYTES = 65_536
SEVERAL_LINES = "x-multiline"

_TOO_DEEP = Text(
    en=f"At most {MAXIMUM_DEPTH} levels of lists and objects.",
    fr=f"Au plus {MAXIMUM_DEPTH} niveaux de listes et d’objets.",
)
_TOO_LARGE = Text(
    en=f"At most {MAXIMUM_BYTES} bytes altogether, written as JSON.",
    fr=f"Au plus {MAXIMUM_BYTES} octets en tout, écrits en JSON.",
)
_CONTROL_CHARACTER = Text(
    en="Only characters that can be seen, on one line.",
    fr="Seulement des caractères visibles, sur une ligne.",
)


def validate_parameters(
    schema: dict[str, Any], parameters: object, *, pointer: str
) -> tuple[dict[str, Any], tuple[FieldError, ...]]:
    """Give the parameters with defaults filled in, and what is wrong with them by pointers that begin with `pointer`.

    What is given is fit for use only if nothing is wrong. `schema` is one that publishing has let through.
    """
    measured = _measure(parameters, pointer)
    if measured is not None:
        return {}, (measured,)
    filled = _with_defaults(schema, parameters)
    errors = field_errors(validator(schema), filled, pointer=pointer)
    # A pattern's `$` lets a final line break through, and PostgreSQL stores no NUL: neither is typed into a form.
    errors += tuple(error for error in _control_characters(schema, filled, pointer) if error not in errors)
    return filled if isinstance(filled, dict) else {}, errors


def _measure(value: object, pointer: str) -> FieldError | None:
    if _is_deeper(value, MAXIMUM_DEPTH):
        return FieldError(pointer, "too-deep", _TOO_DEEP)
    try:
        size = len(msgspec.json.encode(value))
    except UnicodeEncodeError:
        return FieldError(pointer, "not-allowed", _CONTROL_CHARACTER)
    return FieldError(pointer, "too-large", _TOO_LARGE) if size > MAXIMUM_BYTES else None


def _is_deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else None
    if inner is None:
        return False
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)


def _with_defaults(schema: Mapping[str, Any], value: object) -> object:
    if isinstance(value, list):
        return [_with_defaults(schema.get("items", {}), item) for item in value]
    if not isinstance(value, Mapping):
        return value
    properties = schema.get("properties", {})
    filled = {name: _with_defaults(properties.get(name, {}), item) for name, item in value.items()}
    for name, described in properties.items():
        if name not in filled and "default" in described:
            filled[name] = _with_defaults(described, deepcopy(described["default"]))
    return filled


def _control_characters(schema: Mapping[str, Any], value: object, pointer: str) -> Iterator[FieldError]:
    if isinstance(value, str):
        allowed = "\n\t" if schema.get(SEVERAL_LINES) else ""
        if any(unicodedata.category(character) == "Cc" and character not in allowed for character in value):
            yield FieldError(pointer, "wrong-characters", _CONTROL_CHARACTER)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _control_characters(schema.get("items", {}), item, f"{pointer}/{position}")
    elif isinstance(value, Mapping):
        properties = schema.get("properties", {})
        for name, item in value.items():
            yield from _control_characters(properties.get(name, {}), item, f"{pointer}/{escaped(name)}")
