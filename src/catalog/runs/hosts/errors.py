"""Why nothing is done on a host."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class HostsNotPublished(CatalogError):
    """There is no automation for hosts yet."""

    code = "hosts-not-published"
    kind = Kind.CONFLICT
    title = Text(en="The hosts’ automation is not published", fr="L’automatisation des hôtes n’est pas publiée")
    detail = Text(
        en="Publish it first, on the server: catalog host publish.",
        fr="Publiez-la d’abord, sur le serveur : catalog host publish.",
    )
