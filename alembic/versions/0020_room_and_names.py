"""What a member's transaction may know of others: how full each host is, and whether a name is taken. Nothing more.

Row-level security is forced on the owner too, so the functions, which run as the owner, get a policy of their own on
the two tables that they count.
"""

from alembic import op

revision = "0020"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the server count what it can't see."""
    for table in ("placements", "hostnames"):
        op.execute(f"CREATE POLICY counting ON {table} FOR SELECT TO CURRENT_USER USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO CURRENT_USER")
    op.execute(
        """
        CREATE FUNCTION catalog_host_usage()
        RETURNS TABLE (host_id uuid, memory_mb bigint, disk_mb bigint, cpu_percent bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
        BEGIN ATOMIC
            SELECT p.host_id, sum(p.memory_mb), sum(p.disk_mb), sum(p.cpu_percent) FROM placements p GROUP BY p.host_id;
        END
        """
    )
    op.execute(
        """
        CREATE FUNCTION catalog_hostname_taken(name text) RETURNS boolean
        LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = public, pg_temp
        BEGIN ATOMIC
            SELECT EXISTS (
                SELECT FROM hostnames h WHERE h.hostname = name AND (h.rests_until IS NULL OR h.rests_until > now())
            );
        END
        """
    )
    for function in ("catalog_host_usage()", "catalog_hostname_taken(text)"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO catalog_server")
