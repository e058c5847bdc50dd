"""Versions side by side, and events that are kept for a time.

Only adds. What the version before does not write is written here for it, so that holds and limits count its runs too; a
later release takes that out again. Whole months of events go by a function, since they belong to the owner. The lists
find what is rare among much by an index.
"""

from alembic import op

revision = "0036"
down_revision = "0030"
branch_labels = None
depends_on = None

# A server of the version before says nothing of where a run acts.
PLACE = """
CREATE FUNCTION catalog_place_run() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    SELECT h.id, h.site_id, i.tool_slug INTO NEW.host_id, NEW.site_id, NEW.tool_slug
    FROM instances i JOIN hosts h ON h.id = i.host_id WHERE i.id = NEW.subject_id;
    RETURN NEW;
END $$;

CREATE TRIGGER place_run BEFORE INSERT ON runs FOR EACH ROW
WHEN (NEW.subject_kind = 'instance' AND NEW.host_id IS NULL) EXECUTE FUNCTION catalog_place_run()
"""

# A worker of the version before asks for no admission when it takes a run up: a hold makes it leave the run alone.
# The conditions are those of `catalog.runs.admission.holds_it`.
ADMIT = """
CREATE FUNCTION catalog_admit_run() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM holds WHERE lifted_at IS NULL AND (
            scope = 'all'
            OR (scope = 'site' AND target = NEW.site_id::text)
            OR (scope = 'host' AND target = NEW.host_id::text)
            OR (scope = 'tool' AND target = NEW.tool_slug)
            OR (scope = 'instance' AND NEW.subject_kind = 'instance' AND target = NEW.subject_id::text)
        )
    ) THEN
        RETURN NULL;
    END IF;
    NEW.admitted_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER admit_run BEFORE UPDATE ON runs FOR EACH ROW
WHEN (NEW.attempt > OLD.attempt AND NEW.admitted_at IS NULL) EXECUTE FUNCTION catalog_admit_run()
"""

# It does not know either that an end gives the place back, and answers what was asked of the run.
LEAVE = """
CREATE FUNCTION catalog_leave_run() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.admitted_at := NULL;
    NEW.stop := NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER leave_run BEFORE UPDATE ON runs FOR EACH ROW
WHEN (NEW.ended_at IS NOT NULL AND (NEW.admitted_at IS NOT NULL OR NEW.stop IS NOT NULL))
EXECUTE FUNCTION catalog_leave_run()
"""

BEGUN_BEFORE = """
UPDATE runs SET host_id = h.id, site_id = h.site_id, tool_slug = i.tool_slug,
    admitted_at = coalesce(runs.admitted_at, runs.started_at)
FROM instances i JOIN hosts h ON h.id = i.host_id
WHERE runs.state IN ('queued', 'running', 'waiting') AND runs.host_id IS NULL
AND runs.subject_kind = 'instance' AND i.id = runs.subject_id
"""

# Gives the name of the month that went, or null. The second look stands behind the lock: whoever takes an old run up
# again has either been seen, or finds the month gone.
KEEPING = """
CREATE POLICY keeping_events ON runs FOR SELECT TO CURRENT_USER
USING (current_setting('catalog.keeping_events', true) = 'on');

GRANT SELECT ON runs TO CURRENT_USER;

CREATE FUNCTION catalog_drop_events_before(oldest timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    month timestamptz;
    name text;
BEGIN
    PERFORM set_config('catalog.keeping_events', 'on', true);
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'run_events'::regclass ORDER BY c.relname
    LOOP
        month := to_timestamp(right(name, 6), 'YYYYMM');
        EXIT WHEN month + interval '1 month' > oldest;
        CONTINUE WHEN catalog_month_needed(month, oldest);
        LOCK TABLE run_events IN ACCESS EXCLUSIVE MODE;
        CONTINUE WHEN catalog_month_needed(month, oldest);
        EXECUTE format('DROP TABLE %I', name);
        RETURN name;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_month_needed(month timestamptz, oldest timestamptz) RETURNS boolean LANGUAGE sql VOLATILE
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM runs WHERE id >= catalog_first_id(month) AND id < catalog_first_id(month + interval '1 month')
        AND (ended_at IS NULL OR ended_at > oldest)
    )
$$;

REVOKE ALL ON FUNCTION catalog_drop_events_before(timestamptz), catalog_month_needed(timestamptz, timestamptz)
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION catalog_drop_events_before(timestamptz) TO catalog_worker
"""


def upgrade() -> None:
    """Fill in for the version before, and let workers drop months of events."""
    for script in (PLACE, ADMIT, LEAVE):
        _each(script)
    # The owner sees no rows: those of the version before are filled in as a worker sees them.
    op.execute("SET LOCAL ROLE catalog_worker")
    op.execute(BEGUN_BEFORE)
    op.execute("RESET ROLE")
    _each(KEEPING)
    for table in ("instances", "requests", "runs"):
        op.create_index(f"ix_{table}_state", table, ["state", "id"])
    op.create_index("ix_instances_tool", "instances", ["tool_slug", "id"])


def _each(script: str) -> None:
    """Run a script's statements one by one, since asyncpg prepares each; they are parted by `;` and an empty line."""
    for statement in script.split(";\n\n"):
        op.execute(statement.strip().removesuffix(";"))
