"""Why an operator's shell may not do what it asked for."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text
from catalog.runs.errors import SubjectBusy


class SubjectHeld(SubjectBusy):
    """Another run acts on the instance; told with whose it is."""

    detail = Text(
        en="{who} has {action} under way since {since} (run {run}, {state}{where}).",
        fr="{who} a {action} en cours depuis {since} (exécution {run}, {state}{where}).",
    )


class RunsHeld(CatalogError):
    """A hold stands in the way."""

    code = "runs-held"
    kind = Kind.CONFLICT
    title = Text(en="No new runs may begin here", fr="Aucune exécution ne peut commencer ici")
    detail = Text(
        en="{who} placed a hold ({scope}) on {since}: {reason}",
        fr="{who} a posé une retenue ({scope}) le {since} : {reason}",
    )


class HostBusy(CatalogError):
    """As many runs act on the host or its site as may at once."""

    code = "host-busy"
    kind = Kind.CONFLICT
    title = Text(en="The host or its site is busy", fr="L’hôte ou son site est occupé")
    detail = Text(
        en="As many runs act there as may at once. Try again when one of them has ended.",
        fr="Le nombre d’exécutions simultanées y est atteint. Réessayez quand l’une d’elles sera terminée.",
    )


class StepNotDue(CatalogError):
    """Workers have something to do before the shell."""

    code = "step-not-due"
    kind = Kind.CONFLICT
    title = Text(en="Another step comes first", fr="Une autre étape vient d’abord")
    detail = Text(
        en="The step {step} is done by a worker first. Ask again in a moment.",
        fr="L’étape {step} est d’abord faite par un exécutant. Redemandez dans un instant.",
    )


class AttemptOver(CatalogError):
    """The run is no longer the shell's."""

    code = "attempt-over"
    kind = Kind.CONFLICT
    title = Text(en="The run is no longer yours", fr="L’exécution n’est plus la vôtre")
    detail = Text(
        en="It has ended or was taken over: it is {state}. Do nothing more on the host.",
        fr="Elle est terminée ou a été reprise : son état est {state}. Ne faites plus rien sur l’hôte.",
    )


class SecretsNotSealed(CatalogError):
    """No worker has sealed the secrets yet."""

    code = "secrets-not-sealed"
    kind = Kind.CONFLICT
    title = Text(en="The secrets are not there yet", fr="Les secrets ne sont pas encore là")
    detail = Text(
        en="A worker of the instance’s site seals them. Ask again in a moment.",
        fr="Un exécutant du site de l’instance les scelle. Redemandez dans un instant.",
    )


class SecretsFetched(CatalogError):
    """They are given out once."""

    code = "secrets-fetched"
    kind = Kind.CONFLICT
    title = Text(en="The secrets were fetched already", fr="Les secrets ont déjà été remis")
    detail = Text(
        en="They are given out once for each run. Begin another one.",
        fr="Ils sont remis une seule fois par exécution. Commencez-en une autre.",
    )


class LinesMissing(CatalogError):
    """Lines before these have not arrived."""

    code = "lines-missing"
    kind = Kind.CONFLICT
    title = Text(en="Lines are missing before these", fr="Il manque des lignes avant celles-ci")
    detail = Text(en="Go on with line {expected}.", fr="Reprenez à la ligne {expected}.")


class NotOnePlaybook(CatalogError):
    """The action is more than its playbook, so it needs the catalog."""

    code = "not-one-playbook"
    kind = Kind.CONFLICT
    title = Text(en="This is more than a playbook", fr="Ceci est plus qu’un playbook")
    detail = Text(
        en="{playbook} is one step of several. Without the catalog, only what is a single playbook can be done.",
        fr="{playbook} n’est qu’une étape parmi d’autres. Sans le catalogue, seul un playbook isolé peut être fait.",
    )
