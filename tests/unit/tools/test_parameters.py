from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.tools.parameters import MAXIMUM_DEPTH, validate_parameters

BUNDLE = Path(__file__).parents[2] / "tools" / "bundle" / "playbooks" / "tools" / "notes"
SCHEMA: dict[str, Any] = msgspec.json.decode((BUNDLE / "parameters.schema.json").read_bytes())


def wrong(parameters: object) -> dict[str, str]:
    _, errors = validate_parameters(SCHEMA, parameters, pointer="/parameters")
    return {error.pointer: error.code for error in errors}


def test_defaults_are_filled_in_at_every_level() -> None:
    filled, errors = validate_parameters(SCHEMA, {"title": "Biology"}, pointer="/parameters")
    assert errors == ()
    assert filled == {"title": "Biology", "welcome": "", "pages": 10, "look": {"theme": "light"}}


def test_what_was_typed_and_the_schema_stay_as_they_were() -> None:
    typed = {"title": "Biology"}
    filled, _ = validate_parameters(SCHEMA, typed, pointer="")
    filled["look"]["theme"] = "dark"
    again, _ = validate_parameters(SCHEMA, typed, pointer="")
    assert typed == {"title": "Biology"}
    assert again["look"] == {"theme": "light"}


@pytest.mark.parametrize(
    ("parameters", "pointer", "code"),
    [
        ({}, "/parameters/title", "required"),
        ({"title": 3}, "/parameters/title", "wrong-type"),
        ({"title": "x" * 61}, "/parameters/title", "too-long"),
        ({"title": ""}, "/parameters/title", "too-short"),
        ({"title": "<script>"}, "/parameters/title", "wrong-pattern"),
        ({"title": "T", "pages": 0}, "/parameters/pages", "too-small"),
        ({"title": "T", "pages": 51}, "/parameters/pages", "too-large"),
        ({"title": "T", "contact": "nobody"}, "/parameters/contact", "wrong-format"),
        ({"title": "T", "look": {"theme": "pink"}}, "/parameters/look/theme", "not-allowed"),
        ({"title": "T", "look": {"a/b~c": 1}}, "/parameters/look/a~1b~0c", "wrong-type"),
        ({"title": "T", "unheard/of": 1}, "/parameters/unheard~1of", "unknown-field"),
        (["title"], "/parameters", "wrong-type"),
    ],
)
def test_each_wrong_field_is_pointed_at_with_a_stable_code(parameters: object, pointer: str, code: str) -> None:
    assert wrong(parameters) == {pointer: code}


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x1b", "\x85"])
def test_a_line_of_text_holds_no_control_character(character: str) -> None:
    assert wrong({"title": f"T{character}"}) == {"/parameters/title": "wrong-characters"}


def test_text_of_several_lines_may_break_but_holds_no_other_control_character() -> None:
    assert wrong({"title": "T", "welcome": "One\n\tTwo"}) == {}
    assert wrong({"title": "T", "welcome": "One\x00Two"}) == {"/parameters/welcome": "wrong-characters"}


def test_template_and_shell_characters_are_plain_data() -> None:
    typed = "{{ lookup('pipe', 'id') }} $(id) `id` ; % ' \" \\"
    filled, errors = validate_parameters(SCHEMA, {"title": typed}, pointer="")
    assert errors == ()
    assert filled["title"] == typed


def test_what_is_nested_too_deeply_is_refused_before_it_is_looked_at() -> None:
    nested: object = "deep"
    for _ in range(MAXIMUM_DEPTH + 1):
        nested = [nested]
    assert wrong(nested) == {"/parameters": "too-deep"}


def test_what_is_too_large_is_refused_before_it_is_looked_at() -> None:
    assert wrong({"title": "T", "welcome": "x" * 70_000}) == {"/parameters": "too-large"}


def test_half_a_surrogate_pair_is_refused() -> None:
    assert wrong({"title": "\ud800"}) == {"/parameters": "not-allowed"}


def test_every_refusal_is_said_in_both_languages() -> None:
    _, errors = validate_parameters(SCHEMA, {"title": "x" * 61, "pages": 0, "unheard": 1}, pointer="")
    assert len(errors) == 3
    assert all(error.detail.en and error.detail.fr and error.detail.en != error.detail.fr for error in errors)
