"""Every instance as Ansible's inventory has it: where it is reached, and what its playbooks are told. No secrets."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.service import rows_by_id
from catalog.instances.tables import Instance, Port
from catalog.members.tables import Member
from catalog.platform.http.pages import PageRequest, paginate
from catalog.runs.ansible import fence
from catalog.runs.shell.schemas import InventoryHost, InventoryItem, InventoryPage
from catalog.runs.steps.subject import Subject, variables
from catalog.sites.tables import Host, Site
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

NO_ATTEMPT = 0
"""What the inventory says of an instance on which no attempt of the shell acts; no host lets it do anything."""

USER = "root"


async def inventory_page(session: AsyncSession, page: PageRequest, issuer: str) -> InventoryPage:
    """Give one page of the instances that have a place, as they are desired."""
    standing = sa.select(Instance).where(Instance.state != "removed")
    found, following = await paginate(session, standing, Instance.id, page)
    return InventoryPage(items=await _items(session, found, issuer), next=following, fence=fence.script())


async def _items(session: AsyncSession, instances: Sequence[Instance], issuer: str) -> list[InventoryItem]:
    subjects = await _subjects(session, instances)
    sites = await rows_by_id(session, Site, (subject.host.site_id for subject in subjects))
    return [_item(subject, sites[subject.host.site_id], issuer) for subject in subjects]


async def _subjects(session: AsyncSession, instances: Sequence[Instance]) -> list[Subject]:
    """Read what belongs to `instances`, in one query a kind."""
    members = await rows_by_id(session, Member, (instance.member_id for instance in instances))
    hosts = await rows_by_id(session, Host, (instance.host_id for instance in instances))
    revisions = await rows_by_id(session, ToolRevision, (instance.desired_revision_id for instance in instances))
    ports: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for port in await session.scalars(sa.select(Port).where(Port.instance_id.in_([one.id for one in instances]))):
        ports[port.instance_id][port.name] = port.number
    return [
        Subject(
            instance=instance,
            member=members[instance.member_id],
            host=hosts[instance.host_id],
            revision=revisions[instance.desired_revision_id],
            manifest=manifest_of(revisions[instance.desired_revision_id]),
            ports=ports[instance.id],
            parameters=instance.desired_parameters,
            plan=instance.plan,
        )
        for instance in instances
    ]


def _item(subject: Subject, site: Site, issuer: str) -> InventoryItem:
    host = subject.host
    return InventoryItem(
        name=subject.instance.hostname,
        tool=subject.instance.tool_slug,
        member=subject.member.alias,
        site=site.slug,
        plan=subject.plan,
        revision=subject.revision.number,
        state=subject.instance.state,
        host=InventoryHost(host.name, host.address, host.ssh_port, USER, host.ssh_host_key),
        variables=public_variables(subject, NO_ATTEMPT, issuer),
    )


def public_variables(subject: Subject, attempt: int, issuer: str) -> dict[str, object]:
    """Give what the playbooks are told, without `secrets` and without the client's secret."""
    told = variables(subject, attempt, issuer, {})
    del told["secrets"], told["sso"]["client_secret"]
    return told
