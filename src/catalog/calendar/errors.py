"""Why nothing may change now, or a window or freeze is not written down."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class ChangesFrozen(CatalogError):
    """A freeze stands over the instance."""

    code = "changes-frozen"
    kind = Kind.CONFLICT
    title = Text(en="Nothing may change now", fr="Rien ne peut changer pour le moment")
    detail = Text(
        en="Changes are frozen until {until}: {reason} (freeze {freeze}). Wait until then, or ask an operator, who can"
        " overrule the freeze by saying why.",
        fr="Les changements sont gelés jusqu’au {until} : {reason} (gel {freeze}). Attendez cette date, ou"
        " adressez-vous à un opérateur, qui peut passer outre en disant pourquoi.",
    )


class OutsideWindows(CatalogError):
    """What is scheduled waits for a maintenance window."""

    code = "outside-windows"
    kind = Kind.CONFLICT
    title = Text(en="This waits for a maintenance window", fr="Ceci attend une fenêtre d’entretien")
    detail = Text(en="The next one opens at {opens}.", fr="La prochaine s’ouvre à {opens}.")


class WindowStands(CatalogError):
    """There is such a window already."""

    code = "window-stands"
    kind = Kind.CONFLICT
    title = Text(en="There is such a window already", fr="Cette fenêtre existe déjà")
    detail = Text(en="There is nothing to do.", fr="Il n’y a rien à faire.")
