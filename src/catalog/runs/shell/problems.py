"""Why the part of a run that a shell does ended without being done."""

from catalog.platform.i18n import Text
from catalog.runs.failures import Problem

UNREACHABLE = Problem(
    code="host-unreachable",
    title=Text(en="The host does not answer", fr="L’hôte ne répond pas"),
    detail=Text(
        en="The operator’s shell could not reach it. Look at the host and its network, then run the playbook again.",
        fr="Le terminal de l’opérateur n’a pu le joindre. Voyez l’hôte et son réseau, puis relancez le playbook.",
    ),
)
GONE = Problem(
    code="shell-gone",
    title=Text(en="The operator’s shell went away", fr="Le terminal de l’opérateur a disparu"),
    detail=Text(
        en="It was not heard of for longer than its lease. What it ran on the host has been ended. Run the playbook"
        " again.",
        fr="Il n’a plus donné signe de vie avant la fin de son bail. Ce qu’il exécutait sur l’hôte est terminé."
        " Relancez le playbook.",
    ),
)
NO_SHELL = Problem(
    code="no-shell",
    title=Text(en="No operator’s shell does this step", fr="Aucun terminal d’opérateur ne fait cette étape"),
    detail=Text(
        en="It was begun from a shell that is no longer there, and no worker does it. Run the line that the run shows"
        " as its command.",
        fr="Elle a été commencée depuis un terminal qui n’est plus là, et aucun exécutant ne la fait. Lancez la ligne"
        " que l’exécution indique comme commande.",
    ),
)
GONE_UNSURE = Problem(
    code="shell-gone-host-unreachable",
    title=Text(
        en="The operator’s shell went away, and the host does not answer",
        fr="Le terminal de l’opérateur a disparu, et l’hôte ne répond pas",
    ),
    detail=Text(
        en="What it began there may go on until the host answers: the next run ends it before anything else.",
        fr="Ce qu’il y a commencé peut continuer tant que l’hôte se tait : l’exécution suivante y met fin d’abord.",
    ),
)
