"""The address at which plans are made."""

from uuid import UUID

import sqlalchemy as sa
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.instances.service import instance_by_id
from catalog.instances.tables import Instance
from catalog.platform.http.language import language_headers
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.runs.actions import Wanted
from catalog.runs.plans.desired import desired_after
from catalog.runs.plans.schemas import PlanIn
from catalog.runs.plans.service import start_plan
from catalog.runs.reading import Reader, run_with_steps
from catalog.runs.schemas import RunOut

ACCEPTED = 202

_PLAN = """
See what an update, an upgrade or a reconcile would change, before it is started. For operators.

The answer is a run of its own, which changes nothing: it compares the instance's client in Keycloak with what it would
be, and lets Ansible say which tasks of the tool's playbook would change something on the host. When it has succeeded,
`GET /v1/runs/{id}` has all of it as `comparison`. Like any run it waits for holds and limits, and no other run acts on
the instance meanwhile.
""".strip()

_PLANNED = {
    202: ResponseSpec(RunOut, description="The run is on its way; `Location` is where it is."),
    **refusals(400, 403, 404, 409, 413, 415),
}


class PlansController(Controller):
    """What an action would change."""

    path = "/v1/instances"
    tags = ("Instances",)

    @post("/{instance_id:uuid}/plan", summary="Plan an action", description=_PLAN, status_code=202, responses=_PLANNED)
    async def plan(
        self,
        *,
        data: JSONBody[PlanIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        instance_id: FromPath[UUID],
    ) -> Response[RunOut]:
        """Start a run that says what an action would change."""
        instance = await instance_by_id(uow, instance_id)
        principal.require("operator")
        await uow.execute(sa.select(Instance.id).where(Instance.id == instance.id).with_for_update())
        await uow.refresh(instance)
        desired = await desired_after(uow, instance, Wanted(data.action, data.parameters, data.revision))
        run = await start_plan(uow, instance, data.action, desired, requested_by=principal.actor)
        found = await run_with_steps(uow, run.id, Reader(language=language, for_operator=True))
        headers = {**language_headers(language), "Location": f"/v1/runs/{run.id}"}
        return Response(found, status_code=ACCEPTED, headers=headers)
