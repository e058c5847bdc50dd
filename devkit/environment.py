"""The environment files of the product's processes, and the secrets that they point to."""

import base64
import os
import secrets
import subprocess
from pathlib import Path

from devkit import users
from devkit.network import CATALOG, SIGN_ON, TOOLS_DOMAIN
from devkit.state import CA, ansible_user, make_folders, state_folder, user, write

CATALOG_PORT, SIGN_ON_PORT = 8000, 8443
CATALOG_URL = f"https://{CATALOG}:{CATALOG_PORT}"
SIGN_ON_URL = f"https://{SIGN_ON}:{SIGN_ON_PORT}"
REALM = "coop"
BOOTSTRAP_CLIENT, DEVKIT_CLIENT = "bootstrap", "devkit-admin"
RANDOM = (
    "postgres-superuser",
    "postgres-owner",
    "postgres-server",
    "postgres-worker",
    "postgres-keycloak",
    "keycloak-bootstrap",
)
# What the parts read as the checkout's user; the rest is for root alone.
FOR_USER = ("postgres-server", "postgres-worker", "keys", "ssh")


def secrets_folder() -> Path:
    """Give the folder of secrets."""
    return state_folder() / "secrets"


def secret(name: str) -> str:
    """Read one."""
    return (secrets_folder() / name).read_text(encoding="ascii").strip()


def ensure_secrets() -> None:
    """Make what is missing: passwords, the key that encrypts secrets at rest, and the SSH key that hosts know."""
    make_folders()
    folder = secrets_folder()
    folder.chmod(0o711)
    for name in RANDOM:
        if not (folder / name).is_file():
            write(folder / name, secrets.token_urlsafe(32), 0o600)
    keys = folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    if not any(keys.glob("*.key")):
        write(keys / "1.key", base64.b64encode(secrets.token_bytes(32)), 0o600)
    ssh = folder / "ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    if not (ssh / "id_ed25519").is_file():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "coop-catalog", "-f", str(ssh / "id_ed25519")]
        subprocess.run(command, check=True)
    (folder / "keycloak").mkdir(mode=0o700, exist_ok=True)
    _hand_over()


def hand_over_keycloak_secrets() -> None:
    """Let the worker read the secrets of its two service accounts."""
    folder = secrets_folder() / "keycloak"
    folder.chmod(0o711)
    for name in ("catalog-worker", "catalog-people"):
        if (folder / name).is_file():
            os.chown(folder / name, *users.ids(user()))


def write_environments(postgres_port: int) -> None:
    """Write `.dev/env/*.env`: what each process is told."""
    folder = secrets_folder()
    common = {
        "CATALOG_URL": CATALOG_URL,
        "CATALOG_TOOLS_DOMAIN": TOOLS_DOMAIN,
        "CATALOG_OIDC_ISSUER": f"{SIGN_ON_URL}/realms/{REALM}",
        "CATALOG_CA_FILE": state_folder() / CA / "ca.pem",
        "CATALOG_KEYCLOAK_URL": SIGN_ON_URL,
        "CATALOG_KEYCLOAK_REALM": REALM,
    }
    ssh_key = {"CATALOG_SSH_KEY_FILE": folder / "ssh" / "id_ed25519"}

    def database(role: str, secret_name: str) -> dict[str, object]:
        url = f"postgresql://{role}@127.0.0.1:{postgres_port}/catalog"
        return {"DATABASE_URL": url, "DATABASE_PASSWORD_FILE": folder / secret_name}

    _write(
        "server",
        common
        | database("catalog_server", "postgres-server")
        | {
            "CATALOG_OIDC_AUDIENCE": "catalog-api",
            "CATALOG_BIND": f"{CATALOG}:{CATALOG_PORT}",
            "CATALOG_TLS_CERTIFICATE_FILE": state_folder() / CA / "catalog.pem",
            "CATALOG_TLS_KEY_FILE": state_folder() / CA / "catalog.key",
        },
    )
    _write(
        "worker",
        common
        | ssh_key
        | database("catalog_worker", "postgres-worker")
        | {
            "CATALOG_KEYCLOAK_CLIENT_ID": "catalog-worker",
            "CATALOG_KEYCLOAK_CLIENT_SECRET_FILE": folder / "keycloak" / "catalog-worker",
            "CATALOG_KEYCLOAK_PEOPLE_CLIENT_ID": "catalog-people",
            "CATALOG_KEYCLOAK_PEOPLE_CLIENT_SECRET_FILE": folder / "keycloak" / "catalog-people",
            "CATALOG_SECRET_KEYS_DIR": folder / "keys",
            "CATALOG_ANSIBLE_USER": ansible_user(),
        },
    )
    _write(
        "owner",
        common
        | ssh_key
        | database("catalog_owner", "postgres-owner")
        | {
            "CATALOG_SERVER_PASSWORD_FILE": folder / "postgres-server",
            "CATALOG_WORKER_PASSWORD_FILE": folder / "postgres-worker",
            "CATALOG_KEYCLOAK_SECRETS_DIR": folder / "keycloak",
        },
    )
    _write(
        "first-setup",
        {
            "CATALOG_KEYCLOAK_ADMIN_CLIENT_ID": BOOTSTRAP_CLIENT,
            "CATALOG_KEYCLOAK_ADMIN_SECRET_FILE": folder / "keycloak-bootstrap",
        },
    )
    _write(
        "keycloak-test",
        {
            "CATALOG_KEYCLOAK_ADMIN_CLIENT_ID": DEVKIT_CLIENT,
            "CATALOG_KEYCLOAK_ADMIN_SECRET_FILE": folder / "keycloak-devkit-admin",
        },
    )


def environment(name: str) -> dict[str, str]:
    """Read one of the files."""
    lines = (state_folder() / "env" / f"{name}.env").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {key: value for key, _, value in pairs}


def _write(name: str, values: dict[str, object]) -> None:
    text = "".join(f"{key}={value}\n" for key, value in values.items())
    write(state_folder() / "env" / f"{name}.env", text, 0o600)


def _hand_over() -> None:
    owner = users.ids(user())
    for name in FOR_USER:
        path = secrets_folder() / name
        for part in (path, *(path.rglob("*") if path.is_dir() else ())):
            os.chown(part, *owner)
