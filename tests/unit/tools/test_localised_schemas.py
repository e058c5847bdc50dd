from pathlib import Path
from typing import Any

import msgspec

from catalog.tools.parameter_schemas import localised

BUNDLE = Path(__file__).parents[2] / "tools" / "bundle" / "playbooks" / "tools" / "notes"
SCHEMA: dict[str, Any] = msgspec.json.decode((BUNDLE / "parameters.schema.json").read_bytes())


def test_a_schema_reads_in_french_at_every_level() -> None:
    french = localised(SCHEMA, "fr")
    assert french["properties"]["title"]["title"] == "Titre"
    assert french["properties"]["look"]["properties"]["theme"]["title"] == "Thème"


def test_a_schema_reads_in_english_and_keeps_its_constraints() -> None:
    english = localised(SCHEMA, "en")
    assert english["properties"]["title"]["title"] == "Title"
    assert english["properties"]["title"]["maxLength"] == 60
    assert english["properties"]["title"]["x-changeable"] is True


def test_the_other_language_is_left_out() -> None:
    assert b"x-fr" not in msgspec.json.encode(localised(SCHEMA, "fr"))


def test_a_field_that_is_named_like_a_keyword_is_a_field() -> None:
    texts = {"title": "T", "description": "D", "x-fr": {"title": "TF", "description": "DF"}}
    schema = {"type": "object", "properties": {"items": texts, "properties": texts}}
    french = localised(schema, "fr")
    assert french["properties"]["items"]["title"] == "TF"
    assert french["properties"]["properties"]["title"] == "TF"


def test_named_choices_read_in_french() -> None:
    schema = {"oneOf": [{"const": "a", "title": "First", "x-fr": {"title": "Premier"}}]}
    assert localised(schema, "fr") == {"oneOf": [{"const": "a", "title": "Premier"}]}
