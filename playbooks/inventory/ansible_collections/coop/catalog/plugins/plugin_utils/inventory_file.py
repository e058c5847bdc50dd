# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as it was read from the catalog, and the copy of it that an offline shell needs."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.coop.catalog.plugins.plugin_utils.api import Api
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import NotSet, Settings, private_folder


@dataclass(frozen=True)
class Inventory:
    """Every instance, newest first, as `GET /v1/inventory` gives it, when it was read, and the fence's script."""

    items: list[dict[str, Any]]
    fence: str
    read_at: float


def read(settings: Settings) -> Inventory:
    """Give the catalog's inventory; offline, the copy. Raises `CatalogAway`, `Refused`, `NotSet`."""
    if settings.offline:
        return kept(settings)
    pages = list(Api(settings).pages("/v1/inventory"))
    found = Inventory([item for page in pages for item in page["items"]], pages[-1]["fence"], time.time())
    _keep(settings, found)
    return found


def kept(settings: Settings) -> Inventory:
    """Give the copy. Raises `NotSet` where there is none."""
    try:
        known = json.loads(_file(settings).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotSet("CATALOG_OFFLINE needs an inventory that was read before, and there is none.") from error
    return Inventory(known["items"], known["fence"], known["read_at"])


def _keep(settings: Settings, found: Inventory) -> None:
    """Write the copy, for the operator's eyes alone, in one move. It holds no secrets."""
    file = _file(settings)
    handle, name = tempfile.mkstemp(dir=private_folder(file.parent))
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump({"items": found.items, "fence": found.fence, "read_at": found.read_at}, opened)
        Path(name).replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _file(settings: Settings) -> Path:
    return settings.cache / f"inventory-{hashlib.sha256(settings.url.encode()).hexdigest()[:16]}.json"
