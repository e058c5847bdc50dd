"""Every table of every slice, for Alembic and for tests that compare the models with the migrations."""

from catalog.instances import tables as instances
from catalog.members import tables as members
from catalog.platform import audit, outbox
from catalog.platform.db.base import Base
from catalog.requests import tables as requests
from catalog.runs import tables as runs
from catalog.runs.hosts import tables as hosts
from catalog.sites import tables as sites
from catalog.tools import tables as tools

__all__ = ["audit", "hosts", "instances", "members", "metadata", "outbox", "requests", "runs", "sites", "tools"]

metadata = Base.metadata
