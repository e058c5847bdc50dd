"""What the API gives out of members."""

from uuid import UUID

import msgspec

from catalog.members.ror import ror_url
from catalog.members.tables import Member
from catalog.platform.i18n import Language, Text


class MemberOut(msgspec.Struct, frozen=True):
    """An institution of the co-op. `name` is in the asked language, `names` in both.

    `sign_on_ready`: whether its people can sign in yet, since a run has made its Organization.
    """

    id: UUID
    ror: str
    alias: str
    name: str
    names: Text
    province: str
    help_desk: str | None
    sign_on_ready: bool


def member_out(member: Member, language: Language) -> MemberOut:
    """Write a member for the API."""
    names = Text(en=member.name_en, fr=member.name_fr)
    return MemberOut(
        id=member.id,
        ror=ror_url(member.ror),
        alias=member.alias,
        name=names.into(language),
        names=names,
        province=member.province,
        help_desk=member.help_desk,
        sign_on_ready=member.organization_id is not None,
    )
