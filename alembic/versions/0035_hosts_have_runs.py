"""Hosts have runs: the automation that they use, why a host is cordoned, and which run asked for which.

Only adds: server and workers of the version before go on working. The database itself keeps a host's run and the other
runs on it apart, so that a worker of that version, which does not know of hosts' runs, begins none beside one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

APART = """
CREATE FUNCTION catalog_keep_host_runs_apart() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7203914552032);
    IF EXISTS (
        SELECT FROM runs other
        WHERE other.host_id = NEW.host_id AND other.id <> NEW.id AND other.admitted_at IS NOT NULL
        AND other.state IN ('queued', 'running', 'waiting')
        AND (other.subject_kind = 'host' OR NEW.subject_kind = 'host')
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$
"""

# The row is left as it was: whoever wanted to begin the run finds that it is not theirs yet.
TRIGGER = """
CREATE TRIGGER keep_host_runs_apart BEFORE UPDATE OF admitted_at ON runs FOR EACH ROW
WHEN (OLD.admitted_at IS NULL AND NEW.admitted_at IS NOT NULL AND NEW.host_id IS NOT NULL)
EXECUTE FUNCTION catalog_keep_host_runs_apart()
"""


def upgrade() -> None:
    """Add what hosts' runs need."""
    op.add_column("hosts", sa.Column("cordon_reason", sa.Text(), nullable=True))
    op.add_column("hosts", sa.Column("cordoned_by", sa.Text(), nullable=True))
    op.add_column("hosts", sa.Column("cordoned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("instances", sa.Column("found_version", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("cause_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_runs_cause_id_runs"), "runs", "runs", ["cause_id"], ["id"])
    op.create_index(
        "uq_runs_cause_subject",
        "runs",
        ["cause_id", "subject_id"],
        unique=True,
        postgresql_where=sa.text("cause_id IS NOT NULL"),
    )
    _revisions()
    op.execute(APART)
    op.execute(TRIGGER)


def _revisions() -> None:
    op.create_table(
        "host_revisions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.Column("ansible_core", sa.Text(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_host_revisions")),
        sa.UniqueConstraint("digest", name=op.f("uq_host_revisions_digest")),
        sa.UniqueConstraint("number", name=op.f("uq_host_revisions_number")),
    )
    op.create_index(
        "uq_host_revisions_current",
        "host_revisions",
        ["is_current"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )
    op.execute("ALTER TABLE host_revisions ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE host_revisions FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE ON host_revisions TO catalog_server")
    op.execute("GRANT SELECT ON host_revisions TO catalog_worker")
    op.execute(
        "CREATE POLICY server_all ON host_revisions TO catalog_server"
        " USING (catalog_is_operator()) WITH CHECK (catalog_is_operator())"
    )
    op.execute("CREATE POLICY worker ON host_revisions FOR SELECT TO catalog_worker USING (true)")
