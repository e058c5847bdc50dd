"""Makes a Debian file system fetch packages as this machine does: mirror, proxies, certificates, pip, npm."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from devkit.running import said
from devkit.state import write

OS_RELEASE = Path("/etc/os-release")
TRUSTED = Path("usr/local/share/ca-certificates")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
DEFAULT_MIRROR, DEFAULT_SECURITY_MIRROR = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
# What says how to fetch; not which indexes, and no languages or hooks of this machine's own.
FETCHING = re.compile(r'Acquire::(https?|ForceIPv[46]|Check-(Valid-Until|Date)|Max-ValidTime|Retries)\b.*"(.*)";')
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
REGISTRY_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "NPM_CONFIG_REGISTRY")


def mirror() -> str:
    """Give the address that this machine fetches Debian from; Debian's own where it has none, as on Ubuntu."""
    release = _codename()
    listed = _listed()
    # Others publish suites under Debian's names; the archive alone has the updates beside them.
    return listed.get(f"{release}-updates") or listed.get(release) or DEFAULT_MIRROR


def make_alike(root: Path, suite: str) -> None:
    """Write this machine's settings into a file system of the given release."""
    _sources(root, suite)
    _apt(root)
    home = Path.home()
    _copy_first([Path("/etc/pip.conf"), home / ".config/pip/pip.conf", home / ".pip/pip.conf"], root / "etc/pip.conf")
    _copy_first([Path("/etc/npmrc")], root / "etc/npmrc")
    _copy_first([home / ".npmrc"], root / "root/.npmrc")
    authorities = list(Path("/", TRUSTED).glob("**/*.crt"))
    for file in authorities:
        shutil.copy(file, root / TRUSTED / file.name)
    variables = _variables(os.environ) | dict.fromkeys(CA_VARIABLES if authorities else (), BUNDLE)
    lines = [f"{name}={value}" for name, value in variables.items()]
    write(root / "etc/environment", "\n".join([*lines, ""]))


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Give those that say how packages are fetched. What is on the development network is reached without a proxy."""
    found = {name: environment[name] for name in PROXY_VARIABLES + REGISTRY_VARIABLES if name in environment}
    if not found.keys() & set(PROXY_VARIABLES):
        return found
    direct = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    return found | dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join([*filter(None, [direct]), "localhost", ".test"]))


def _sources(root: Path, suite: str) -> None:
    archive = mirror()
    security = _listed().get(f"{_codename()}-security", DEFAULT_SECURITY_MIRROR)
    lines = [
        f"deb {archive} {suite} main",
        f"deb {archive} {suite}-updates main",
        f"deb {security} {suite}-security main",
    ]
    write(root / "etc/apt/sources.list", "\n".join([*lines, ""]))


def _apt(root: Path) -> None:
    settings = [line for line in said(["apt-config", "dump"]).splitlines() if FETCHING.fullmatch(line)]
    write(root / "etc/apt/apt.conf.d/90machine", "\n".join([*settings, 'Acquire::Languages "none";', ""]))
    named = (
        Path(found[3]) for line in settings if (found := FETCHING.fullmatch(line)) and found[3].startswith("/etc/")
    )
    sign_ins = (Path("/etc/apt/auth.conf"), *Path("/etc/apt/auth.conf.d").glob("*.conf"))
    for file in (*named, *sign_ins):
        _copy_first([file], root / str(file).lstrip("/"))


def _copy_first(candidates: list[Path], target: Path) -> None:
    """Copy the first of these that there is, with its mode."""
    found = next((file for file in candidates if file.is_file()), None)
    if found is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, target)


def _listed() -> dict[str, str]:
    """Give this machine's sources of `main` by their suite, however they are written down."""
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    # Otherwise it tells only of what `apt-get update` has fetched, and images of containers have nothing.
    told = said([*command, "--no-release-info"])
    rows = [line.split() for line in told.splitlines()]
    return {row[0]: address for row in rows if row[1:2] == ["main"] and (address := _address(row[2]))}


def _address(written: str) -> str | None:
    """Give a plain address: Debian's cloud images name a file with a list of them."""
    if written.startswith("mirror+file:"):
        file = Path("/" + written.removeprefix("mirror+file:").strip("/"))
        lines = file.read_text(encoding="utf-8").splitlines()
        written = next((line.split()[0] for line in lines if line.startswith("http")), "")
    return written.rstrip("/") if re.match(r"https?://", written) else None


def _codename() -> str:
    lines = OS_RELEASE.read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME", "") if values.get("ID") == "debian" else ""
