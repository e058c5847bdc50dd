"""Where was looked for orphans, and what was found there. Only adds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables, which operators alone see."""
    op.create_table(
        "surveys",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("(place = 'sign-on') = (host_id IS NULL)", name=op.f("ck_surveys_host_unless_sign_on")),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_surveys_host_id_hosts")),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_surveys")),
        sa.UniqueConstraint("host_id", name=op.f("uq_surveys_host_id")),
    )
    op.create_table(
        "orphans",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("why IN ('unknown', 'removed', 'elsewhere')", name=op.f("ck_orphans_why")),
        sa.ForeignKeyConstraint(["place"], ["surveys.place"], name=op.f("fk_orphans_place_surveys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orphans")),
        sa.UniqueConstraint("place", "name", name=op.f("uq_orphans_place_name")),
    )
    for table, server in (("surveys", ("SELECT", "UPDATE")), ("orphans", ("SELECT",))):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT {', '.join(server)} ON {table} TO catalog_server")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO catalog_worker")
        for command in server:
            op.execute(
                f"CREATE POLICY server_{command.lower()} ON {table} FOR {command} TO catalog_server"
                " USING (catalog_is_operator())"
            )
        op.execute(f"CREATE POLICY worker ON {table} TO catalog_worker USING (true) WITH CHECK (true)")
