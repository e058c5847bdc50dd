"""Fills a database with members, hosts, instances, runs and events, by statements that make many rows at once."""

import asyncpg

from bench.own_database import OwnDatabase

ACTIVE = 200
EVENTS_AT_ONCE = 1_000_000

# Each is done with an operator's sight; $1 is the number of instances where it is asked for.
_WORLD = (
    """
    INSERT INTO members (id, created_at, ror, alias, name_en, name_fr, province)
    SELECT uuidv7(), now(), 'made-up-' || n, 'member-' || n, 'Member ' || n, 'Membre ' || n, 'BC'
    FROM generate_series(1, 200) n
    """,
    """
    INSERT INTO people (id, created_at, issuer, subject, name) VALUES (uuidv7(), now(), 'made-up', 'ada', 'Ada')
    """,
    """
    INSERT INTO tools (slug, listing, listing_digest) SELECT 'tool-' || n, '{}', 'none' FROM generate_series(1, 20) n
    """,
    """
    INSERT INTO tool_revisions (id, created_at, tool_slug, number, version, digest, archive, manifest,
        parameters_schema, ansible_core, state, published_by)
    SELECT uuidv7(), now(), slug, 1, '1', slug, '', '{}', '{}', '2.19', 'current', 'bench' FROM tools
    """,
    """
    INSERT INTO sites (id, created_at, slug, name_en, name_fr, city, province, country, operator, attested_by, evidence,
        attested_from, attested_until)
    SELECT uuidv7(), now(), 'site-' || n, 'Site ' || n, 'Site ' || n, 'Vancouver', 'BC', 'CA', 'made up', 'made up',
        'made up', now(), now() + interval '1 year' FROM generate_series(1, 10) n
    """,
    """
    INSERT INTO hosts (id, created_at, site_id, name, address, ssh_port, ssh_host_key, release, state, memory_mb,
        disk_mb, cpu_percent)
    SELECT uuidv7(), now(), (SELECT id FROM sites WHERE slug = 'site-' || (n % 10 + 1)), 'host-' || n, 'host-' || n, 22,
        'none', 'bookworm', 'active', 65536, 1000000, 1600 FROM generate_series(1, 1000) n
    """,
)
_INSTANCES = """
    WITH m AS (SELECT array_agg(id ORDER BY alias) ids FROM members), h AS (SELECT array_agg(id) ids FROM hosts),
        r AS (SELECT array_agg(id) ids, array_agg(tool_slug) slugs FROM tool_revisions)
    INSERT INTO instances (id, created_at, member_id, tool_slug, hostname, state, host_id, plan, purpose, owner_name,
        owner_email, language, labels, desired_revision_id, desired_parameters, applied_revision_id, applied_at,
        version)
    SELECT uuidv7(make_interval(secs => n - $1)), now(), m.ids[n % 199 + 2], r.slugs[n % 20 + 1],
        'name-' || n || '.coop-tools.test', CASE WHEN n <= 60 THEN 'failed' ELSE 'running' END,
        h.ids[n % 1000 + 1],
        'small', 'Notes', 'Ada', 'ada@example', 'en', '{}', r.ids[n % 20 + 1], '{"title": "Notes"}', r.ids[n % 20 + 1],
        now(), 1
    FROM generate_series(1, $1::int) n, m, h, r
"""
# The first member, by alias, has ten: somebody small sees little among the many things of others.
_OF_A_SMALL_MEMBER = """
    UPDATE instances SET member_id = (SELECT id FROM members ORDER BY alias LIMIT 1)
    WHERE id IN (SELECT id FROM instances ORDER BY id LIMIT 10)
"""
_REQUESTS = """
    INSERT INTO requests (id, created_at, member_id, requested_by, tool_slug, revision_id, plan, parameters, hostname,
        purpose, owner_name, owner_email, language, labels, site_id, warnings, instance_id, state, version)
    SELECT i.id, now(), i.member_id, p.id, tool_slug, desired_revision_id, plan, desired_parameters, hostname, purpose,
        owner_name, owner_email, language, labels, h.site_id, '[]', i.id, 'fulfilled', 3
    FROM instances i JOIN hosts h ON h.id = i.host_id, people p
"""
_RUNS = """
    INSERT INTO runs (id, created_at, member_id, subject_kind, subject_id, action, definition, input, requested_by,
        state, priority, attempt, due_at, started_at, ended_at, last_sequence, site_id, host_id, tool_slug)
    SELECT i.id, now(), member_id, 'instance', i.id, 'provision', 2, '{}', 'bench',
        CASE WHEN i.state = 'failed' THEN 'failed' ELSE 'succeeded' END, 10, 4, now(), now(), now(), $1, h.site_id,
        i.host_id, tool_slug
    FROM instances i JOIN hosts h ON h.id = i.host_id
"""
_ACTIVE_RUNS = """
    INSERT INTO runs (id, created_at, member_id, subject_kind, subject_id, action, definition, input, requested_by,
        state, priority, attempt, due_at, last_sequence, site_id, host_id, tool_slug)
    SELECT uuidv7(), now(), i.member_id, 'instance', i.id, 'verify', 2, '{}', 'bench', 'queued', 10, 0, now(), 0,
        h.site_id, i.host_id, i.tool_slug
    FROM (SELECT * FROM instances ORDER BY id DESC LIMIT $1) i JOIN hosts h ON h.id = i.host_id
"""
_STEPS = """
    INSERT INTO run_steps (run_id, position, member_id, name, queue, timeout_seconds, state)
    SELECT r.id, n, member_id, 'verify', 'core', 600, CASE WHEN r.ended_at IS NULL THEN 'pending' ELSE 'done' END
    FROM runs r, generate_series(1, CASE WHEN r.ended_at IS NULL THEN 1 ELSE 4 END) n
"""
_EVENTS = """
    INSERT INTO run_events (run_id, sequence, member_id, recorded_at, kind, data)
    SELECT r.id, n, r.member_id, now(), 'task.ok',
        '{"task": "Write the settings of the wiki", "host": "instance_host", "role": "wiki"}'
    FROM (SELECT id, member_id FROM runs WHERE action = 'provision' ORDER BY id OFFSET $1 LIMIT $2) r,
        generate_series(1, $3::bigint) n
"""


async def fill(database: OwnDatabase, *, instances: int, events: int) -> None:
    """Write so many instances, each with a run that ended, and so many events; `ACTIVE` instances have one more run."""
    each = events // instances
    server, worker = await _operator(database.server.url), await _operator(database.worker.url)
    try:
        for statement in _WORLD:
            await server.execute(statement)
        await server.execute(_INSTANCES, instances)
        await server.execute(_OF_A_SMALL_MEMBER)
        await server.execute(_REQUESTS)
        await server.execute(_RUNS, each)
        await server.execute(_ACTIVE_RUNS, ACTIVE)
        await server.execute(_STEPS)
        at_once = max(1, EVENTS_AT_ONCE // max(1, each))
        for first in range(0, instances, at_once):
            await worker.execute(_EVENTS, first, at_once, each)
    finally:
        await server.close()
        await worker.close()
    owner = await asyncpg.connect(database.owner.url)
    await owner.execute("ANALYZE")
    await owner.close()


async def _operator(url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(url, command_timeout=None, server_settings={"synchronous_commit": "off"})
    await connection.execute("SELECT set_config('catalog.operator', 'on', false)")
    return connection
