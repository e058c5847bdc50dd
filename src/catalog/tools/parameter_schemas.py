"""The JSON Schema of a tool's parameters, or of what an own action takes: what publishing asks, and how it reads."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from catalog.platform.i18n import Language
from catalog.platform.json_schema import escaped, field_errors, validator
from catalog.tools.errors import BundleRefused

FILE_NAME = "parameters.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
FRENCH = "x-fr"
CHANGEABLE = "x-changeable"
_TEXTS = ("title", "description")
_BRANCHES = ("anyOf", "oneOf")
# A form shows each field where it stands: nothing points elsewhere, and nothing appears by a condition.
_NOT_FORMS = (
    "$ref",
    "$dynamicRef",
    "$defs",
    "allOf",
    "contains",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)


def read_schema(content: bytes, file: str = FILE_NAME) -> dict[str, Any]:
    """Read a schema of parameters, or of an action's input, from the bundle's `file`.

    Raises `BundleRefused` with a JSON pointer to the first thing that is wrong in it.
    """
    try:
        schema = msgspec.json.decode(content, type=dict[str, Any])
        Draft202012Validator.check_schema(schema)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(file, "", "This is no JSON object.") from error
    except SchemaError as error:
        pointer = "".join(f"/{escaped(part)}" for part in error.absolute_path)
        raise _refused(file, pointer, f"The keyword breaks JSON Schema 2020-12 ({error.validator}).") from error
    if schema.get("$schema", DIALECT) != DIALECT:
        raise _refused(file, "/$schema", f"It must be {DIALECT}.")
    if schema.get("type") != "object":
        raise _refused(file, "/type", "The parameters must be an object.")
    for pointer, problem in _lacks(schema, ""):
        raise _refused(file, pointer, problem)
    return schema


def localised(schema: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Give the schema with its titles and descriptions in `language` alone."""
    texts = schema.get(FRENCH, {}) if language == "fr" else {}
    read = {name: _localised_keyword(name, value, language) for name, value in schema.items() if name != FRENCH}
    return {**read, **texts}


def _localised_keyword(name: str, value: Any, language: Language) -> Any:
    if name == "properties":
        return {key: localised(inner, language) for key, inner in value.items()}
    if name == "items":
        return localised(value, language)
    if name in _BRANCHES:
        return [localised(branch, language) for branch in value]
    return value


def _lacks(schema: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    """Say what a schema lacks, or has too much of, to be a form in two languages."""
    for keyword in _NOT_FORMS:
        if keyword in schema:
            yield f"{pointer}/{keyword}", "A form can't show this keyword: write each property out where it stands."
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False:
            yield f"{pointer}/additionalProperties", "It must be false."
        for name, described in (properties or {}).items():
            yield from _property_lacks(described, f"{pointer}/properties/{escaped(name)}")
    items = schema.get("items")
    if items is not None:
        yield from _inner_lacks(items, f"{pointer}/items")
    for keyword in _BRANCHES:
        for position, branch in enumerate(schema.get(keyword, ())):
            yield from _inner_lacks(branch, f"{pointer}/{keyword}/{position}")


def _property_lacks(described: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if not isinstance(described, dict):
        yield pointer, "It must be an object."
        return
    french = described.get(FRENCH)
    for language, texts in (("English", described), ("French (x-fr)", french)):
        for name in _TEXTS:
            if not isinstance(texts, dict) or not isinstance(texts.get(name), str) or not texts[name].strip():
                yield pointer, f"The {name} in {language} is missing."
    if not isinstance(described.get(CHANGEABLE, False), bool):
        yield f"{pointer}/{CHANGEABLE}", "It must be true or false."
    lacks = list(_lacks(described, pointer))
    yield from lacks
    if "default" in described and not lacks:
        for error in field_errors(validator(described), described["default"]):
            yield f"{pointer}/default{error.pointer}", error.detail.en


def _inner_lacks(schema: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(schema, dict):
        yield from _lacks(schema, pointer)
    else:
        yield pointer, "It must be an object."


def _refused(file: str, pointer: str, problem: str) -> BundleRefused:
    return BundleRefused(file=f"{file}#{pointer}", problem=problem)
