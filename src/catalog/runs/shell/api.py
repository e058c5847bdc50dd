"""The addresses by which an operator's own `ansible-playbook` takes part."""

import base64
from typing import Annotated
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.authentication import PUBLIC
from catalog.identity.principals import Principal
from catalog.platform.db.engine import Database
from catalog.platform.errors import FieldError, InvalidInput
from catalog.platform.http.pages import PageRequest
from catalog.platform.http.refusals import public_refusals, refusals
from catalog.platform.i18n import Text
from catalog.runs.shell import inventory, offline, starting, telling
from catalog.runs.shell.schemas import (
    AttemptIn,
    AttemptOut,
    BeginIn,
    BegunOut,
    EndedOut,
    EndIn,
    HeardOut,
    InventoryPage,
    LinesIn,
    OfflineIn,
    SealedOut,
)
from catalog.runs.tables import Run
from catalog.settings import ServerSettings

_BEGIN = """
Begin a run whose playbook the caller's own shell does; workers do its other steps. Needs the role `operator`.

The answer holds a key for the run. All that follows is sent with it as `Run-Key`, since a playbook may take longer than
an access token lasts. Nothing may be done on the host before `POST /v1/shell-runs/{run_id}/attempt` was answered.
""".strip()

_KEY_HELD = public_refusals(400, 404, 409, 413, 415, 503)
_WRONG_KEY = Text(en="This is no public key of X25519.", fr="Ce n’est pas une clé publique X25519.")

RunKey = Annotated[
    str, HeaderParameter(name="Run-Key", max_length=100, description="The key that the begin of the run gave.")
]


class InventoryController(Controller):
    """Ansible's inventory."""

    path = "/v1/inventory"
    tags = ("Operators’ shells",)

    @get(summary="Read Ansible’s inventory", responses=refusals(400, 403))
    async def page(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        settings: NamedDependency[ServerSettings],
        page: NamedDependency[PageRequest],
    ) -> InventoryPage:
        """List every instance with what its playbooks are told, secrets left out. Needs the role `operator`."""
        principal.require("operator")
        return await inventory.inventory_page(uow, page, settings.issuer)


class OfflineRunsController(Controller):
    """Runs that were done while the catalog could not be asked."""

    path = "/v1/offline-runs"
    tags = ("Operators’ shells",)

    @post(summary="Report a run done offline", responses=refusals(400, 403, 404, 409, 413, 415))
    async def report(
        self,
        principal: NamedDependency[Principal],
        database: NamedDependency[Database],
        settings: NamedDependency[ServerSettings],
        data: JSONBody[OfflineIn],
    ) -> EndedOut:
        """Write down what was done, as a run that has ended. The same report again gives the same run."""
        async with database.begin(principal.scope()) as session:
            run = await offline.report(session, data, principal)
        return _ended(run, settings)


class ShellRunsController(Controller):
    """Runs whose playbook an operator's shell does."""

    path = "/v1/shell-runs"
    tags = ("Operators’ shells",)

    @post(summary="Begin a run from a shell", description=_BEGIN, responses=refusals(400, 403, 404, 409, 413, 415))
    async def begin(
        self,
        principal: NamedDependency[Principal],
        database: NamedDependency[Database],
        settings: NamedDependency[ServerSettings],
        data: JSONBody[BeginIn],
    ) -> BegunOut:
        """Begin a run, or be told who acts on the instance."""
        async with database.begin(principal.scope()) as session:
            run, key = await starting.begin(session, data, principal)
        return BegunOut(run=run.id, action=run.action, key=key, url=_url(run.id, settings))

    @post(
        "/{run_id:uuid}/attempt",
        summary="Take the playbook’s step",
        opt=PUBLIC,
        responses=_KEY_HELD,
    )
    async def attempt(
        self,
        database: NamedDependency[Database],
        settings: NamedDependency[ServerSettings],
        run_id: FromPath[UUID],
        run_key: RunKey,
        data: JSONBody[AttemptIn],
    ) -> AttemptOut:
        """Claim the step, once workers have done those before it (`step-not-due` until then), and hold a lease."""
        public_key = _public_key(data.public_key)
        return await telling.take_step(database, run_id, run_key, public_key, settings.issuer)

    @post(
        "/{run_id:uuid}/secrets",
        summary="Fetch the sealed secrets",
        opt=PUBLIC,
        responses=_KEY_HELD,
    )
    async def secrets(self, database: NamedDependency[Database], run_id: FromPath[UUID], run_key: RunKey) -> SealedOut:
        """Give what a worker sealed for the attempt's key, once; `secrets-not-sealed` until it has."""
        sealed = await telling.fetch_secrets(database, run_id, run_key)
        return SealedOut(sealed=base64.b64encode(sealed).decode())

    @post(
        "/{run_id:uuid}/lines",
        status_code=200,
        summary="Tell what happens",
        opt=PUBLIC,
        responses=_KEY_HELD,
    )
    async def lines(
        self,
        database: NamedDependency[Database],
        run_id: FromPath[UUID],
        run_key: RunKey,
        data: JSONBody[LinesIn],
    ) -> HeardOut:
        """Add lines to the run's story, renew the lease, and hear whether to stop."""
        return await telling.hear(database, run_id, run_key, data)

    @post(
        "/{run_id:uuid}/end",
        status_code=200,
        summary="End the playbook’s step",
        opt=PUBLIC,
        responses=_KEY_HELD,
    )
    async def end(
        self,
        *,
        database: NamedDependency[Database],
        settings: NamedDependency[ServerSettings],
        run_id: FromPath[UUID],
        run_key: RunKey,
        data: JSONBody[EndIn],
    ) -> EndedOut:
        """Say how the playbook ended. Workers go on with the steps that follow it."""
        return _ended(await telling.end(database, run_id, run_key, data), settings)


def _public_key(encoded: str) -> bytes:
    """Read a key that can be sealed for. Raises `InvalidInput`."""
    raw = base64.b64decode(encoded)
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError as error:
        raise InvalidInput(fields=(FieldError("/public_key", "wrong-format", _WRONG_KEY),)) from error
    return raw


def _ended(run: Run, settings: ServerSettings) -> EndedOut:
    return EndedOut(run=run.id, state=run.state, url=_url(run.id, settings))


def _url(run_id: UUID, settings: ServerSettings) -> str:
    return f"{settings.url}/v1/runs/{run_id}"
