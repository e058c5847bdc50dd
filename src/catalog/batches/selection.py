"""Which instances a batch is for."""

from typing import Annotated

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from catalog.instances.lifecycle import State
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.http.filters import LABEL_KEY, MAXIMUM_LABELS, VISIBLE
from catalog.sites.tables import Host, Site
from catalog.tools.tables import ToolRevision

_Word = Annotated[str, Meta(min_length=1, max_length=63, pattern=VISIBLE)]
_LabelKey = Annotated[str, Meta(pattern=LABEL_KEY)]
_LabelValue = Annotated[str, Meta(max_length=100, pattern=VISIBLE)]


class BatchFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which instances are meant: all that fit everything that is given. Those that were removed never fit.

    `revision` is the number of the applied one, `member` an alias, `site` a slug.
    """

    tool: _Word | None = None
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    member: _Word | None = None
    site: _Word | None = None
    labels: Annotated[dict[_LabelKey, _LabelValue], Meta(max_length=MAXIMUM_LABELS)] = {}
    state: State | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Give what an instance must be to fit."""
        found: list[sa.ColumnElement[bool]] = [Instance.state != "removed"]
        if self.tool is not None:
            found.append(Instance.tool_slug == self.tool)
        if self.revision is not None:
            numbered = sa.select(ToolRevision.id).where(ToolRevision.number == self.revision)
            found.append(Instance.applied_revision_id.in_(numbered))
        if self.member is not None:
            found.append(Instance.member_id.in_(sa.select(Member.id).where(Member.alias == self.member)))
        if self.site is not None:
            at_site = sa.select(Host.id).join(Site, Site.id == Host.site_id).where(Site.slug == self.site)
            found.append(Instance.host_id.in_(at_site))
        if self.labels:
            found.append(Instance.labels.contains(self.labels))
        if self.state is not None:
            found.append(Instance.state == self.state)
        return found
