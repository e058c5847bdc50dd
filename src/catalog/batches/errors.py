"""Why a batch is not made, or not steered."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class NoInstances(CatalogError):
    """The filter fits no instance."""

    code = "batch-empty"
    kind = Kind.CONFLICT
    title = Text(en="No instance fits", fr="Aucune instance ne correspond")
    detail = Text(
        en="Nothing was started: the filter fits no instance that is still there. Look for them at /v1/instances.",
        fr="Rien n’a commencé : le filtre ne correspond à aucune instance encore présente. Cherchez-les à"
        " /v1/instances.",
    )


class BatchNotInState(CatalogError):
    """The batch is not in a state for this."""

    code = "batch-not-in-state"
    kind = Kind.CONFLICT
    title = Text(en="The batch is not in a state for this", fr="L’état du lot ne le permet pas")
    detail = Text(
        en="It is {state}, so it can’t be told to {move}. Read it again.",
        fr="Son état est {state} : l’opération {move} n’y est pas possible. Relisez-le.",
    )


class BatchNotEnded(CatalogError):
    """What failed is run again once the batch has ended."""

    code = "batch-not-ended"
    kind = Kind.CONFLICT
    title = Text(en="The batch has not ended yet", fr="Le lot n’est pas terminé")
    detail = Text(
        en="It is {state}. Wait until it has ended, or cancel it; then run those that failed again.",
        fr="Son état est {state}. Attendez sa fin ou annulez-le, puis relancez ce qui a échoué.",
    )


class BatchRetried(CatalogError):
    """Those that failed were run again before."""

    code = "batch-retried"
    kind = Kind.CONFLICT
    title = Text(en="Those that failed are run again already", fr="Ce qui a échoué est déjà relancé")
    detail = Text(
        en="Batch {batch} runs those that failed again. Look at that one.",
        fr="Le lot {batch} relance ce qui a échoué. Voyez celui-là.",
    )


class NothingFailed(CatalogError):
    """There is nothing to run again."""

    code = "nothing-failed"
    kind = Kind.CONFLICT
    title = Text(en="Nothing of it failed", fr="Rien n’y a échoué")
    detail = Text(
        en="Each of its runs succeeded, or is under way again.",
        fr="Chacune de ses exécutions a réussi, ou est de nouveau en cours.",
    )
