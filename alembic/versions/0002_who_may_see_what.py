"""Who may see what: the two working roles, their privileges, and forced row-level security on every table.

The owner makes tables and sees no rows. `catalog_server` sees the rows of the members that its transaction names
(`catalog.platform.db.scope`), `catalog_worker` those of all members, but each may write only what its work needs.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

READ = "SELECT"
MAKE = "SELECT, INSERT"
KEEP = "SELECT, INSERT, UPDATE"
ALL = "SELECT, INSERT, UPDATE, DELETE"

# table: (policy, privileges of the server, privileges of the worker)
TABLES = {
    "members": ("common", KEEP, "SELECT, UPDATE"),
    "member_domains": ("common", ALL, READ),
    "tools": ("common", KEEP, READ),
    "tool_revisions": ("common", KEEP, READ),
    "generations": ("counter", KEEP, READ),
    "sites": ("common", KEEP, READ),
    "hosts": ("common", KEEP, KEEP),
    "people": ("person", KEEP, READ),
    "role_grants": ("grant", ALL, READ),
    "requests": ("member", KEEP, "SELECT, UPDATE"),
    "decisions": ("member", MAKE, READ),
    "idempotency_keys": ("member", ALL, "SELECT, DELETE"),
    "instances": ("member", KEEP, KEEP),
    "hostnames": ("member", ALL, ALL),
    "placements": ("member", ALL, ALL),
    "ports": ("member", ALL, ALL),
    "instance_secrets": ("member", None, ALL),
    "runs": ("member", MAKE, KEEP),
    "run_steps": ("member", MAKE, KEEP),
    "step_tries": ("member", READ, KEEP),
    "run_events": ("member", READ, MAKE),
    "audit_entries": ("audit", MAKE, MAKE),
    "outbox_events": ("outbox", "INSERT", ALL),
}

MEMBER = "catalog_is_operator() OR member_id = ANY (catalog_members())"
ME = "issuer = current_setting('catalog.issuer', true) AND subject = current_setting('catalog.subject', true)"

COLLEAGUE = (
    "EXISTS (SELECT FROM role_grants WHERE person_id = people.id AND role_grants.member_id = ANY (catalog_members()))"
)

# policy: [(command, USING, WITH CHECK)] of the server
POLICIES: dict[str, list[tuple[str, str | None, str | None]]] = {
    "common": [
        ("SELECT", "true", None),
        ("INSERT", None, "catalog_is_operator()"),
        ("UPDATE", "catalog_is_operator()", "catalog_is_operator()"),
        ("DELETE", "catalog_is_operator()", None),
    ],
    "counter": [("ALL", "true", "true")],
    "member": [("ALL", MEMBER, MEMBER)],
    "person": [
        (
            "SELECT",
            f"catalog_is_operator() OR id = catalog_person() OR ({ME}) OR {COLLEAGUE}",
            None,
        ),
        ("INSERT", None, f"catalog_is_operator() OR ({ME})"),
        ("UPDATE", f"catalog_is_operator() OR ({ME})", f"catalog_is_operator() OR ({ME})"),
    ],
    "grant": [
        (
            "SELECT",
            "catalog_is_operator() OR person_id = catalog_person() OR member_id = ANY (catalog_members())",
            None,
        ),
        ("INSERT", None, MEMBER),
        ("UPDATE", MEMBER, MEMBER),
        ("DELETE", MEMBER, None),
    ],
    "audit": [("SELECT", MEMBER, None), ("INSERT", None, f"member_id IS NULL OR {MEMBER}")],
    "outbox": [("INSERT", None, "true")],
}

FUNCTIONS = """
CREATE FUNCTION catalog_is_operator() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('catalog.operator', true) = 'on', false);

CREATE FUNCTION catalog_members() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(nullif(current_setting('catalog.members', true), ''), ',')::uuid[];

CREATE FUNCTION catalog_person() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('catalog.person', true), '')::uuid;
"""

# A month's partition holds the runs whose ids were made in it; made ahead, so that no event ever waits for one.
PARTITIONS = """
CREATE FUNCTION catalog_first_id(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT
    RETURN rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

CREATE FUNCTION catalog_ensure_event_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    month timestamptz;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(7203914552018);
    FOR ahead IN 0..3 LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => ahead);
        name := 'run_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF run_events FOR VALUES FROM (%L) TO (%L)',
                name, catalog_first_id(month), catalog_first_id(month + interval '1 month')
            );
        END IF;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION catalog_ensure_event_partitions() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION catalog_ensure_event_partitions() TO catalog_worker;

SELECT catalog_ensure_event_partitions();
"""


def upgrade() -> None:
    """Make the roles, and hold them to their rows."""
    for role in ("catalog_server", "catalog_worker"):
        _ensure_role(role)
    _each(FUNCTIONS)
    for table, (policy, server, worker) in TABLES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        if server is not None:
            op.execute(f"GRANT {server} ON {table} TO catalog_server")
            _server_policies(table, policy)
        op.execute(f"GRANT {worker} ON {table} TO catalog_worker")
        op.execute(f"CREATE POLICY worker ON {table} TO catalog_worker USING (true) WITH CHECK (true)")
    _each(PARTITIONS)


def _ensure_role(role: str) -> None:
    # Roles belong to the whole cluster: another database of it may have made them, even at this moment.
    op.execute(
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute(f"GRANT {role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def _server_policies(table: str, policy: str) -> None:
    for command, using, check in POLICIES[policy]:
        clauses = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
        op.execute(f"CREATE POLICY server_{command.lower()} ON {table} FOR {command} TO catalog_server{clauses}")


def _each(script: str) -> None:
    """Run a script's statements one by one, since asyncpg prepares each; they are parted by `;` and an empty line."""
    for statement in script.split(";\n\n"):
        op.execute(statement.strip().removesuffix(";"))
