"""Why nothing is done on a host."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class HostNotPrepared(CatalogError):
    """The host lacks what a patch works with."""

    code = "host-not-prepared"
    kind = Kind.CONFLICT
    title = Text(en="The host is not prepared", fr="L’hôte n’est pas préparé")
    detail = Text(
        en="No prepare run has succeeded on {name} yet. Prepare it first: catalog host prepare {name}.",
        fr="Aucune préparation de {name} n’a encore réussi. Préparez-le d’abord : catalog host prepare {name}.",
    )


class HostsNotPublished(CatalogError):
    """There is no automation for hosts yet."""

    code = "hosts-not-published"
    kind = Kind.CONFLICT
    title = Text(en="The hosts’ automation is not published", fr="L’automatisation des hôtes n’est pas publiée")
    detail = Text(
        en="Publish it first, on the server: catalog host publish.",
        fr="Publiez-la d’abord, sur le serveur : catalog host publish.",
    )
