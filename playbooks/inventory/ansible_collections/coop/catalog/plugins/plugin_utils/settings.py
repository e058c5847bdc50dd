# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugins are told by the environment of the operator's shell."""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRUE = frozenset({"1", "true", "yes", "on"})
PRIVATE = 0o700


class NotSet(Exception):
    """A variable is missing or can't be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Where the catalog is, and who asks. `cache` and `spool` are private folders of the operator's."""

    url: str
    ca_file: str | None
    offline: bool
    cache: Path
    spool: Path
    variables: Mapping[str, str] = field(repr=False)

    def token(self) -> str:
        """Give the operator's token as it is now: a file may be renewed while a playbook runs. Raises `NotSet`."""
        file = self.variables.get("CATALOG_TOKEN_FILE")
        token = self.variables.get("CATALOG_TOKEN", "")
        if file:
            try:
                token = Path(file).read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise NotSet(f"CATALOG_TOKEN_FILE can't be read: {error}") from error
        if not token.strip():
            raise NotSet("CATALOG_TOKEN is not set, and CATALOG_TOKEN_FILE is neither.")
        return token.strip()


def settings_of(variables: Mapping[str, str] | None = None) -> Settings:
    """Read them. Raises `NotSet`."""
    known = os.environ if variables is None else variables
    url = known.get("CATALOG_URL", "").rstrip("/")
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise NotSet("CATALOG_URL must be the catalog's address, such as https://catalog.example.ca.")
    home = Path(known.get("HOME") or Path.home())
    return Settings(
        url=url,
        ca_file=known.get("CATALOG_CA_FILE") or None,
        offline=known.get("CATALOG_OFFLINE", "").lower() in TRUE,
        cache=Path(known.get("XDG_CACHE_HOME") or home / ".cache") / "coop-catalog",
        spool=Path(known.get("XDG_STATE_HOME") or home / ".local" / "state") / "coop-catalog" / "offline-runs",
        variables=known,
    )


def shell_name() -> str:
    """Say who runs this, and where."""
    return f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}"[:100]


def private_folder(folder: Path) -> Path:
    """Make a folder that nobody else may look into."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    folder.chmod(PRIVATE)
    return folder
