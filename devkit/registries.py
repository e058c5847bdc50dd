"""Where packages come from, and whether that can be reached."""

import configparser
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 15
MAVEN_MODELS, MAVEN_DEFAULTS = "/usr/share/maven/lib", "org/apache/maven/model/pom-4.0.0.xml"
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


def python() -> Registry | None:
    """Give the index that pip asks; none where nothing is set and there is no pip yet that knows its own."""
    written = configparser.ConfigParser(interpolation=None)
    written.read(Path(file).expanduser() for file in PIP_FILES)
    address = os.environ.get("PIP_INDEX_URL") or written.get("global", "index-url", fallback=None) or _pips_own()
    return None if address is None else Registry("Python's package index", address, "pip.conf")


def maven() -> Registry | None:
    """Give the repository that Maven asks by itself; none before there is a Maven, or where settings lead elsewhere."""
    models = next(Path(MAVEN_MODELS).glob("maven-model-builder*.jar"), None)
    if models is None or Path(MAVEN_SETTINGS).expanduser().exists():
        return None
    found = re.search(r"<url>(https?://[^<]+)</url>", zipfile.ZipFile(models).read(MAVEN_DEFAULTS).decode())
    return None if found is None else Registry("Maven Central", found[1], MAVEN_SETTINGS)


def _pips_own() -> str | None:
    command = [sys.executable, "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or None


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
