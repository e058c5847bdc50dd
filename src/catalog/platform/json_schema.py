"""What is wrong with a JSON value by its JSON Schema (2020-12), field by field, in both languages.

Every error has an RFC 6901 pointer and a stable code that follows from the schema's keyword. The validator's own
English is never shown, and never matched.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry

from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text

MAXIMUM_ERRORS = 50

_UNKNOWN = Text(en="This field is not known here.", fr="Ce champ n’est pas connu ici.")
_MISSING = Text(en="This field is required.", fr="Ce champ est obligatoire.")
_WRONG = Text(en="This value is not allowed here.", fr="Cette valeur n’est pas permise ici.")

_TYPES = {
    "string": Text(en="text", fr="un texte"),
    "integer": Text(en="a whole number", fr="un nombre entier"),
    "number": Text(en="a number", fr="un nombre"),
    "boolean": Text(en="true or false", fr="vrai ou faux"),
    "array": Text(en="a list", fr="une liste"),
    "object": Text(en="an object", fr="un objet"),
    "null": Text(en="nothing", fr="rien"),
}

_LIMITS: Mapping[str, tuple[str, Text]] = {
    "maxLength": ("too-long", Text(en="At most {limit} characters.", fr="Au plus {limit} caractères.")),
    "minLength": ("too-short", Text(en="At least {limit} characters.", fr="Au moins {limit} caractères.")),
    "maximum": ("too-large", Text(en="At most {limit}.", fr="Au plus {limit}.")),
    "minimum": ("too-small", Text(en="At least {limit}.", fr="Au moins {limit}.")),
    "exclusiveMaximum": ("too-large", Text(en="Less than {limit}.", fr="Moins de {limit}.")),
    "exclusiveMinimum": ("too-small", Text(en="More than {limit}.", fr="Plus de {limit}.")),
    "multipleOf": ("not-a-multiple", Text(en="A multiple of {limit}.", fr="Un multiple de {limit}.")),
    "maxItems": ("too-many", Text(en="At most {limit} entries.", fr="Au plus {limit} éléments.")),
    "minItems": ("too-few", Text(en="At least {limit} entries.", fr="Au moins {limit} éléments.")),
    "maxProperties": ("too-many", Text(en="At most {limit} entries.", fr="Au plus {limit} éléments.")),
    "minProperties": ("too-few", Text(en="At least {limit} entries.", fr="Au moins {limit} éléments.")),
}

_FORMS: Mapping[str, Text] = {
    "date": Text(en="Must be a day, such as 2027-04-30.", fr="Doit être un jour, comme 2027-04-30."),
    "date-time": Text(
        en="Must be a moment, such as 2027-04-30T12:00:00Z.", fr="Doit être un moment, comme 2027-04-30T12:00:00Z."
    ),
    "email": Text(en="Must be an e-mail address.", fr="Doit être une adresse de courriel."),
    "uri": Text(en="Must be a web address, such as https://…", fr="Doit être une adresse Web, comme https://…"),
    "uuid": Text(en="Must be a UUID.", fr="Doit être un UUID."),
}
_OTHER_FORM = Text(en="Must be written as: {form}.", fr="Doit être écrit sous la forme : {form}.")
_PATTERN = Text(en="Does not have the expected form ({pattern}).", fr="N’a pas la forme attendue ({pattern}).")
_LIKE = Text(en="Does not have the expected form, such as {example}.", fr="N’a pas la forme attendue, comme {example}.")

_OF_FORM = frozenset({"wrong-pattern", "wrong-format"})


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Make a validator that checks formats too, and fetches nothing; build it once a schema."""
    return Draft202012Validator(schema, format_checker=FormatChecker(), registry=Registry())


def field_errors(checker: Draft202012Validator, value: object, *, pointer: str = "") -> tuple[FieldError, ...]:
    """List what is wrong with `value`, which stands at `pointer` in the whole body; at most 50 errors.

    That a text has not the expected form is told only where nothing plainer is: an empty one is too short.
    """
    found: dict[FieldError, None] = {}
    every = (field for error in checker.iter_errors(value) for field in _translated(error, pointer))
    for field in every:
        found.setdefault(field)
        if len(found) == MAXIMUM_ERRORS:
            break
    plain = {field.pointer for field in found if field.code not in _OF_FORM}
    return tuple(field for field in found if field.code not in _OF_FORM or field.pointer not in plain)


def escaped(part: object) -> str:
    """Write one part of a JSON pointer (RFC 6901, section 3)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def _translated(error: ValidationError, prefix: str) -> Iterator[FieldError]:
    keyword = str(error.validator)
    if keyword in {"anyOf", "oneOf"} and error.context:
        yield from _of_the_closest_branch(error, prefix)
        return
    here = prefix + "".join(f"/{escaped(part)}" for part in error.absolute_path)
    if "propertyNames" in error.schema_path:
        here += f"/{escaped(error.instance)}"
    several = _SEVERAL.get(keyword)
    if several is not None:
        yield from several(error, here)
    elif keyword in _LIMITS:
        code, detail = _LIMITS[keyword]
        yield FieldError(here, code, detail.filled(limit=error.validator_value))
    elif keyword == "format":
        form = str(error.validator_value)
        yield FieldError(here, "wrong-format", _FORMS.get(form) or _OTHER_FORM.filled(form=form))
    elif keyword == "pattern":
        yield FieldError(here, "wrong-pattern", _expected_form(error))
    elif keyword == "type":
        yield FieldError(here, "wrong-type", _expected_type(error.validator_value))
    elif keyword in {"enum", "const"}:
        yield FieldError(here, "not-allowed", _choices(error.validator_value))
    else:
        yield FieldError(here, "not-allowed", _WRONG)


def _of_the_closest_branch(error: ValidationError, prefix: str) -> Iterator[FieldError]:
    """Explain by the branch that fits best: one that fails deeper inside, rather than at the type itself."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    deeper = [
        errors
        for errors in branches.values()
        if not any(str(inner.validator) == "type" and not inner.path for inner in errors)
    ]
    for inner in min(deeper or branches.values(), key=len):
        yield from _translated(inner, prefix)


def _unknown_fields(error: ValidationError, here: str) -> Iterator[FieldError]:
    schema, value = error.schema, error.instance
    known = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    for name in value if isinstance(value, Mapping) else ():
        if name not in known:
            yield FieldError(f"{here}/{escaped(name)}", "unknown-field", _UNKNOWN)


def _missing_fields(error: ValidationError, here: str) -> Iterator[FieldError]:
    required, value = error.validator_value, error.instance
    for name in required if isinstance(required, list) else ():
        if isinstance(value, Mapping) and name not in value:
            yield FieldError(f"{here}/{escaped(name)}", "required", _MISSING)


_SEVERAL: Mapping[str, Callable[[ValidationError, str], Iterator[FieldError]]] = {
    "additionalProperties": _unknown_fields,
    "required": _missing_fields,
}


def _expected_form(error: ValidationError) -> Text:
    """Show an example where the schema has one; the pattern itself is for programmers."""
    examples = error.schema.get("examples") if isinstance(error.schema, Mapping) else None
    return _LIKE.filled(example=examples[0]) if examples else _PATTERN.filled(pattern=error.validator_value)


def _expected_type(types: object) -> Text:
    names = types if isinstance(types, list) else [types]
    known = [_TYPES[name] for name in names if isinstance(name, str) and name in _TYPES]
    return Text(
        en="Must be " + " or ".join(text.en for text in known) + ".",
        fr="Doit être " + " ou ".join(text.fr for text in known) + ".",
    )


def _choices(allowed: object) -> Text:
    values = allowed if isinstance(allowed, list) else [allowed]
    listed = ", ".join(str(value) for value in values[:20])
    return Text(en=f"Must be one of: {listed}.", fr=f"Doit être l’une de ces valeurs : {listed}.")
