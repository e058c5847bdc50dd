"""What each process is told from outside: environment variables and secret files, read once, never changed.

There are no default secrets and no switch that turns a check off. A variable that is missing or wrong is one clear
`SettingsError`, raised before anything is started.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET_KEY_BYTES = 32
REMOVAL_GRACE_DAYS = 30
LONGEST_GRACE_DAYS = 365
EVENTS_KEPT_DAYS = 400
LONGEST_EVENTS_KEPT_DAYS = 36_500


class SettingsError(Exception):
    """An environment variable is missing or can't be used; the message names it and says what it should hold."""


class SecretKeys(msgspec.Struct, frozen=True):
    """The keys that encrypt secrets at rest: `keys` by id, `current` the id that encrypts new ones."""

    current: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SecretKeys(current={self.current!r}, ids={sorted(self.keys)!r})"


class DatabaseSettings(msgspec.Struct, frozen=True):
    """Where PostgreSQL is. `url` holds the password: never log it."""

    url: str

    def __repr__(self) -> str:
        return "DatabaseSettings(url=…)"


class ServerSettings(msgspec.Struct, frozen=True):
    """Of `catalog serve`."""

    database: DatabaseSettings
    url: str
    tools_domain: str
    issuer: str
    audience: str
    ca_file: Path | None
    bind: str
    tls_certificate: Path | None
    tls_key: Path | None
    log_format: str
    removal_grace_days: int = REMOVAL_GRACE_DAYS


class KeycloakSettings(msgspec.Struct, frozen=True):
    """A service account of the realm. `client_secret` is never logged."""

    url: str
    realm: str
    client_id: str
    client_secret: str
    ca_file: Path | None

    def __repr__(self) -> str:
        return f"KeycloakSettings(url={self.url!r}, realm={self.realm!r}, client_id={self.client_id!r})"


class WorkerSettings(msgspec.Struct, frozen=True):
    """Of `catalog worker`."""

    database: DatabaseSettings
    url: str
    tools_domain: str
    issuer: str
    keycloak: KeycloakSettings
    keycloak_people: KeycloakSettings
    secret_keys: SecretKeys
    ssh_key_file: Path
    ansible_user: str | None
    ca_file: Path | None
    queues: tuple[str, ...]
    events_kept_days: int
    log_format: str


class AdminSettings(msgspec.Struct, frozen=True):
    """Of the operators' commands (`catalog db`, `tools`, `site`, `host`, `member`, `person`)."""

    database: DatabaseSettings
    server_password: str | None
    worker_password: str | None
    bundles: Path
    alembic: Path
    issuer: str | None
    ssh_key_file: Path | None
    log_format: str
    removal_grace_days: int = REMOVAL_GRACE_DAYS


class Environment:
    """Reads settings out of `variables`, with errors that name the variable."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str) -> str:
        """Give a variable that must be set. Raises `SettingsError`."""
        value = self.optional(name)
        if value is None:
            raise SettingsError(f"{name} is not set.")
        return value

    def optional(self, name: str) -> str | None:
        """Give a variable; none where it is unset or empty."""
        return self._variables.get(name) or None

    def whole_number(self, name: str, *, default: int, least: int, most: int) -> int:
        """Give a number within its bounds, both included. Raises `SettingsError`."""
        value = self.optional(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= most:
            raise SettingsError(f"{name} must be a whole number from {least} to {most}.")
        return int(value)

    def file(self, name: str) -> Path:
        """Give the path that a variable must hold, of a file that is there. Raises `SettingsError`."""
        return self._existing(name, self.text(name))

    def optional_file(self, name: str) -> Path | None:
        """Do the same where it is set. Raises `SettingsError`."""
        value = self.optional(name)
        return None if value is None else self._existing(name, value)

    def secret(self, name: str) -> str:
        """Give the content of the file that `name` points to, without surrounding white space."""
        content = self.file(name).read_text(encoding="utf-8").strip()
        if not content:
            raise SettingsError(f"The file that {name} points to is empty.")
        return content

    def optional_secret(self, name: str) -> str | None:
        """Do as `secret` does where the variable is set. Raises `SettingsError`."""
        return None if self.optional(name) is None else self.secret(name)

    def _existing(self, name: str, value: str) -> Path:
        path = Path(value)
        if not path.is_file():
            raise SettingsError(f"{name} points to {value!r}, which is no file.")
        return path


def database(environment: Environment) -> DatabaseSettings:
    """Read `DATABASE_URL`, with the password of `DATABASE_PASSWORD_FILE` put in where that is set."""
    url = urlsplit(environment.text("DATABASE_URL"))
    if url.scheme not in {"postgresql", "postgres"} or not url.hostname:
        raise SettingsError("DATABASE_URL must look like postgresql://user@host:port/database.")
    password = environment.optional_secret("DATABASE_PASSWORD_FILE")
    location = url.netloc
    if password is not None:
        user = quote(url.username or "", safe="")
        port = f":{url.port}" if url.port else ""
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        location = f"{user}:{quote(password, safe='')}@{host}{port}"
    return DatabaseSettings(urlunsplit(("postgresql", location, url.path, url.query, "")))


def secret_keys(environment: Environment) -> SecretKeys:
    """Read every `<key-id>.key` of `CATALOG_SECRET_KEYS_DIR` (32 bytes in base64); the last in sort order encrypts."""
    folder = Path(environment.text("CATALOG_SECRET_KEYS_DIR"))
    keys = {path.stem: _decoded_key(path) for path in sorted(folder.glob("*.key"))}
    if not keys:
        raise SettingsError("CATALOG_SECRET_KEYS_DIR holds no file that ends in .key.")
    return SecretKeys(current=max(keys), keys=keys)


def _decoded_key(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SettingsError(f"The key file {path.name!r} is not base64.") from error
    if len(key) != SECRET_KEY_BYTES:
        raise SettingsError(f"The key file {path.name!r} must hold {SECRET_KEY_BYTES} bytes in base64.")
    return key


def server_settings(variables: Mapping[str, str] | None = None) -> ServerSettings:
    """Read what `catalog serve` needs."""
    environment = Environment(variables)
    return ServerSettings(
        database=database(environment),
        url=environment.text("CATALOG_URL").rstrip("/"),
        tools_domain=environment.text("CATALOG_TOOLS_DOMAIN"),
        issuer=environment.text("CATALOG_OIDC_ISSUER").rstrip("/"),
        audience=environment.text("CATALOG_OIDC_AUDIENCE"),
        ca_file=environment.optional_file("CATALOG_CA_FILE"),
        bind=environment.optional("CATALOG_BIND") or "127.0.0.1:8000",
        tls_certificate=environment.optional_file("CATALOG_TLS_CERTIFICATE_FILE"),
        tls_key=environment.optional_file("CATALOG_TLS_KEY_FILE"),
        log_format=environment.optional("CATALOG_LOG_FORMAT") or "json",
        removal_grace_days=_removal_grace_days(environment),
    )


def worker_settings(variables: Mapping[str, str] | None = None) -> WorkerSettings:
    """Read what `catalog worker` needs."""
    environment = Environment(variables)
    ca_file = environment.optional_file("CATALOG_CA_FILE")
    queues = (environment.optional("CATALOG_WORKER_QUEUES") or "").split(",")
    return WorkerSettings(
        database=database(environment),
        url=environment.text("CATALOG_URL").rstrip("/"),
        tools_domain=environment.text("CATALOG_TOOLS_DOMAIN"),
        issuer=environment.text("CATALOG_OIDC_ISSUER").rstrip("/"),
        keycloak=_keycloak_account(environment, "CATALOG_KEYCLOAK_CLIENT", ca_file),
        keycloak_people=_keycloak_account(environment, "CATALOG_KEYCLOAK_PEOPLE_CLIENT", ca_file),
        secret_keys=secret_keys(environment),
        ssh_key_file=environment.file("CATALOG_SSH_KEY_FILE"),
        ansible_user=environment.optional("CATALOG_ANSIBLE_USER"),
        ca_file=ca_file,
        queues=tuple(queue.strip() for queue in queues if queue.strip()),
        events_kept_days=environment.whole_number(
            "CATALOG_EVENTS_KEPT_DAYS", default=EVENTS_KEPT_DAYS, least=1, most=LONGEST_EVENTS_KEPT_DAYS
        ),
        log_format=environment.optional("CATALOG_LOG_FORMAT") or "json",
    )


def _keycloak_account(environment: Environment, prefix: str, ca_file: Path | None) -> KeycloakSettings:
    return KeycloakSettings(
        url=environment.text("CATALOG_KEYCLOAK_URL").rstrip("/"),
        realm=environment.text("CATALOG_KEYCLOAK_REALM"),
        client_id=environment.text(f"{prefix}_ID"),
        client_secret=environment.secret(f"{prefix}_SECRET_FILE"),
        ca_file=ca_file,
    )


def admin_settings(variables: Mapping[str, str] | None = None) -> AdminSettings:
    """Read what the operators' commands need."""
    environment = Environment(variables)
    return AdminSettings(
        database=database(environment),
        server_password=environment.optional_secret("CATALOG_SERVER_PASSWORD_FILE"),
        worker_password=environment.optional_secret("CATALOG_WORKER_PASSWORD_FILE"),
        bundles=Path(environment.optional("CATALOG_BUNDLES_DIR") or REPOSITORY / "playbooks"),
        alembic=Path(environment.optional("CATALOG_ALEMBIC_DIR") or REPOSITORY / "alembic"),
        issuer=environment.optional("CATALOG_OIDC_ISSUER"),
        ssh_key_file=environment.optional_file("CATALOG_SSH_KEY_FILE"),
        log_format=environment.optional("CATALOG_LOG_FORMAT") or "console",
        removal_grace_days=_removal_grace_days(environment),
    )


def _removal_grace_days(environment: Environment) -> int:
    return environment.whole_number(
        "CATALOG_REMOVAL_GRACE_DAYS", default=REMOVAL_GRACE_DAYS, least=1, most=LONGEST_GRACE_DAYS
    )
