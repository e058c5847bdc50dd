"""Why a run is not started."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class SubjectBusy(CatalogError):
    """Another run acts on the same subject."""

    code = "subject-busy"
    kind = Kind.CONFLICT
    title = Text(en="Another run is under way", fr="Une autre exécution est en cours")
    detail = Text(
        en="Wait until the run that is under way has ended, then try again.",
        fr="Attendez la fin de l’exécution en cours, puis réessayez.",
    )


class InstanceNotReady(CatalogError):
    """The instance is not in a state that this action can begin from."""

    code = "instance-not-ready"
    kind = Kind.CONFLICT
    title = Text(en="The instance is not in a state for this", fr="L’état de l’instance ne le permet pas")
    detail = Text(
        en="{action} can’t begin while the instance is {state}.",
        fr="{action} ne peut commencer tant que l’instance est dans l’état {state}.",
    )
