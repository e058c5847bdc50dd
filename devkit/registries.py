"""Where packages come from, and whether that can be reached."""

import configparser
import os
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 15
PYPI, MAVEN_CENTRAL = "https://pypi.org/simple/", "https://repo.maven.apache.org/maven2/"
PIP_FILES = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf")
MAVEN_SETTINGS = "~/.m2/settings.xml"


@dataclass(frozen=True)
class Registry:
    """A registry as people call it, an address of it, and the file that says which one is used."""

    name: str
    address: str
    set_in: str


def debian() -> Registry | None:
    """Give the first address that apt would fetch from; none where it fetches from no web server."""
    listed = subprocess.run(["apt-get", "update", "--print-uris"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"^'(https?://[^']+)'", listed, re.MULTILINE)
    return None if found is None else Registry("Debian's package mirror", found[1], "/etc/apt/sources.list*")


def python() -> Registry:
    """Give the index that pip asks."""
    written = configparser.ConfigParser(interpolation=None)
    written.read(Path(file).expanduser() for file in PIP_FILES)
    address = os.environ.get("PIP_INDEX_URL") or str(written.get("global", "index-url", fallback=PYPI))
    return Registry("Python's package index", address, "pip.conf")


def maven() -> Registry | None:
    """Give Maven Central; none where somebody's settings may lead elsewhere."""
    if Path(MAVEN_SETTINGS).expanduser().exists():
        return None
    return Registry("Maven Central", MAVEN_CENTRAL, MAVEN_SETTINGS)


def first_unreachable(registries: Sequence[Registry]) -> Registry | None:
    """Ask them side by side. Any answer will do: the programs that fetch know the rest."""
    with ThreadPoolExecutor(max(len(registries), 1)) as pool:
        answered = pool.map(_answers, [one.address for one in registries])
        return next((one for one, answers in zip(registries, answered, strict=True) if not answers), None)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=PROBE_SECONDS).close()  # noqa: S310 - http and https alone, see above
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        # Whom this Python trusts says nothing yet: certificates are among the packages that are missing.
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False
    return True
