"""People steer runs: stop, try again, give up, hold. And what a host and a site do at once at most.

Only adds: server and workers of the version before go on working, and leave the new runs to the new workers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0021"
branch_labels = None
depends_on = None

# table: what its state may be from now on
STATES = {
    "run_steps": ("pending", "running", "failed", "done", "skipped"),
    "instances": ("provisioning", "running", "failed", "suspended", "removing", "removed"),
    "requests": ("submitted", "approved", "declined", "withdrawn", "fulfilled", "abandoned"),
}

nobody_misses = {f"ck_{table}_state": "it is made again at once, and lets in all that it let in" for table in STATES}


def upgrade() -> None:
    """Add what steering needs."""
    for table, states in STATES.items():
        name = op.f(f"ck_{table}_state")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"state IN ({', '.join(map(repr, states))})")
    _columns()
    _holds()
    for table in ("runs", "run_steps"):
        op.execute(f"GRANT UPDATE ON {table} TO catalog_server")
    op.execute("GRANT INSERT ON run_events TO catalog_server")
    # Members read their runs and start some; operators alone steer them.
    for table in ("runs", "run_steps"):
        op.execute(
            f"CREATE POLICY server_steering ON {table} AS RESTRICTIVE FOR UPDATE TO catalog_server"
            " USING (catalog_is_operator()) WITH CHECK (catalog_is_operator())"
        )
    op.execute(
        "CREATE POLICY server_telling ON run_events AS RESTRICTIVE FOR INSERT TO catalog_server"
        " WITH CHECK (catalog_is_operator())"
    )


def _columns() -> None:
    op.add_column("runs", sa.Column("site_id", sa.Uuid(), nullable=True))
    op.add_column("runs", sa.Column("host_id", sa.Uuid(), nullable=True))
    op.add_column("runs", sa.Column("tool_slug", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("stop", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("verbosity", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("tries_from", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("undoes", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_foreign_key(op.f("fk_runs_site_id_sites"), "runs", "sites", ["site_id"], ["id"])
    op.create_foreign_key(op.f("fk_runs_host_id_hosts"), "runs", "hosts", ["host_id"], ["id"])
    op.create_check_constraint(op.f("ck_runs_stop"), "runs", "stop IN ('at-next-task', 'now')")
    for column in ("host_id", "site_id"):
        op.create_index(
            f"ix_runs_active_{column}",
            "runs",
            [column],
            postgresql_where=sa.text("state IN ('queued', 'running', 'waiting')"),
        )
    for table, most in (("hosts", "4"), ("sites", "16")):
        op.add_column(table, sa.Column("most_runs", sa.Integer(), nullable=False, server_default=most))
        op.create_check_constraint(op.f(f"ck_{table}_most_runs"), table, "most_runs BETWEEN 1 AND 100")


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("scope IN ('all', 'site', 'host', 'tool', 'instance')", name=op.f("ck_holds_scope")),
        sa.CheckConstraint("(scope = 'all') = (target = '')", name=op.f("ck_holds_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(
        "uq_holds_standing", "holds", ["scope", "target"], unique=True, postgresql_where=sa.text("lifted_at IS NULL")
    )
    op.execute("ALTER TABLE holds ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE holds FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE ON holds TO catalog_server")
    op.execute("GRANT SELECT ON holds TO catalog_worker")
    # A member reads why a run of theirs waits; operators alone place and lift.
    op.execute("CREATE POLICY server_select ON holds FOR SELECT TO catalog_server USING (true)")
    op.execute("CREATE POLICY server_insert ON holds FOR INSERT TO catalog_server WITH CHECK (catalog_is_operator())")
    op.execute(
        "CREATE POLICY server_update ON holds FOR UPDATE TO catalog_server"
        " USING (catalog_is_operator()) WITH CHECK (catalog_is_operator())"
    )
    op.execute("CREATE POLICY worker ON holds FOR SELECT TO catalog_worker USING (true)")
