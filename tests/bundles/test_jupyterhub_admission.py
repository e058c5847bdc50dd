"""Who a hub lets in, as what, and under which name."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIRCH, MAPLE = "0d2c8f0e-birch", "7e41aa52-maple"


def _module(name: str) -> ModuleType:
    path = ROOT / "playbooks/tools/jupyterhub/files/hub" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"jupyterhub_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


hub = _module("admission")
texts = _module("texts").TEXTS

OPEN = hub.Rules(frozenset({BIRCH}), ("owner", "participant"), "participant")
BY_ROLE_ALONE = hub.Rules(frozenset({BIRCH}), ("owner", "participant"), None)


def of_birch(**claims: Any) -> dict[str, Any]:
    return {"sub": "s-1", "preferred_username": "demo.birch", "organization": {"birch": {"id": BIRCH}}} | claims


def role(claims: dict[str, Any], rules: Any = OPEN) -> str | None:
    admitted = hub.admission(claims, rules)
    return None if admitted is None else str(admitted.role)


def name(**claims: Any) -> str:
    return str(hub.admission(of_birch(**claims), OPEN).username)


def test_a_person_of_an_admitted_organization_has_the_default_role() -> None:
    assert role(of_birch()) == "participant"


def test_a_person_of_several_organizations_needs_one_that_is_admitted() -> None:
    assert role(of_birch(organization={"maple": {"id": MAPLE}, "birch": {"id": BIRCH}})) == "participant"


@pytest.mark.parametrize(
    "organization",
    [
        None,
        {},
        [],
        BIRCH,
        [BIRCH],
        ["birch"],
        {"birch": BIRCH},
        {"birch": {}},
        {"birch": {"id": None}},
        {"birch": {"id": [BIRCH]}},
        {BIRCH: {"id": MAPLE}},
        {"maple": {"id": MAPLE}},
    ],
)
def test_nobody_comes_in_without_the_id_of_an_admitted_organization(organization: Any) -> None:
    assert role(of_birch(organization=organization, groups=["owner"])) is None


def test_nobody_comes_in_where_no_organization_is_admitted() -> None:
    assert role(of_birch(), hub.Rules(frozenset(), ("owner",), "owner")) is None


@pytest.mark.parametrize("groups", [["owner"], ["participant", "owner"], ["owner", "participant", "other"]])
def test_the_strongest_role_held_counts(groups: list[str]) -> None:
    assert role(of_birch(groups=groups)) == "owner"


@pytest.mark.parametrize("groups", [None, [], "owner", {"owner": True}, ["Owner"], ["other"], [["owner"]]])
def test_what_is_no_role_of_the_hub_gives_no_more_than_the_default(groups: Any) -> None:
    assert role(of_birch(groups=groups)) == "participant"
    assert role(of_birch(groups=groups), BY_ROLE_ALONE) is None


@pytest.mark.parametrize("subject", [None, "", 7])
def test_nobody_comes_in_without_a_subject(subject: Any) -> None:
    assert role(of_birch(sub=subject)) is None


def test_a_name_can_be_read_and_belongs_to_one_subject() -> None:
    assert re.fullmatch(r"demo\.birch-[0-9a-f]{8}", name())
    assert name(preferred_username="Demo.Birch") == name()


def test_who_takes_over_a_name_does_not_take_over_its_files() -> None:
    assert name(sub="s-1") != name(sub="s-2")


@pytest.mark.parametrize(
    "preferred",
    [
        "Amélie.Côté@laval.example",
        "../../etc/passwd",
        "a b\nc",
        "x" * 300,
        "%n{USERNAME}",
        "..",
        "",
        None,
        7,
        "-rf",
        "学生",
    ],
)
def test_a_name_is_fit_for_folders_units_and_addresses(preferred: Any) -> None:
    given = name(preferred_username=preferred)
    assert 0 < len(given) <= 33
    assert set(given) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert given[0] not in ".-"


def test_both_languages_say_the_same_things() -> None:
    assert texts["en"].keys() == texts["fr"].keys()
    assert all(text.strip() for language in texts.values() for text in language.values())
