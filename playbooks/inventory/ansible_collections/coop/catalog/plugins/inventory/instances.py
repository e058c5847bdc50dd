# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible inventory plugin: the catalog's instances."""

import sys
from typing import Any

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.coop.catalog.plugins.plugin_utils.api import CatalogAway, Refused
from ansible_collections.coop.catalog.plugins.plugin_utils.hosts import groups_of, variables_of
from ansible_collections.coop.catalog.plugins.plugin_utils.inventory_file import read
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import NotSet, settings_of

DOCUMENTATION = """
name: instances
short_description: The catalog's instances
description:
  - Reads every instance of the catalog with an operator's token, and groups them by tool (C(tool_dokuwiki)), member
    (C(member_ubc)), site (C(site_vancouver)), plan (C(plan_small)) and revision (C(revision_dokuwiki_3)). All are in
    C(instance_host), which is what the bundles' playbooks name.
  - Holds no secrets. What people typed is never a template.
  - Is set by the environment - C(CATALOG_URL), C(CATALOG_TOKEN) or C(CATALOG_TOKEN_FILE), C(CATALOG_CA_FILE), and
    C(CATALOG_OFFLINE) for the copy that was read last.
author: Co-op Catalog
options:
  plugin:
    description: The name of this plugin.
    required: true
    choices: [coop.catalog.instances]
"""

EXAMPLES = """
plugin: coop.catalog.instances
"""


class InventoryModule(BaseInventoryPlugin):
    """Adds a host an instance."""

    NAME = "coop.catalog.instances"

    def verify_file(self, path: str) -> bool:
        """Take files that are named for the catalog."""
        return bool(super().verify_file(path)) and path.endswith(("catalog.yml", "catalog.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:  # noqa: FBT001, FBT002 - Ansible's signature
        """Read the inventory. Where that can't be, one line says why, and nothing goes on without it."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            found = read(settings_of())
            for item in found.items:
                self._add(item)
        except CatalogAway as error:
            sys.exit(
                f"The catalog does not answer ({error}). CATALOG_OFFLINE=1 goes on without it; see docs/operators."
            )
        except (Refused, NotSet, ValueError) as error:
            sys.exit(f"The catalog's inventory can't be read: {error}")

    def _add(self, item: dict[str, Any]) -> None:
        name = item["name"]
        self.inventory.add_host(name)
        for group in groups_of(item):
            self.inventory.add_group(group)
            self.inventory.add_child(group, name)
        for variable, value in variables_of(item).items():
            self.inventory.set_variable(name, variable, wrap_var(value))
