"""Batches: one action on many instances, in waves; and runs, keys and revisions that know of them.

Only adds and loosens: server and workers of the version before go on working.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
nobody_misses = {
    "fk_idempotency_keys_request_id_member_id_requests": "the version before writes both in one transaction",
}

KEEP = "SELECT, INSERT, UPDATE"


def upgrade() -> None:
    """Add batches and what points to them."""
    _batches()
    _items()
    op.add_column("runs", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.create_index("ix_runs_batch", "runs", ["batch_id", "id"], postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.add_column("tool_revisions", sa.Column("action_schemas", JSONB(), nullable=False, server_default="{}"))
    _keys()
    # Batches span members, so operators alone see them.
    for table in ("batches", "batch_items"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT {KEEP} ON {table} TO catalog_server")
        op.execute(f"GRANT SELECT, UPDATE ON {table} TO catalog_worker")
        op.execute(
            f"CREATE POLICY server_all ON {table} FOR ALL TO catalog_server"
            " USING (catalog_is_operator()) WITH CHECK (catalog_is_operator())"
        )
        op.execute(f"CREATE POLICY worker ON {table} TO catalog_worker USING (true) WITH CHECK (true)")


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("input", JSONB(), nullable=False),
        sa.Column("filter", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("first_size", sa.Integer(), nullable=False),
        sa.Column("wave_size", sa.Integer(), nullable=False),
        sa.Column("stop_at_percent", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("waves", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("problem", JSONB(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'stopped', 'done', 'cancelled')", name=op.f("ck_batches_state")
        ),
        sa.CheckConstraint("stop_at_percent BETWEEN 0 AND 100", name=op.f("ck_batches_stop_at_percent")),
        sa.CheckConstraint(
            "first_size BETWEEN 1 AND 100 AND wave_size BETWEEN 1 AND 100", name=op.f("ck_batches_sizes")
        ),
        sa.ForeignKeyConstraint(["retry_of"], ["batches.id"], name=op.f("fk_batches_retry_of_batches")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("uq_batches_retry_of", "batches", ["retry_of"], unique=True)
    op.create_index("ix_batches_running", "batches", ["id"], postgresql_where=sa.text("state = 'running'"))


def _items() -> None:
    op.create_table(
        "batch_items",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("problem", JSONB(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'begun', 'left-out')", name=op.f("ck_batch_items_state")),
        sa.CheckConstraint("(state = 'begun') = (run_id IS NOT NULL)", name=op.f("ck_batch_items_run")),
        sa.CheckConstraint("(state = 'left-out') = (problem IS NOT NULL)", name=op.f("ck_batch_items_problem")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_items_batch_id_batches")),
        sa.ForeignKeyConstraint(
            ["instance_id", "member_id"],
            ["instances.id", "instances.member_id"],
            name=op.f("fk_batch_items_instance_id_member_id_instances"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "member_id"],
            ["runs.id", "runs.member_id"],
            name=op.f("fk_batch_items_run_id_member_id_runs"),
        ),
        sa.PrimaryKeyConstraint("batch_id", "instance_id", name=op.f("pk_batch_items")),
    )


def _keys() -> None:
    """Let a key remember a run or a batch too, which may be of no single member."""
    op.drop_constraint(op.f("fk_idempotency_keys_request_id_member_id_requests"), "idempotency_keys")
    op.alter_column("idempotency_keys", "member_id", nullable=True)
    op.add_column("idempotency_keys", sa.Column("made", sa.Text(), nullable=False, server_default="request"))
    op.create_check_constraint(
        op.f("ck_idempotency_keys_made"), "idempotency_keys", "made IN ('request', 'run', 'batch')"
    )
