"""`catalog identity`: the co-op's realm in Keycloak."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import typer

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.errors import KeycloakRefused
from catalog.identity.keycloak.first_setup import (
    IDENTITY_ADMIN,
    MASTER,
    bootstrap,
    pending_name,
    promote,
    write_secrets,
)
from catalog.identity.keycloak.realm import check_realm, sync_realm
from catalog.identity.keycloak.reconciling import Lack
from catalog.identity.keycloak.server import check_server
from catalog.identity.keycloak.specs import RealmSpec
from catalog.settings import Environment, SettingsError

identity_app = typer.Typer(help="The co-op's realm in Keycloak.", no_args_is_help=True)

EXIT_LACKING = 1


@dataclass(frozen=True)
class IdentitySettings:
    """Where Keycloak is, and the folder that holds the secrets of its clients."""

    url: str
    ca_file: Path | None
    secrets_dir: Path
    realm: RealmSpec


@identity_app.callback()
def identity() -> None:
    """Look after the co-op's realm in Keycloak."""


@identity_app.command()
def sync() -> None:
    """Bring the realm to what the catalog needs, and say each change. A second run changes nothing.

    The first run signs in with the bootstrap account (CATALOG_KEYCLOAK_ADMIN_CLIENT_ID and
    CATALOG_KEYCLOAK_ADMIN_SECRET_FILE) and replaces it by catalog-identity-admin, whose secret it leaves in
    CATALOG_KEYCLOAK_SECRETS_DIR.
    """
    changes = asyncio.run(_sync(Environment()))
    for sentence in changes or ["Nothing to change."]:
        typer.echo(sentence)


@identity_app.command()
def check() -> None:
    """Say what Keycloak and the realm lack; changes nothing, and exits with 1 where something is lacking."""
    _stop_at(asyncio.run(_check(Environment())))
    typer.echo("Nothing is lacking.")


async def _sync(environment: Environment) -> list[str]:
    settings = _settings(environment)
    if (settings.secrets_dir / IDENTITY_ADMIN).is_file():
        return await _sync_as_successor(settings)
    admin = environment.text("CATALOG_KEYCLOAK_ADMIN_CLIENT_ID")
    secret = environment.secret("CATALOG_KEYCLOAK_ADMIN_SECRET_FILE")
    try:
        async with _connection(settings, admin, secret) as connection:
            _stop_at(await check_server(connection, settings.realm))
            return [change.sentence for change in await bootstrap(connection, settings.realm, settings.secrets_dir)]
    except KeycloakRefused as refusal:
        # An earlier set-up was interrupted between the removal of this account and its very last act.
        gone = refusal.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}
        if not gone or not (settings.secrets_dir / pending_name(IDENTITY_ADMIN)).is_file():
            raise
    promote(settings.secrets_dir)
    return await _sync_as_successor(settings)


async def _sync_as_successor(settings: IdentitySettings) -> list[str]:
    async with _successor(settings) as connection:
        _stop_at(await check_server(connection, settings.realm))
        changes = [change.sentence for change in await sync_realm(connection, settings.realm)]
        written = await write_secrets(connection, settings.secrets_dir)
    return changes + [f"Wrote the secret of {client_id}." for client_id in written]


async def _check(environment: Environment) -> list[Lack]:
    settings = _settings(environment)
    if not (settings.secrets_dir / IDENTITY_ADMIN).is_file():
        raise SettingsError(f"CATALOG_KEYCLOAK_SECRETS_DIR holds no {IDENTITY_ADMIN}: run catalog identity sync first.")
    async with _successor(settings) as connection:
        return await check_realm(connection, settings.realm)


def _stop_at(lacks: list[Lack]) -> None:
    for lack in lacks:
        typer.echo(lack.sentence, err=True)
    if lacks:
        raise typer.Exit(EXIT_LACKING)


def _settings(environment: Environment) -> IdentitySettings:
    return IdentitySettings(
        url=environment.text("CATALOG_KEYCLOAK_URL"),
        ca_file=environment.optional_file("CATALOG_CA_FILE"),
        secrets_dir=Path(environment.text("CATALOG_KEYCLOAK_SECRETS_DIR")),
        realm=RealmSpec(
            realm=environment.text("CATALOG_KEYCLOAK_REALM"),
            catalog_url=environment.text("CATALOG_URL").rstrip("/"),
        ),
    )


def _successor(settings: IdentitySettings) -> KeycloakConnection:
    secret = (settings.secrets_dir / IDENTITY_ADMIN).read_text(encoding="utf-8").strip()
    return _connection(settings, IDENTITY_ADMIN, secret)


def _connection(settings: IdentitySettings, client_id: str, secret: str) -> KeycloakConnection:
    return KeycloakConnection(
        settings.url, settings.realm.realm, client_id, secret, settings.ca_file, home_realm=MASTER
    )
