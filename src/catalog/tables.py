"""Every table of every slice, for Alembic and for tests that compare the models with the migrations."""

from catalog.batches import tables as batches
from catalog.calendar import tables as calendar
from catalog.instances import tables as instances
from catalog.members import tables as members
from catalog.platform import audit, idempotency, outbox
from catalog.platform.db.base import Base
from catalog.requests import tables as requests
from catalog.runs import tables as runs
from catalog.runs.hosts import tables as hosts
from catalog.runs.orphans import tables as orphans
from catalog.runs.shell import tables as shell
from catalog.schedules import tables as schedules
from catalog.sites import tables as sites
from catalog.tools import tables as tools

__all__ = [
    "audit",
    "batches",
    "calendar",
    "hosts",
    "idempotency",
    "instances",
    "members",
    "metadata",
    "orphans",
    "outbox",
    "requests",
    "runs",
    "schedules",
    "shell",
    "sites",
    "tools",
]

metadata = Base.metadata
