"""`catalog worker` with one of its protections taken out, to see that the loop would notice.

COOP_WITHOUT=fence|recovery|journal python -m tests.faults.loop.without worker
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from catalog import __main__ as product
from catalog import worker
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs import attempts, engine
from catalog.runs.ansible import fence
from catalog.runs.attempts import Claim
from catalog.runs.tables import RunStep, StepTry

# It lets every attempt act, and ends none.
NO_FENCE = """\
#!/bin/sh
instance=$1 attempt=$2 action=$3
export COOP_ATTEMPT="$instance $attempt"
case $action in
--take)
    mkdir -p /var/lib/coop-catalog/attempts
    shell=/var/lib/coop-catalog/attempts/$instance.shell-$attempt
    printf '#!/bin/sh\\nexec %s %s %s "$@"\\n' "$0" "$instance" "$attempt" >"$shell"
    chmod 755 "$shell"
    ;;
--end) ;;
*)
    shift 2
    exec /bin/sh "$@"
    ;;
esac
"""


def without_fence() -> None:
    """Let every attempt act on the host."""
    fence.SCRIPT = NO_FENCE


def without_recovery() -> None:
    """Look after no run that nobody does."""

    async def look_after(database: Database, stopping: asyncio.Event) -> None:
        del database
        await stopping.wait()

    vars(worker)["look_after"] = look_after


def without_journal() -> None:
    """Begin a run that was interrupted again from its first step, as if nothing of it were known."""
    claim_run = attempts.claim_run

    async def claimed(database: Database, *arguments: Any, **named: Any) -> Claim | None:
        claim = await claim_run(database, *arguments, **named)
        if claim is None:
            return None
        async with database.begin(OPERATOR) as session:
            interrupted = sa.select(StepTry).where(StepTry.run_id == claim.run_id, StepTry.outcome.is_(None))
            first = await session.get_one(RunStep, (claim.run_id, 1))
            if (await session.scalars(interrupted)).first() is None:
                return claim
            return replace(claim, position=1, step=first.name, timeout_seconds=first.timeout_seconds)

    vars(engine)["claim_run"] = claimed


TAKEN_OUT: dict[str, Callable[[], None]] = {
    "fence": without_fence,
    "recovery": without_recovery,
    "journal": without_journal,
}

if __name__ == "__main__":
    TAKEN_OUT[os.environ["COOP_WITHOUT"]]()
    product.main()
