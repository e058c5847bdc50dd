"""Keycloak: the real server from Maven, with our membership provider and theme, on a database of its own."""

import json
import shutil
import ssl
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path

from devkit import processes
from devkit.environment import BOOTSTRAP_CLIENT, SIGN_ON_PORT, SIGN_ON_URL, secret
from devkit.network import SIGN_ON, network
from devkit.running import Failed, run
from devkit.state import CA, CHECKOUT, digest_of, stamp, stamped, state_folder, user

NAME = "keycloak"
VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
NO_STATISTICS = "-XX:-UsePerfData"  # which it would keep in /tmp
HEAP = "-Xms128m -Xmx768m -XX:MaxMetaspaceSize=320m"
BUILD = {"KC_DB": "postgres", "KC_HEALTH_ENABLED": "true", "KC_METRICS_ENABLED": "true"}
READY_SECONDS = 300
SOURCES = CHECKOUT / "keycloak"


def _java() -> dict[str, str]:
    """Give what Java is told, so that its files are here and not in the /tmp of everybody."""
    temporary = _folder() / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    shutil.chown(temporary, user(), user())
    return {"JAVA_OPTS_KC_HEAP": HEAP, "JAVA_OPTS_APPEND": f"{NO_STATISTICS} -Djava.io.tmpdir={temporary}"}


def _folder() -> Path:
    return state_folder() / NAME


def home() -> Path:
    """Give the folder where Keycloak is installed."""
    return _folder() / f"keycloak-{VERSION}"


def _maven(*arguments: str, cwd: Path | None = None, log: str = NAME) -> None:
    """Run Maven, which keeps what it downloads here and not in somebody's home."""
    kept = f"-Dmaven.repo.local={state_folder() / 'maven'}"
    command = ["mvn", "--batch-mode", "--quiet", "--no-transfer-progress", kept, *arguments]
    run(command, log, environment={"MAVEN_OPTS": NO_STATISTICS}, cwd=cwd)


def fetch() -> None:
    """Download Keycloak and unpack it, unless that was done; whole or not at all."""
    if home().is_dir():
        return
    _folder().mkdir(exist_ok=True)
    archive = _folder() / f"keycloak-quarkus-dist-{VERSION}.zip"
    if not archive.is_file():
        unfinished = _folder() / "download"
        shutil.rmtree(unfinished, ignore_errors=True)
        _maven(COPY, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={unfinished}")
        (unfinished / archive.name).rename(archive)
    unpacked = _folder() / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    run(["unzip", "-q", archive, "-d", unpacked], NAME)
    (unpacked / home().name).rename(home())


def install_ours() -> None:
    """Build the membership provider, put it and the theme into Keycloak, and let Keycloak build itself around them."""
    digest = digest_of(SOURCES)
    if stamped(NAME, digest):
        return
    project = _folder() / "membership"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(SOURCES / "membership", project, ignore=shutil.ignore_patterns("target"))
    _maven("-DskipTests", "package", cwd=project)
    shutil.copy(_jar(project), home() / "providers" / "coop-membership.jar")
    shutil.copytree(SOURCES / "theme", home() / "themes", dirs_exist_ok=True)
    shutil.rmtree(home() / "data" / "tmp", ignore_errors=True)
    run([home() / "bin" / "kc.sh", "build"], NAME, environment=BUILD | _java())
    for folder in (home() / "data", home() / "lib" / "quarkus"):
        folder.mkdir(exist_ok=True)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user(), user())
    stamp(NAME, digest)


def start(postgres_port: int) -> bool:
    """Start it over HTTPS on the bridge's address alone; tell whether it was started now."""
    environment = {
        **BUILD,
        **_java(),
        "KC_DB_URL": f"jdbc:postgresql://127.0.0.1:{postgres_port}/keycloak",
        "KC_DB_USERNAME": "keycloak",
        "KC_DB_PASSWORD": secret("postgres-keycloak"),
        "KC_HTTP_HOST": SIGN_ON,
        "KC_HTTPS_PORT": str(SIGN_ON_PORT),
        "KC_HTTP_MANAGEMENT_HOST": _loopback(),
        "KC_HTTP_MANAGEMENT_SCHEME": "http",
        "KC_CACHE": "local",
        "KC_HOSTNAME": SIGN_ON_URL,
        "KC_HTTPS_CERTIFICATE_FILE": str(state_folder() / CA / "signon.pem"),
        "KC_HTTPS_CERTIFICATE_KEY_FILE": str(state_folder() / CA / "signon.key"),
        "KC_TRUSTSTORE_PATHS": str(state_folder() / CA / "ca.pem"),
        "KC_LOG_LEVEL": "info,io.smallrye.health:off",
    }
    if not set_up_once():
        environment["KC_BOOTSTRAP_ADMIN_CLIENT_ID"] = BOOTSTRAP_CLIENT
        environment["KC_BOOTSTRAP_ADMIN_CLIENT_SECRET"] = secret("keycloak-bootstrap")
    command = [str(home() / "bin" / "kc.sh"), "start", "--optimized"]
    return processes.start(processes.Service(NAME, command, READY_SECONDS, environment), _ready)


def set_up_once() -> bool:
    """Tell whether the bootstrap account has been replaced."""
    return (state_folder() / "secrets" / "keycloak" / "catalog-identity-admin").is_file()


def test_provider() -> None:
    """Run the unit tests of the membership provider, unless these sources passed them before."""
    digest = digest_of(SOURCES / "membership")
    if stamped("membership-tests", digest):
        return
    project = _folder() / "membership-tests"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(SOURCES / "membership", project, ignore=shutil.ignore_patterns("target"))
    _maven("test", cwd=project, log="membership-tests")
    stamp("membership-tests", digest)


def _loopback() -> str:
    """Give a loopback address of this checkout's own: its health and its figures are nothing for hosts."""
    return f"127.{network().gateway.partition('.')[2]}"


def _ready() -> bool:
    """Ask for the master realm: from then on Keycloak has made its first account too."""
    context = ssl.create_default_context(cafile=str(state_folder() / CA / "ca.pem"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"{SIGN_ON_URL}/realms/master/.well-known/openid-configuration", timeout=5) as answer:
            return bool(json.load(answer).get("issuer"))
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _jar(project: Path) -> Path:
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    root = ET.parse(project / "pom.xml").getroot()  # noqa: S314 - a file of this checkout
    parts = [root.findtext(f"m:{name}", namespaces=space) for name in ("artifactId", "version")]
    jar = project / "target" / f"{parts[0]}-{parts[1]}.jar"
    if not jar.is_file():
        raise Failed(f"Maven built no {jar.name}: see .dev/log/{NAME}.log")
    return jar
