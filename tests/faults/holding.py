"""Holds a step in its middle, whichever kind it is, so that a fault hits it there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from tests.faults.lab import Lab, Probe, eventually

PLAYBOOKS = frozenset({"provision", "verify", "suspend", "deprovision"})
KEYCLOAK = frozenset({"organization", "identity", "close-sign-on", "remove-identity"})
TABLES = {"publish": "instances", "release": "ports"}
"""What the steps in the database wait for."""


class Holder:
    """Holds steps of one run. A playbook waits for a file, one at Keycloak on the way, one in the database a lock."""

    def __init__(self, lab: Lab, probe: Probe | None, connection: asyncpg.Connection) -> None:
        self._lab = lab
        self._probe = probe
        self._connection = connection

    async def hold(self, step: str) -> None:
        """Let the step not come to its end from now on."""
        if step in PLAYBOOKS and self._probe is not None:
            self._probe.hold(step)
        elif step in KEYCLOAK:
            self._lab.way.stall()
        else:
            await self._connection.execute(f"BEGIN; LOCK TABLE {TABLES[step]} IN ACCESS EXCLUSIVE MODE")

    async def let_go(self, step: str) -> None:
        """Let it go on."""
        if step in PLAYBOOKS and self._probe is not None:
            self._probe.let_go()
        elif step in KEYCLOAK:
            self._lab.way.open()
        else:
            await self._connection.execute("ROLLBACK")

    async def reached(self, run_id: UUID, step: str, after: int) -> int:
        """Wait until an attempt above `after` is in the middle of the step; gives its number."""

        async def there() -> bool:
            run = await self._lab.run(run_id)
            if run.attempt <= after or (await self._lab.steps(run_id))[step] != "running":
                return False
            if step in PLAYBOOKS and self._probe is not None:
                return ("act", step, run.attempt) in self._probe.acts()
            return step not in KEYCLOAK or self._lab.way.waiting

        await eventually(there, f"an attempt after {after} is in the middle of {step}")
        return (await self._lab.run(run_id)).attempt


@asynccontextmanager
async def holder(lab: Lab, probe: Probe | None = None) -> AsyncIterator[Holder]:
    """Have a holder that holds nothing any more at the end."""
    connection = await asyncpg.connect(lab.at.owner.url)
    try:
        yield Holder(lab, probe, connection)
    finally:
        connection.terminate()
        lab.way.open()
        if probe is not None:
            probe.let_go()
