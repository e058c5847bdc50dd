"""A worker that does one run and can be killed: `python -m tests.hosts.worker_process RUN`, set by the environment."""

import asyncio
import os
import sys
from pathlib import Path
from uuid import UUID

from tests.hosts.conftest import NOWHERE

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.secrets import Vault
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.engine import Engine
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.table import steps_of
from catalog.runs.tables import Run
from catalog.settings import DatabaseSettings, SecretKeys


async def main(run_id: UUID) -> None:
    """Do the run's steps until it has ended."""
    database = Database(DatabaseSettings(os.environ["TEST_DATABASE_URL"]), name="test-killed-worker", pool_size=5)
    parts = Parts(
        vault=Vault(SecretKeys("1", {"1": os.urandom(32)})),
        playbooks=PlaybookRunner(os.environ["TEST_ANSIBLE_USER"], Path(os.environ["TEST_SSH_KEY_FILE"])),
        issuer="https://signon.invalid/realms/coop",
        clients=NOWHERE,
        people=NOWHERE,
    )
    engine = Engine(database, steps_of(parts), worker="killed-worker")
    state = "queued"
    while state == "queued":
        await engine.work(run_id)
        async with database.begin(OPERATOR) as session:
            state = (await session.get_one(Run, run_id)).state


if __name__ == "__main__":
    asyncio.run(main(UUID(sys.argv[1])))
