"""Why a member, or a role, is not written down."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class MemberRefused(CatalogError):
    """What was said of an institution can't stand; `fields` says which parts."""

    code = "member-refused"
    kind = Kind.INVALID
    title = Text(en="The member was not added", fr="Le membre n’a pas été ajouté")
    detail = Text(en="Correct what is listed and try again.", fr="Corrigez ce qui est indiqué, puis réessayez.")


class MemberDiffers(CatalogError):
    """The ROR id or the alias is a member's already, and what is said of it differs."""

    code = "member-differs"
    kind = Kind.CONFLICT
    title = Text(en="There is such a member already", fr="Ce membre existe déjà")
    detail = Text(
        en="{alias} was added before with another {differing}. Nothing was changed.",
        fr="{alias} a déjà été ajouté avec d’autres valeurs : {differing}. Rien n’a été modifié.",
    )


class DomainTaken(CatalogError):
    """An e-mail domain belongs to one member alone."""

    code = "domain-taken"
    kind = Kind.CONFLICT
    title = Text(en="This e-mail domain is another member’s", fr="Ce domaine de courriel est celui d’un autre membre")
    detail = Text(
        en="{domain} was claimed by {alias}. Nothing was changed.",
        fr="{domain} a été réservé par {alias}. Rien n’a été modifié.",
    )


class UnknownMember(CatalogError):
    """No member bears this alias; said to operators only."""

    code = "unknown-member"
    kind = Kind.NOT_FOUND
    title = Text(en="There is no such member", fr="Ce membre n’existe pas")
    detail = Text(
        en="No member has the alias {alias}. See: catalog member list.",
        fr="Aucun membre n’a l’alias {alias}. Voyez : catalog member list.",
    )


class UnknownPerson(CatalogError):
    """Nobody of this issuer and subject is known; said to operators only."""

    code = "unknown-person"
    kind = Kind.NOT_FOUND
    title = Text(en="There is no such person", fr="Cette personne n’existe pas")
    detail = Text(
        en="Nobody is known by this issuer and subject. See: catalog person list.",
        fr="Personne n’est connu par cet émetteur et ce sujet. Voyez : catalog person list.",
    )


class RoleRefused(CatalogError):
    """A role of a member was asked for without a member, one of the co-op with one, or it is no role at all."""

    code = "role-refused"
    kind = Kind.INVALID
    title = Text(en="The role was not granted", fr="Le rôle n’a pas été accordé")
    detail = Text(
        en="{member_roles} are held at a member, {coop_roles} are not.",
        fr="{member_roles} s’exercent auprès d’un membre, {coop_roles} non.",
    )
