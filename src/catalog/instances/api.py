"""The instances' addresses."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances import service
from catalog.instances.lifecycle import State
from catalog.instances.schemas import InstanceOut, instance_out
from catalog.platform.http.conditional import etag
from catalog.platform.http.filters import (
    VISIBLE,
    LabelFilter,
    MemberFilter,
    ReferenceFilter,
    ToolFilter,
    wanted_labels,
)
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language

StateFilter = Annotated[State | None, QueryParameter(name="state", description="Only in this state.")]
NamePart = Annotated[
    str | None,
    QueryParameter(name="q", max_length=100, pattern=VISIBLE, description="Only with this within the hostname."),
]


class InstancesController(Controller):
    """What runs where, for whom."""

    path = "/v1/instances"
    tags = ("Instances",)

    @get(summary="List the instances", responses=refusals(400))
    async def instances(  # noqa: PLR0913 - each filter is a query parameter
        self,
        *,
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
        wanted_state: StateFilter = None,
        tool: ToolFilter = None,
        member: MemberFilter = None,
        reference: ReferenceFilter = None,
        label: LabelFilter = None,
        name_part: NamePart = None,
    ) -> Response[Page[InstanceOut]]:
        """List the instances of the members where the person holds a role, newest first; operators see all."""
        wanted = service.InstanceFilter(
            state=wanted_state,
            tool=tool,
            member=member,
            reference=reference,
            labels=wanted_labels(label),
            name_part=name_part,
        )
        views, following = await service.list_instances(uow, wanted, page)
        items = [instance_out(view, language) for view in views]
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @get("/{instance_id:uuid}", summary="Look at an instance", responses=refusals(404))
    async def instance(
        self, uow: NamedDependency[AsyncSession], language: NamedDependency[Language], instance_id: FromPath[UUID]
    ) -> Response[InstanceOut]:
        """Look at one instance: where it stands, what it should be, and what it is.

        `attention` is null where all is well; else `drift` (a verify found that it is not as it was last set up),
        `changed-by-hand` (files that were, and were put right), or an action and its end, such as `update-failed`.

        States: `provisioning` (its first provision is on the way), `running`, `failed` (that provision gave up and can
        be tried again), `suspended` (off the web, all that it holds is kept), `removing`, `removed` (final: its name
        rests, its place is free).
        """
        (view,) = await service.views(uow, [await service.instance_by_id(uow, instance_id)])
        headers = {**language_headers(language), "ETag": etag(view.instance.version)}
        return Response(instance_out(view, language), headers=headers)
