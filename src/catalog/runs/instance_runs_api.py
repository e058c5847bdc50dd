"""The address by which operators start an action on an instance."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import Overrule
from catalog.identity.principals import Principal
from catalog.instances.tables import Instance
from catalog.platform.errors import InvalidInput, NotFound
from catalog.platform.http.conditional import require_match
from catalog.platform.http.idempotency_header import IdempotencyKey
from catalog.platform.http.language import language_headers
from catalog.platform.http.openapi import IF_MATCH_BY_CASE
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.platform.idempotency import attempted, earlier, remember
from catalog.platform.typed import wrong_text
from catalog.runs import reading
from catalog.runs.actions import CHANGING, Wanted, begin
from catalog.runs.reading import Reader
from catalog.runs.schemas import RunOut

ACCEPTED = 202
RETRY_AFTER_SECONDS = "5"

_START = """
Start an action on one instance. For operators. The answer is the run, which a worker takes up; follow its events.

| action | what it does | goes with it |
|---|---|---|
| `verify` | looks whether it answers as it should | |
| `provision` | sets it up again as it is desired now | |
| `update` | changes parameters; what is fixed since its first provision is refused | `parameters` |
| `upgrade` | brings it to another revision of its tool; also back to an older one | `revision`, `parameters` |
| `suspend`, `resume` | takes it off the web, its data kept; brings it back | |
| `deprovision` | goes on with a removal, or takes a failed first provision away; else use its removal | |
| a tool's own | what the tool's revision says | `input` |

`parameters` are merged into the desired ones as JSON Merge Patch does (RFC 7396): null takes one out. What is desired
of the instance changes in the same transaction as the run is written, or not at all. `update`, `upgrade`, `suspend`,
`resume` and `deprovision` need `If-Match` with the instance's `ETag`. With an `Idempotency-Key`, the same body sent
again gets the same run as it is by then, and starts nothing twice.

During a freeze, what changes something is refused (`changes-frozen`) unless `overrule` says why it is done all the
same.
""".strip()

_STARTED = {
    202: ResponseSpec(RunOut, description="The run is on its way; `Location` is where it is."),
    **refusals(400, 403, 404, 409, 412, 413, 415, 428),
}

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="The instance's `ETag` that was read, for actions that change it."),
]
ActionName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=40,
        description="One of the catalog's actions, or one of the tool's own.",
        examples=["verify"],
    ),
]
RevisionNumber = Annotated[int, Meta(ge=1, le=2**31 - 1, description="The number to upgrade to; none: the current.")]


class RunIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done, with what goes with it."""

    action: ActionName
    parameters: Annotated[dict[str, Any], Meta(description="What changes of the parameters.")] | None = None
    revision: RevisionNumber | None = None
    input: Annotated[dict[str, Any], Meta(description="What one of the tool's own actions is given.")] | None = None
    overrule: (
        Annotated[
            str, Meta(min_length=1, max_length=500, description="Why a freeze does not stand in the way; audited.")
        ]
        | None
    ) = None

    def wanted(self) -> Wanted:
        """Give it as the runs know it."""
        return Wanted(self.action, self.parameters, self.revision, self.input)


class InstanceRunsController(Controller):
    """Actions on one instance."""

    path = "/v1/instances"
    tags = ("Runs",)

    @post(
        "/{instance_id:uuid}/runs",
        summary="Start an action on an instance",
        description=_START,
        status_code=ACCEPTED,
        responses=_STARTED,
        opt={IF_MATCH_BY_CASE: True},
    )
    async def start(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        data: JSONBody[RunIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        instance_id: FromPath[UUID],
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[RunOut]:
        """Start it, or give the run that the same POST started before."""
        instance = await _locked(uow, instance_id)
        principal.require("operator")
        run_id = await _started(uow, principal, instance, data, if_match=if_match, idempotency_key=idempotency_key)
        found = await reading.run_with_steps(uow, run_id, Reader(language=language, for_operator=True))
        headers = {"Location": f"/v1/runs/{run_id}", "Retry-After": RETRY_AFTER_SECONDS}
        return Response(found, headers={**headers, **language_headers(language)})


async def _locked(session: AsyncSession, instance_id: UUID) -> Instance:
    """Lock the instance: whoever starts a run on it waits for the other. Raises `NotFound`."""
    found = await session.scalar(sa.select(Instance).where(Instance.id == instance_id).with_for_update())
    if found is None:
        raise NotFound
    return found


async def _started(  # noqa: PLR0913 - each is a part of the request
    session: AsyncSession,
    principal: Principal,
    instance: Instance,
    asked: RunIn,
    *,
    if_match: str | None,
    idempotency_key: str | None,
) -> UUID:
    attempt = None
    if idempotency_key is not None:
        attempt = attempted(principal.person_id, idempotency_key, "run", [instance.id, asked])
        known = await earlier(session, attempt)
        if known is not None:
            return known
    if if_match is not None or asked.action in CHANGING:
        require_match(if_match, instance.version)
    overrule = None if asked.overrule is None else _overrule(principal, asked.overrule)
    run = await begin(session, instance, asked.wanted(), actor=principal.actor, overrule=overrule)
    if attempt is not None:
        await remember(session, attempt, run.id, member_id=instance.member_id)
    return run.id


def _overrule(principal: Principal, reason: str) -> Overrule:
    """Read why a freeze is overruled. Raises `InvalidInput`."""
    wrong = tuple(wrong_text("/overrule", reason, several_lines=True))
    if wrong:
        raise InvalidInput(fields=wrong)
    return Overrule(principal.actor, reason.strip())
