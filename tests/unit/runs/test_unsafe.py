"""How values are handed to Ansible: every text as data, and as it is."""

import pytest
from ansible.parsing.dataloader import DataLoader

from catalog.runs.ansible.unsafe import as_unsafe_json

VALUES = {
    "empty": "",
    "template": "{{ lookup('pipe', 'id') }}",
    "lines": "one\ntwo\n",
    "marks": "\"'`$(id)` #!unsafe: - &a *b | > % @",
    "accents": "é 你 🎓",
    "looks like others": ["yes", "null", "~", "1", "1.0", "2026-11-24"],
    "others": {"true": True, "nothing": None, "number": 3, "inner": [{"text": ""}]},
}


@pytest.mark.parametrize("name", VALUES)
def test_ansible_reads_what_was_written(name: str) -> None:
    assert DataLoader().load(as_unsafe_json({name: VALUES[name]})) == {name: VALUES[name]}


def test_every_text_is_marked_and_no_key_is() -> None:
    written = as_unsafe_json({"typed": ["{{ 1 }}", {"{{ 2 }}": "{{ 3 }}"}]})
    assert written == '{"typed": [{"__ansible_unsafe": "{{ 1 }}"}, {"{{ 2 }}": {"__ansible_unsafe": "{{ 3 }}"}}]}'


@pytest.mark.parametrize("key", ["__ansible_unsafe", "__ansible_vault", "__ansible_type"])
def test_a_key_that_ansible_would_obey_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="__ansible_"):
        as_unsafe_json({"typed": {key: "x"}})
