"""Errors as values: each kind has a stable code and a text in both languages, and knows no HTTP.

They are raised where they happen. `platform.http.problems` maps them to answers, in one place.
"""

from enum import Enum
from typing import ClassVar

import msgspec

from catalog.platform.i18n import Text


class Kind(Enum):
    """What sort of refusal this is; the one thing that the mapping to HTTP looks at."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition-failed"
    PRECONDITION_REQUIRED = "precondition-required"
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field: `pointer` is an RFC 6901 JSON pointer into the body, `code` is stable."""

    pointer: str
    code: str
    detail: Text


class CatalogError(Exception):
    """Base of every expected refusal.

    A subclass sets `code` (stable, kebab-case), `kind`, `title` and `detail`; `detail` may hold `{name}` places, which
    are filled from the keywords of the constructor.
    """

    code: ClassVar[str]
    kind: ClassVar[Kind]
    title: ClassVar[Text]
    detail: ClassVar[Text]

    def __init__(self, *, fields: tuple[FieldError, ...] = (), **values: object) -> None:
        super().__init__(self.code)
        self.fields = fields
        self.values = values

    def explanation(self) -> Text:
        """Say what happened and what to do, in both languages."""
        return self.detail.filled(**self.values)

    def __str__(self) -> str:
        return f"{self.code}: {self.explanation().en}"


class InvalidInput(CatalogError):
    """The body or a query parameter is malformed; `fields` says where."""

    code = "invalid-input"
    kind = Kind.INVALID
    title = Text(en="Some fields are wrong", fr="Certains champs sont incorrects")
    detail = Text(
        en="Nothing was saved. Correct the fields that are listed and send it again.",
        fr="Rien n’a été enregistré. Corrigez les champs indiqués, puis renvoyez le tout.",
    )


class NotFound(CatalogError):
    """No such thing, or none that this person may know of."""

    code = "not-found"
    kind = Kind.NOT_FOUND
    title = Text(en="Not found", fr="Introuvable")
    detail = Text(
        en="There is nothing at this address, or nothing that you may see.",
        fr="Il n’y a rien à cette adresse, ou rien que vous puissiez voir.",
    )


class Forbidden(CatalogError):
    """The person is known and sees the thing, but lacks the role for this."""

    code = "forbidden"
    kind = Kind.FORBIDDEN
    title = Text(en="You may not do this", fr="Vous ne pouvez pas faire ceci")
    detail = Text(en="This needs the role {role}.", fr="Il faut pour cela le rôle {role}.")


class Conflict(CatalogError):
    """Somebody else was first, or the thing is not in the state that this needs."""

    code = "conflict"
    kind = Kind.CONFLICT
    title = Text(en="This can’t be done now", fr="Ceci ne peut se faire maintenant")
    detail = Text(
        en="It was changed at the same time by somebody else. Read it again and decide anew.",
        fr="Quelqu’un d’autre l’a modifié au même moment. Relisez-le, puis décidez de nouveau.",
    )


class Stale(CatalogError):
    """`If-Match` names a version that is no longer the current one."""

    code = "stale"
    kind = Kind.PRECONDITION_FAILED
    title = Text(en="It has changed since you read it", fr="Le contenu a changé depuis votre lecture")
    detail = Text(
        en="Read it again: its version is no longer the one in If-Match.",
        fr="Relisez-le : sa version n’est plus celle de If-Match.",
    )


class VersionRequired(CatalogError):
    """A change came without `If-Match` (RFC 6585, section 3)."""

    code = "version-required"
    kind = Kind.PRECONDITION_REQUIRED
    title = Text(en="If-Match is missing", fr="If-Match est absent")
    detail = Text(
        en="Send the ETag that you read as If-Match, so that no change of somebody else is overwritten.",
        fr="Envoyez comme If-Match l’ETag que vous avez lu, pour n’écraser la modification de personne.",
    )
