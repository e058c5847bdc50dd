"""What one of a tool's own actions takes: a schema beside its playbook, under the rules of the parameters' own."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.tools.bundles import read_bundle
from catalog.tools.errors import BundleRefused

SAMPLE = Path(__file__).parents[2] / "tools" / "bundle" / "playbooks"
GREET: dict[str, Any] = {"type": "object", "additionalProperties": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Path(shutil.copytree(SAMPLE, tmp_path / "playbooks")) / "tools" / "notes"
    tool = made / "tool.yaml"
    tool.write_text(tool.read_text("utf-8").replace("actions:", "actions:\n  greet: {timeout_minutes: 1}"), "utf-8")
    (made / "greet.yml").write_text("- hosts: instance_host\n", "utf-8")
    return made


def test_an_action_with_a_schema_beside_it_takes_an_input_and_the_others_take_none(folder: Path) -> None:
    assert read_bundle(folder.parents[1], "notes").action_schemas == {}
    (folder / "greet.schema.json").write_text(json.dumps(GREET), "utf-8")
    assert read_bundle(folder.parents[1], "notes").action_schemas == {"greet": GREET}


def test_a_schema_that_is_no_form_is_refused_by_its_own_name(folder: Path) -> None:
    (folder / "greet.schema.json").write_text(json.dumps({"type": "object"}), "utf-8")
    with pytest.raises(BundleRefused) as refused:
        read_bundle(folder.parents[1], "notes")
    assert refused.value.values["file"] == "greet.schema.json#/additionalProperties"


def test_another_input_is_another_revision(folder: Path) -> None:
    before = read_bundle(folder.parents[1], "notes").digest
    (folder / "greet.schema.json").write_text(json.dumps(GREET), "utf-8")
    assert read_bundle(folder.parents[1], "notes").digest != before
