"""Why a request is not taken, decided or withdrawn."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text
from catalog.requests.lifecycle import STATE_NAMES, State


class OwnRequest(CatalogError):
    """Nobody decides what they asked for themselves."""

    code = "own-request"
    kind = Kind.FORBIDDEN
    title = Text(en="You can’t decide your own request", fr="Vous ne pouvez pas décider de votre propre demande")
    detail = Text(
        en="Another operator must decide it. You may withdraw it.",
        fr="Un autre opérateur doit en décider. Vous pouvez la retirer.",
    )


class RequestNotOpen(CatalogError):
    """The request is no longer waiting for a decision."""

    code = "request-not-open"
    kind = Kind.CONFLICT
    title = Text(en="This request is no longer open", fr="Cette demande n’est plus ouverte")
    detail = Text(
        en="It is {state} already. Nothing was changed; read it again.",
        fr="Elle est déjà {state}. Rien n’a été modifié; relisez-la.",
    )

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state: State = state

    def explanation(self) -> Text:
        """Say in both languages what it is by now."""
        name = STATE_NAMES[self.state]
        return Text(en=self.detail.en.format(state=name.en), fr=self.detail.fr.format(state=name.fr))


class RevisionWithdrawn(CatalogError):
    """The revision that was asked for can't be set up any more: it must be decided again."""

    code = "revision-withdrawn"
    kind = Kind.CONFLICT
    title = Text(en="This revision of the tool was withdrawn", fr="Cette révision de l’outil a été retirée")
    detail = Text(
        en="Since this was asked for, the operators withdrew revision {number} of {tool}. Nothing was changed, and no"
        " other revision is taken without being asked for: decline the request and have it made anew, so that it is"
        " decided again.",
        fr="Depuis cette demande, les opérateurs ont retiré la révision {number} de {tool}. Rien n’a été modifié, et"
        " aucune autre révision n’est prise sans qu’on le demande : refusez la demande et faites-la refaire, pour"
        " qu’elle soit de nouveau décidée.",
    )
