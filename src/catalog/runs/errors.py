"""Why a run is not started, steered or held."""

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


class ActionNotOffered(CatalogError):
    """Neither the catalog nor the tool's bundle has such an action."""

    code = "action-not-offered"
    kind = Kind.CONFLICT
    title = Text(en="The tool has no such action", fr="L’outil n’a pas cette action")
    detail = Text(
        en="{tool} has no action {action}. See the actions in its entry of the catalog.",
        fr="{tool} n’a pas d’action {action}. Voyez les actions dans sa fiche du catalogue.",
    )


class RunOver(CatalogError):
    """The run has ended: there is nothing to stop."""

    code = "run-over"
    kind = Kind.CONFLICT
    title = Text(en="The run has ended already", fr="L’exécution est déjà terminée")
    detail = Text(
        en="It is {state}, so there is nothing to stop.", fr="Son état est {state} : il n’y a rien à arrêter."
    )


class RunNotEnded(CatalogError):
    """The run must end first."""

    code = "run-not-ended"
    kind = Kind.CONFLICT
    title = Text(en="The run has not ended yet", fr="L’exécution n’est pas terminée")
    detail = Text(
        en="It is {state}. Cancel it, or wait until it has ended.",
        fr="Son état est {state}. Annulez-la, ou attendez qu’elle se termine.",
    )


class RunNotOpenForThis(CatalogError):
    """Only a run that failed or was cancelled can be tried again or abandoned."""

    code = "run-not-failed"
    kind = Kind.CONFLICT
    title = Text(en="The run did not fail", fr="L’exécution n’a pas échoué")
    detail = Text(
        en="It is {state}. Only a run that failed or was cancelled can be tried again or abandoned.",
        fr="Son état est {state}. Seule une exécution échouée ou annulée peut être réessayée ou abandonnée.",
    )


class RunTooOld(CatalogError):
    """The run's events are no longer kept, so that it can't go on with its story."""

    code = "run-too-old"
    kind = Kind.CONFLICT
    title = Text(en="The run is too old for this", fr="L’exécution est trop ancienne")
    detail = Text(
        en="Its events are no longer kept. Start the action anew; to give an instance up, remove it.",
        fr="Ses évènements ne sont plus conservés. Relancez l’action; pour renoncer à une instance, retirez-la.",
    )


class RunSuperseded(CatalogError):
    """A later run has acted on the same subject."""

    code = "run-superseded"
    kind = Kind.CONFLICT
    title = Text(en="A later run has acted on this", fr="Une exécution plus récente a eu lieu")
    detail = Text(
        en="What this run began has been taken further by run {run}. Look at that one, or start the action anew.",
        fr="Ce que cette exécution avait commencé a été repris par l’exécution {run}. Voyez celle-ci, ou relancez"
        " l’action.",
    )


class HoldStands(CatalogError):
    """There is such a hold already."""

    code = "hold-stands"
    kind = Kind.CONFLICT
    title = Text(en="It is held already", fr="C’est déjà suspendu")
    detail = Text(
        en="A hold on this stands. Lift it first if its reason has changed.",
        fr="Une suspension de ce genre est en vigueur. Levez-la d’abord si sa raison a changé.",
    )


class HoldLifted(CatalogError):
    """The hold is over."""

    code = "hold-lifted"
    kind = Kind.CONFLICT
    title = Text(en="The hold was lifted before", fr="La suspension a déjà été levée")
    detail = Text(en="There is nothing to do.", fr="Il n’y a rien à faire.")


class RemovalElsewhere(CatalogError):
    """An instance that people use is not removed by starting a run."""

    code = "removal-elsewhere"
    kind = Kind.CONFLICT
    title = Text(en="Removal has an address of its own", fr="Le retrait a sa propre adresse")
    detail = Text(
        en="The instance is {state}. Nothing was started: ask for its removal at /v1/instances/{id}/removal, where it"
        " can be taken back for a time.",
        fr="L’état de l’instance est {state}. Rien n’a commencé : demandez son retrait à /v1/instances/{id}/removal,"
        " où l’on peut s’en dédire pendant un temps.",
    )
