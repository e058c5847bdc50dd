"""The first schema: every table, as its slice describes it in `tables.py`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "generations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_generations")),
    )
    op.create_table(
        "members",
        sa.Column("ror", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_fr", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("help_desk", sa.Text(), nullable=True),
        sa.Column("organization_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("alias", name=op.f("uq_members_alias")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_members_organization_id")),
        sa.UniqueConstraint("ror", name=op.f("uq_members_ror")),
    )
    op.create_table(
        "outbox_events",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
    )
    op.create_index(
        "ix_outbox_events_due",
        "outbox_events",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "people",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_people_issuer_subject")),
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "sequence", name=op.f("pk_run_events")),
        postgresql_partition_by="RANGE (run_id)",
    )
    op.create_table(
        "sites",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_fr", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("attested_by", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("attested_from", sa.Date(), nullable=False),
        sa.Column("attested_until", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("country = 'CA'", name=op.f("ck_sites_in_canada")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("slug", name=op.f("uq_sites_slug")),
    )
    op.create_table(
        "tools",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("listing", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("listing_digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_tools")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_audit_entries_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_member", "audit_entries", ["member_id", "id"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject_kind", "subject_id", "id"], unique=False)
    op.create_table(
        "hosts",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("ssh_port", sa.Integer(), nullable=False),
        sa.Column("ssh_host_key", sa.Text(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("disk_mb", sa.Integer(), nullable=False),
        sa.Column("cpu_percent", sa.Integer(), nullable=False),
        sa.Column("dedicated_member_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'cordoned', 'retired')", name=op.f("ck_hosts_state")),
        sa.ForeignKeyConstraint(
            ["dedicated_member_id"], ["members.id"], name=op.f("fk_hosts_dedicated_member_id_members")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_hosts_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosts")),
        sa.UniqueConstraint("address", "ssh_port", name=op.f("uq_hosts_address_ssh_port")),
        sa.UniqueConstraint("name", name=op.f("uq_hosts_name")),
    )
    op.create_index(op.f("ix_hosts_site_id"), "hosts", ["site_id"], unique=False)
    op.create_table(
        "member_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_domains_member_id_members")),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_member_domains")),
    )
    op.create_index(op.f("ix_member_domains_member_id"), "member_domains", ["member_id"], unique=False)
    op.create_table(
        "role_grants",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(member_id IS NULL) = (role IN ('operator', 'steward'))"
            " AND role IN ('requester', 'member-it', 'privacy-officer', 'delegate', 'operator', 'steward')",
            name=op.f("ck_role_grants_role_fits_member"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_role_grants_member_id_members")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_role_grants_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
        sa.UniqueConstraint(
            "person_id",
            "member_id",
            "role",
            name=op.f("uq_role_grants_person_id_member_id_role"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_role_grants_member_id"), "role_grants", ["member_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("definition", sa.Integer(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(subject_kind = 'host') = (member_id IS NULL)", name=op.f("ck_runs_member_unless_host")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'abandoned')",
            name=op.f("ck_runs_state"),
        ),
        sa.CheckConstraint("subject_kind IN ('instance', 'host', 'member')", name=op.f("ck_runs_subject_kind")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_runs_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("id", "member_id", name=op.f("uq_runs_id_member_id")),
    )
    op.create_index(
        "ix_runs_due",
        "runs",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running', 'waiting')"),
    )
    op.create_index("ix_runs_member", "runs", ["member_id", "id"], unique=False)
    op.create_index("ix_runs_subject", "runs", ["subject_id", "id"], unique=False)
    op.create_index(
        "uq_runs_active_subject",
        "runs",
        ["subject_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running', 'waiting')"),
    )
    op.create_table(
        "tool_revisions",
        sa.Column("tool_slug", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parameters_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ansible_core", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('current', 'superseded', 'withdrawn')", name=op.f("ck_tool_revisions_state")),
        sa.ForeignKeyConstraint(
            ["successor_id"],
            ["tool_revisions.id"],
            name=op.f("fk_tool_revisions_successor_id_tool_revisions"),
        ),
        sa.ForeignKeyConstraint(["tool_slug"], ["tools.slug"], name=op.f("fk_tool_revisions_tool_slug_tools")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool_revisions")),
        sa.UniqueConstraint("tool_slug", "digest", name=op.f("uq_tool_revisions_tool_slug_digest")),
        sa.UniqueConstraint("tool_slug", "number", name=op.f("uq_tool_revisions_tool_slug_number")),
    )
    op.create_index(
        "uq_tool_revisions_current",
        "tool_revisions",
        ["tool_slug"],
        unique=True,
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "instances",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("tool_slug", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("owner_email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("desired_revision_id", sa.Uuid(), nullable=False),
        sa.Column("desired_parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("applied_revision_id", sa.Uuid(), nullable=True),
        sa.Column("applied_parameters", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attention", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('provisioning', 'running', 'failed', 'removing', 'removed')",
            name=op.f("ck_instances_state"),
        ),
        sa.ForeignKeyConstraint(
            ["applied_revision_id"],
            ["tool_revisions.id"],
            name=op.f("fk_instances_applied_revision_id_tool_revisions"),
        ),
        sa.ForeignKeyConstraint(
            ["desired_revision_id"],
            ["tool_revisions.id"],
            name=op.f("fk_instances_desired_revision_id_tool_revisions"),
        ),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_instances_host_id_hosts")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_instances_member_id_members")),
        sa.ForeignKeyConstraint(["tool_slug"], ["tools.slug"], name=op.f("fk_instances_tool_slug_tools")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("id", "member_id", name=op.f("uq_instances_id_member_id")),
    )
    op.create_index(op.f("ix_instances_host_id"), "instances", ["host_id"], unique=False)
    op.create_index("ix_instances_member", "instances", ["member_id", "id"], unique=False)
    op.create_table(
        "requests",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("tool_slug", sa.Text(), nullable=False),
        sa.Column("revision_id", sa.Uuid(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("owner_email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('submitted', 'approved', 'declined', 'withdrawn', 'fulfilled')",
            name=op.f("ck_requests_state"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_requests_member_id_members")),
        sa.ForeignKeyConstraint(["requested_by"], ["people.id"], name=op.f("fk_requests_requested_by_people")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["tool_revisions.id"], name=op.f("fk_requests_revision_id_tool_revisions")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_requests_site_id_sites")),
        sa.ForeignKeyConstraint(["tool_slug"], ["tools.slug"], name=op.f("fk_requests_tool_slug_tools")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sa.UniqueConstraint("id", "member_id", name=op.f("uq_requests_id_member_id")),
        sa.UniqueConstraint("instance_id", name=op.f("uq_requests_instance_id")),
    )
    op.create_index("ix_requests_member", "requests", ["member_id", "id"], unique=False)
    op.create_index("ix_requests_reference", "requests", ["member_id", "reference"], unique=False)
    op.create_table(
        "run_steps",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("output", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'running', 'failed', 'done')", name=op.f("ck_run_steps_state")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_steps_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_steps")),
    )
    op.create_table(
        "decisions",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('approved', 'declined')", name=op.f("ck_decisions_outcome")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_decisions_person_id_people")),
        sa.ForeignKeyConstraint(
            ["request_id", "member_id"],
            ["requests.id", "requests.member_id"],
            name=op.f("fk_decisions_request_id_member_id_requests"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_table(
        "hostnames",
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id", "member_id"],
            ["instances.id", "instances.member_id"],
            name=op.f("fk_hostnames_instance_id_member_id_instances"),
        ),
        sa.PrimaryKeyConstraint("hostname", name=op.f("pk_hostnames")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_idempotency_keys_person_id_people")),
        sa.ForeignKeyConstraint(
            ["request_id", "member_id"],
            ["requests.id", "requests.member_id"],
            name=op.f("fk_idempotency_keys_request_id_member_id_requests"),
        ),
        sa.PrimaryKeyConstraint("person_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "instance_secrets",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id", "member_id"],
            ["instances.id", "instances.member_id"],
            name=op.f("fk_instance_secrets_instance_id_member_id_instances"),
        ),
        sa.PrimaryKeyConstraint("instance_id", "name", "generation", name=op.f("pk_instance_secrets")),
    )
    op.create_table(
        "placements",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("disk_mb", sa.Integer(), nullable=False),
        sa.Column("cpu_percent", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_placements_host_id_hosts")),
        sa.ForeignKeyConstraint(
            ["instance_id", "member_id"],
            ["instances.id", "instances.member_id"],
            name=op.f("fk_placements_instance_id_member_id_instances"),
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_placements")),
    )
    op.create_index(op.f("ix_placements_host_id"), "placements", ["host_id"], unique=False)
    op.create_table(
        "ports",
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("number BETWEEN 20000 AND 29999", name=op.f("ck_ports_range")),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_ports_host_id_hosts")),
        sa.ForeignKeyConstraint(
            ["instance_id", "member_id"],
            ["instances.id", "instances.member_id"],
            name=op.f("fk_ports_instance_id_member_id_instances"),
        ),
        sa.PrimaryKeyConstraint("host_id", "number", name=op.f("pk_ports")),
        sa.UniqueConstraint("instance_id", "name", name=op.f("uq_ports_instance_id_name")),
    )
    op.create_table(
        "step_tries",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id", "position"],
            ["run_steps.run_id", "run_steps.position"],
            name=op.f("fk_step_tries_run_id_position_run_steps"),
        ),
        sa.PrimaryKeyConstraint("run_id", "position", "attempt", name=op.f("pk_step_tries")),
    )
