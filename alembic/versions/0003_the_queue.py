"""The queue: procrastinate's own schema, and what the two roles may do with it.

The server only defers jobs (its function inserts them, its triggers notify); workers do the rest.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WORKER_USES_IT = r"""
DO $$ DECLARE item record; BEGIN
    FOR item IN
        SELECT c.oid::regclass AS name, c.relkind = 'S' AS counts FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'procrastinate\_%'
        AND c.relkind IN ('r', 'v', 'S')
    LOOP
        IF item.counts THEN
            EXECUTE format('GRANT USAGE ON SEQUENCE %s TO catalog_worker', item.name);
        ELSE
            EXECUTE format('GRANT ALL ON TABLE %s TO catalog_worker', item.name);
        END IF;
    END LOOP;
END $$
"""


def upgrade() -> None:
    """Make the queue."""
    op.get_bind().connection.dbapi_connection.run_async(  # the schema is one script of many statements
        lambda connection: connection.execute(SchemaManager.get_schema())
    )
    op.execute(WORKER_USES_IT)
    op.execute("GRANT SELECT, INSERT ON procrastinate_jobs, procrastinate_events TO catalog_server")
    op.execute("GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO catalog_server")
