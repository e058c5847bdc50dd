"""Why a bundle is not published, and a revision not withdrawn."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class BundleRefused(CatalogError):
    """A bundle breaks the contract; `file` and `problem` say where and how."""

    code = "bundle-refused"
    kind = Kind.INVALID
    title = Text(en="The bundle was not published", fr="L’outil n’a pas été publié")
    detail = Text(en="{file}: {problem}", fr="{file} : {problem}")


class RevisionWasWithdrawn(CatalogError):
    """The very same automation was withdrawn before."""

    code = "revision-was-withdrawn"
    kind = Kind.CONFLICT
    title = Text(en="This revision was withdrawn", fr="Cette révision a été retirée")
    detail = Text(
        en="The automation of {slug} is the same as in revision {number}, which was withdrawn. Change it first.",
        fr="L’automatisation de {slug} est celle de la révision {number}, qui a été retirée. Modifiez-la d’abord.",
    )


class WrongSuccessor(CatalogError):
    """A revision can't be succeeded by itself, by one that was withdrawn, or by another than was said before."""

    code = "wrong-successor"
    kind = Kind.CONFLICT
    title = Text(en="This can’t be the successor", fr="Ce ne peut être le successeur")
    detail = Text(
        en="Name another revision of {slug} that is current or superseded; a successor once named stays.",
        fr="Nommez une autre révision de {slug}, actuelle ou remplacée; un successeur nommé le reste.",
    )
