"""YAML in which every text is marked as data, so that Ansible never looks for a template in it."""

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes each text with the tag `!unsafe`; keys are ours and stay plain."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:  # noqa: FBT001 - PyYAML's signature
        node = super().represent_mapping(tag, mapping, flow_style)
        node.value = [(_plain(key), value) for key, value in node.value]
        return node

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write everything out where it stands."""
        return True


def _plain(key: yaml.Node) -> yaml.Node:
    return yaml.ScalarNode("tag:yaml.org,2002:str", key.value, style='"') if key.tag == "!unsafe" else key


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("!unsafe", text, style='"')


_Dumper.add_representer(str, _text)


def as_unsafe_yaml(values: Mapping[str, Any]) -> str:
    """Write JSON-like values as YAML, every text of them as `!unsafe`."""
    return yaml.dump(dict(values), Dumper=_Dumper, allow_unicode=True, width=1000)
