"""What approving a request would set up: its place, its names, its sign-on and its tasks; nothing is reserved."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.keycloak.specs import instance_client_id
from catalog.instances.schemas import SitePlace, site_place
from catalog.platform.errors import NotFound
from catalog.platform.i18n import Language
from catalog.requests.tables import Request
from catalog.runs.definitions import INSTANCE_ACTIONS
from catalog.sites.tables import Site
from catalog.tools.manifest import Plan, SignOn, manifest_of
from catalog.tools.tables import ToolRevision
from catalog.tools.task_lists import TaskEntry, tasks_of


class ClientOut(msgspec.Struct, frozen=True):
    """The client that the instance would have in Keycloak. It lets in the member's people alone."""

    client_id: str
    redirect_uris: list[str]
    post_logout_uris: list[str]
    roles: tuple[str, ...]
    default_role: str | None


class ShareOut(msgspec.Struct, frozen=True):
    """What it would take of its host; `cpu_percent` counts 100 a core."""

    memory_mb: int
    disk_mb: int
    cpu_percent: int


class TaskOut(TaskEntry, frozen=True):
    """A task of the tool's playbook, of a role or (null) its own; `conditional`: done only where it is needed."""


class ProvisionPlanOut(msgspec.Struct, frozen=True):
    """What approving the request would set up.

    `ports` are the names of those that it would get. `steps` are those of the run; `tasks` are what the step
    `provision` does on the host, in order.
    """

    site: SitePlace
    hostname: str
    share: ShareOut
    ports: tuple[str, ...]
    client: ClientOut
    steps: tuple[str, ...]
    tasks: list[TaskOut]


async def provision_plan(session: AsyncSession, request: Request, language: Language) -> ProvisionPlanOut:
    """Say what approving `request` would set up, from what it was shown: this revision, at this site."""
    site = await session.get_one(Site, request.site_id)
    row = (
        await session.execute(
            sa.select(ToolRevision, ToolRevision.archive).where(ToolRevision.id == request.revision_id)
        )
    ).one()
    revision, archive = row[0], row[1]
    manifest = manifest_of(revision)
    size = manifest.plan(request.plan)
    if size is None:
        raise NotFound
    return ProvisionPlanOut(
        site=site_place(site, language),
        hostname=request.hostname,
        share=_share(size),
        ports=manifest.ports,
        client=_client(request, manifest.sign_on),
        steps=INSTANCE_ACTIONS["provision"],
        tasks=[
            TaskOut(one.task, one.role, one.conditional)
            for one in tasks_of(archive, f"tools/{manifest.slug}/provision.yml")
        ],
    )


def _share(size: Plan) -> ShareOut:
    return ShareOut(memory_mb=size.memory_mb, disk_mb=size.disk_mb, cpu_percent=size.cpu_percent)


def _client(request: Request, sign_on: SignOn) -> ClientOut:
    url = f"https://{request.hostname}"
    return ClientOut(
        client_id=instance_client_id(str(request.instance_id)),
        redirect_uris=[f"{url}{path}" for path in sign_on.redirect_paths],
        post_logout_uris=[f"{url}{path}" for path in sign_on.post_logout_paths],
        roles=sign_on.roles,
        default_role=sign_on.default_role,
    )
