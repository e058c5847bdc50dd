"""Operators run playbooks from their own shell, as runs like any other.

Only adds: server and workers of the version before go on working, and leave these runs to the new workers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is kept of a shell, and let the server write how its tries went."""
    op.create_table(
        "shell_runs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("shell", sa.Text(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("sealed IS NULL OR public_key IS NOT NULL", name=op.f("ck_shell_runs_sealed")),
        sa.ForeignKeyConstraint(
            ["run_id", "member_id"], ["runs.id", "runs.member_id"], name=op.f("fk_shell_runs_run_id_member_id_runs")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_shell_runs")),
    )
    op.execute("ALTER TABLE shell_runs ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE shell_runs FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON shell_runs TO catalog_server")
    op.execute("GRANT SELECT, UPDATE, DELETE ON shell_runs TO catalog_worker")
    # Members have no business with it: what it holds is between an operator's shell and a worker.
    op.execute(
        "CREATE POLICY server_all ON shell_runs FOR ALL TO catalog_server"
        " USING (catalog_is_operator()) WITH CHECK (catalog_is_operator())"
    )
    op.execute("CREATE POLICY worker ON shell_runs TO catalog_worker USING (true) WITH CHECK (true)")
    op.execute("GRANT INSERT, UPDATE ON step_tries TO catalog_server")
    # Only where an operator asks: a member's people read how tries went, and write none.
    op.execute(
        "CREATE POLICY server_insert ON step_tries AS RESTRICTIVE FOR INSERT TO catalog_server"
        " WITH CHECK (catalog_is_operator())"
    )
    op.execute(
        "CREATE POLICY server_update ON step_tries AS RESTRICTIVE FOR UPDATE TO catalog_server"
        " USING (catalog_is_operator()) WITH CHECK (catalog_is_operator())"
    )
