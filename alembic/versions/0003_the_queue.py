"""The queue: procrastinate's own schema, and what the two roles may do with it.

The server only defers jobs (its function inserts them, its triggers notify); workers do the rest.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().connection.dbapi_connection.run_async(  # the schema is one script of many statements
        lambda connection: connection.execute(SchemaManager.get_schema())
    )
    for kind in ("TABLES", "SEQUENCES"):
        op.execute(
            f"""DO $$ DECLARE item record; BEGIN
            FOR item IN SELECT c.oid::regclass AS name FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'procrastinate\\_%'
                AND c.relkind = ANY ({"'{r,v}'" if kind == "TABLES" else "'{S}'"}::"char"[])
            LOOP EXECUTE format('GRANT {"ALL" if kind == "TABLES" else "USAGE"} ON {kind[:-1]} %s TO catalog_worker',
                item.name);
            END LOOP; END $$"""
        )
    op.execute("GRANT SELECT, INSERT ON procrastinate_jobs, procrastinate_events TO catalog_server")
    op.execute("GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO catalog_server")
