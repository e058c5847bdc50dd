"""How migrations run: as the owner, one at a time, giving up rather than waiting long for a lock.

`catalog db upgrade` hands over a connection in `attributes["connection"]`.
"""

from typing import Literal

import sqlalchemy as sa
from alembic import context

from catalog.tables import metadata

MIGRATION_LOCK = 7_203_914_552_017
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"

Kind = Literal["schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint"]


def ours(name: str | None, kind: Kind, _parents: object) -> bool:
    """Leave procrastinate's tables and the events' partitions out of comparisons."""
    return not (kind == "table" and name is not None and name.startswith(("procrastinate_", "run_events_")))


def run(connection: sa.Connection) -> None:
    """Bring the database to the newest revision, in one transaction."""
    context.configure(connection=connection, target_metadata=metadata, include_name=ours, compare_server_default=False)
    with context.begin_transaction():
        connection.execute(sa.text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        # From here on: another upgrade is waited for as long as it works, but a table that is in use only shortly.
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        context.run_migrations()


run(context.config.attributes["connection"])
