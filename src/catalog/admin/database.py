"""`catalog db`: the schema, and the passwords of the two working roles."""

import asyncio
import base64
import hashlib
import hmac
import os
import stringprep
import unicodedata

import sqlalchemy as sa
import typer
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from catalog.settings import AdminSettings, admin_settings

database_app = typer.Typer(help="The database's schema.", no_args_is_help=True)

SCRAM_ITERATIONS = 4096
SALT_BYTES = 16


@database_app.callback()
def database() -> None:
    """Look after the database's schema."""


@database_app.command()
def upgrade() -> None:
    """Bring the schema to the newest revision, and set the logins of the server's and the worker's roles.

    Signs in by DATABASE_URL as the owner, who needs CREATEROLE. CATALOG_SERVER_PASSWORD_FILE and
    CATALOG_WORKER_PASSWORD_FILE, where set, hold the passwords of catalog_server and catalog_worker.
    """
    settings = admin_settings()
    asyncio.run(upgrade_schema(settings))
    typer.echo("The schema is up to date.")


async def upgrade_schema(settings: AdminSettings) -> None:
    """Run the migrations, then set the logins; each in one transaction, safe to repeat and to run twice at once."""
    engine = create_async_engine(sa.make_url(settings.database.url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate, settings)
        async with engine.begin() as connection:
            for role, password in (
                ("catalog_server", settings.server_password),
                ("catalog_worker", settings.worker_password),
            ):
                if password is not None:
                    await connection.exec_driver_sql(f"ALTER ROLE {role} LOGIN PASSWORD '{scram_verifier(password)}'")
    finally:
        await engine.dispose()


def _migrate(connection: sa.Connection, settings: AdminSettings) -> None:
    config = Config()
    config.set_main_option("script_location", str(settings.alembic).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def scram_verifier(password: str) -> str:
    """Give what PostgreSQL stores for a password (RFC 5803), so that the password itself never reaches its logs."""
    salt = os.urandom(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", _saslprep(password).encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    encoded_salt, encoded_stored, encoded_server = parts
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{encoded_salt}${encoded_stored}:{encoded_server}"


def _saslprep(password: str) -> str:
    """Normalise as RFC 4013 says; what it forbids is left as typed, as PostgreSQL does."""
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    return unicodedata.normalize("NFKC", mapped)
