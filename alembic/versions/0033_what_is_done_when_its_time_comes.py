"""Schedules, maintenance windows, freezes, removals with a grace time, and end dates.

Only adds: server and workers of the version before go on working, and start nothing by themselves.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

SCOPES = "scope IN ('all', 'site', 'host', 'tool', 'instance'{more})"
MEMBER = "catalog_is_operator() OR member_id = ANY (catalog_members())"
READABLE = f"{MEMBER} OR (member_id IS NULL AND cardinality(catalog_members()) > 0)"
ZONES = {
    "AB": "America/Edmonton",
    "BC": "America/Vancouver",
    "MB": "America/Winnipeg",
    "NB": "America/Moncton",
    "NL": "America/St_Johns",
    "NS": "America/Halifax",
    "NT": "America/Yellowknife",
    "NU": "America/Iqaluit",
    "ON": "America/Toronto",
    "PE": "America/Halifax",
    "QC": "America/Toronto",
    "SK": "America/Regina",
    "YT": "America/Whitehorse",
}


def upgrade() -> None:
    """Add the tables, and who may see and change them."""
    op.add_column("sites", sa.Column("time_zone", sa.Text(), nullable=True))
    for province, zone in ZONES.items():
        op.execute(f"UPDATE sites SET time_zone = '{zone}' WHERE province = '{province}'")  # noqa: S608 - fixed names
    op.add_column("instances", sa.Column("scheduled_version", sa.Integer(), nullable=True))
    op.create_index(
        "ix_instances_to_schedule",
        "instances",
        ["id"],
        postgresql_where=sa.text("scheduled_version IS DISTINCT FROM version"),
    )
    _windows()
    _freezes()
    _removals()
    _end_notices()
    _schedules()
    _who_may()


def _windows() -> None:
    op.create_table(
        "maintenance_windows",
        *_scoped(),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=False),
        sa.Column("closes_at", sa.Time(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.UniqueConstraint(
            "scope",
            "target",
            "weekday",
            "opens_at",
            "closes_at",
            name=op.f("uq_maintenance_windows_scope_target_weekday_opens_at_closes_at"),
        ),
        sa.CheckConstraint(SCOPES.format(more=""), name=op.f("ck_maintenance_windows_scope")),
        sa.CheckConstraint("(scope = 'all') = (target = '')", name=op.f("ck_maintenance_windows_target")),
        sa.CheckConstraint(
            "(scope = 'instance') = (member_id IS NOT NULL)", name=op.f("ck_maintenance_windows_member")
        ),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("ck_maintenance_windows_weekday")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_maintenance_windows_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_windows")),
    )


def _freezes() -> None:
    op.create_table(
        "freezes",
        *_scoped(),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.CheckConstraint(SCOPES.format(more=", 'member'"), name=op.f("ck_freezes_scope")),
        sa.CheckConstraint("(scope = 'all') = (target = '')", name=op.f("ck_freezes_target")),
        sa.CheckConstraint(
            "(scope IN ('instance', 'member')) = (member_id IS NOT NULL)", name=op.f("ck_freezes_member")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_freezes_forwards")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_freezes_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezes")),
    )
    op.create_index("ix_freezes_ends_at", "freezes", ["ends_at"])


def _scoped() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
    ]


def _removals() -> None:
    op.create_table(
        "removals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("suspends", sa.Boolean(), nullable=False),
        sa.Column("suspend_run_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purge_run_id", sa.Uuid(), nullable=True),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by", sa.Text(), nullable=True),
        _of_instance("removals"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removals")),
    )
    op.create_index(
        "uq_removals_standing",
        "removals",
        ["instance_id"],
        unique=True,
        postgresql_where=sa.text("taken_back_at IS NULL"),
    )
    op.create_index("ix_removals_instance_id", "removals", ["instance_id"])


def _end_notices() -> None:
    op.create_table(
        "end_notices",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        _of_instance("end_notices"),
        sa.PrimaryKeyConstraint("instance_id", "ends_on", "days", name=op.f("pk_end_notices")),
    )


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked", sa.Text(), nullable=True),
        sa.Column("last_run_id", sa.Uuid(), nullable=True),
        sa.Column("last_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "task IN ('verify', 'backup', 'notice', 'suspend', 'deprovision')", name=op.f("ck_schedules_task")
        ),
        _of_instance("schedules"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.UniqueConstraint("instance_id", "task", name=op.f("uq_schedules_instance_id_task")),
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at", "id"])
    op.create_index("ix_schedules_member_id_id", "schedules", ["member_id", "id"])


def _of_instance(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["instance_id", "member_id"],
        ["instances.id", "instances.member_id"],
        name=op.f(f"fk_{table}_instance_id_member_id_instances"),
    )


def _who_may() -> None:
    for table in ("maintenance_windows", "freezes", "removals", "end_notices", "schedules"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY worker ON {table} TO catalog_worker USING (true) WITH CHECK (true)")
    # Operators make and take them away; a member's people read those that may touch them, and no other member's.
    for table in ("maintenance_windows", "freezes"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO catalog_server")
        op.execute(f"GRANT SELECT ON {table} TO catalog_worker")
        op.execute(f"CREATE POLICY server_select ON {table} FOR SELECT TO catalog_server USING ({READABLE})")
        op.execute(
            f"CREATE POLICY server_insert ON {table} FOR INSERT TO catalog_server WITH CHECK (catalog_is_operator())"
        )
        op.execute(f"CREATE POLICY server_update ON {table} FOR UPDATE TO catalog_server USING (catalog_is_operator())")
        op.execute(f"CREATE POLICY server_delete ON {table} FOR DELETE TO catalog_server USING (catalog_is_operator())")
    op.execute("GRANT SELECT, INSERT, UPDATE ON removals TO catalog_server, catalog_worker")
    op.execute(f"CREATE POLICY server_all ON removals TO catalog_server USING ({MEMBER}) WITH CHECK ({MEMBER})")
    op.execute("GRANT SELECT, INSERT ON end_notices TO catalog_worker")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO catalog_worker")
    for table in ("end_notices", "schedules"):
        op.execute(f"GRANT SELECT ON {table} TO catalog_server")
        op.execute(f"CREATE POLICY server_select ON {table} FOR SELECT TO catalog_server USING ({MEMBER})")
