"""Why a removal or an extension is refused, or waits."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class RemovalStands(CatalogError):
    """Somebody removed the instance before."""

    code = "removal-stands"
    kind = Kind.CONFLICT
    title = Text(en="It is being removed already", fr="La suppression est déjà en cours")
    detail = Text(
        en="It will be purged after {purge_at}, unless the removal is taken back before.",
        fr="L’instance sera effacée après le {purge_at}, sauf si la suppression est annulée avant.",
    )


class NoRemoval(CatalogError):
    """There is nothing to take back."""

    code = "no-removal"
    kind = Kind.CONFLICT
    title = Text(en="It is not being removed", fr="Aucune suppression n’est en cours")
    detail = Text(en="There is no removal to take back.", fr="Il n’y a pas de suppression à annuler.")


class PurgeBegan(CatalogError):
    """The instance is being deleted."""

    code = "purge-began"
    kind = Kind.CONFLICT
    title = Text(en="It is being purged", fr="L’effacement a commencé")
    detail = Text(
        en="The run {run} is deleting it: this can’t be taken back any more.",
        fr="L’exécution {run} efface l’instance : il est trop tard pour annuler.",
    )


class NotSuspended(CatalogError):
    """Nothing is purged that its people can still use."""

    code = "not-suspended"
    kind = Kind.CONFLICT
    title = Text(en="It is not suspended", fr="L’instance n’est pas suspendue")
    detail = Text(
        en="Its suspension has not succeeded, so it is not purged. Look at that run and try it again.",
        fr="Sa suspension n’a pas réussi; elle n’est donc pas effacée. Voyez cette exécution et réessayez-la.",
    )


class PurgeNotConfirmed(CatalogError):
    """The hostname was not typed again."""

    code = "purge-not-confirmed"
    kind = Kind.INVALID
    title = Text(en="Nothing was purged", fr="Rien n’a été effacé")
    detail = Text(
        en="This deletes everything at once, for good. If you mean it, say: --confirm {hostname}",
        fr="Ceci efface tout sur-le-champ, définitivement. Si c’est voulu, indiquez : --confirm {hostname}",
    )


class NoEndDate(CatalogError):
    """There is nothing to extend."""

    code = "no-end-date"
    kind = Kind.CONFLICT
    title = Text(en="It has no end date", fr="Il n’y a pas de date de fin")
    detail = Text(en="It goes on until somebody removes it.", fr="L’instance dure jusqu’à ce qu’on la supprime.")


class NothingToExtend(CatalogError):
    """The instance is not in use any more, or not yet."""

    code = "not-extendable"
    kind = Kind.CONFLICT
    title = Text(en="It can’t be extended now", fr="Elle ne peut être prolongée maintenant")
    detail = Text(
        en="Only an instance that is running or suspended can be extended; it is {state}.",
        fr="Seule une instance en marche ou suspendue peut être prolongée; son état est {state}.",
    )
