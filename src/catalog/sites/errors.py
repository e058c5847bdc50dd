"""Why a site is not written down."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class SiteRefused(CatalogError):
    """What was said of a site can't stand; `fields` says which parts."""

    code = "site-refused"
    kind = Kind.INVALID
    title = Text(en="The site was not added", fr="Le site n’a pas été ajouté")
    detail = Text(
        en="Correct what is listed and try again.",
        fr="Corrigez ce qui est indiqué, puis réessayez.",
    )


class SiteDiffers(CatalogError):
    """A site of that slug is there already, and says something else."""

    code = "site-differs"
    kind = Kind.CONFLICT
    title = Text(en="There is such a site already", fr="Ce site existe déjà")
    detail = Text(
        en="{slug} was added before with another {differing}. Nothing was changed.",
        fr="{slug} a déjà été ajouté avec d’autres valeurs : {differing}. Rien n’a été modifié.",
    )
