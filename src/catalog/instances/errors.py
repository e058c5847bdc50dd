"""Why an instance gets no place, or is not changed."""

from catalog.platform.errors import CatalogError, FieldError, Kind
from catalog.platform.i18n import Text

HOSTNAME_TAKEN = Text(
    en="This name is taken, or rests after somebody gave it up. Choose another one.",
    fr="Ce nom est pris, ou au repos après avoir été libéré. Choisissez-en un autre.",
)


class HostnameTaken(CatalogError):
    """The hostname is another instance's, or rests."""

    code = "hostname-taken"
    kind = Kind.CONFLICT
    title = Text(en="This name is taken", fr="Ce nom est pris")
    detail = Text(
        en="{hostname} is another instance’s, or rests after it was given up. Ask again under another name.",
        fr="{hostname} est celui d’une autre instance, ou au repos après avoir été libéré. Refaites la demande"
        " sous un autre nom.",
    )


class NoRoom(CatalogError):
    """No host that may take the instance has room for it; `fields` says what lacks."""

    code = "no-room"
    kind = Kind.CONFLICT
    title = Text(en="There is no room for this", fr="Il n’y a pas de place pour cela")
    detail = Text(
        en="No host of the co-op that may take this instance has room for it. Nothing was saved. Choose a smaller"
        " plan, or ask the operators.",
        fr="Aucun hôte de la coopérative pouvant accueillir cette instance n’a assez de place. Rien n’a été"
        " enregistré. Choisissez un plan plus petit, ou adressez-vous aux opérateurs.",
    )

    def __init__(self, *, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(fields=fields)


class SiteFull(NoRoom):
    """The site that was proposed has no room any more, or may take nothing: it must be decided again."""

    code = "site-has-no-room"
    title = Text(en="The proposed site has no more room", fr="Le site proposé n’a plus de place")
    detail = Text(
        en="The site that was proposed can’t take this instance any more. Nothing was changed, and no other place is"
        " taken without being asked for: decline the request and have it made anew, so that it is decided again with"
        " another site.",
        fr="Le site proposé ne peut plus accueillir cette instance. Rien n’a été modifié, et aucun autre lieu n’est"
        " pris sans qu’on le demande : refusez la demande et faites-la refaire, pour qu’elle soit de nouveau décidée"
        " avec un autre site.",
    )


class NothingToUpgrade(CatalogError):
    """The instance is set up with this very revision already."""

    code = "nothing-to-upgrade"
    kind = Kind.CONFLICT
    title = Text(en="It has this revision already", fr="Cette révision est déjà en place")
    detail = Text(
        en="Revision {number} is what it was set up with last. To set it up again, use the action provision.",
        fr="La révision {number} est celle de sa dernière mise en place. Pour la refaire, utilisez l’action provision.",
    )


class RevisionUnfit(CatalogError):
    """The revision needs what was never decided for this instance."""

    code = "revision-needs-a-decision"
    kind = Kind.CONFLICT
    title = Text(en="This revision must be decided anew", fr="Cette révision demande une nouvelle décision")
    detail = Text(
        en="Revision {number} lacks the instance’s plan or a class of its data, runs people’s code, or keeps data in"
        " another place than was decided. Nothing was changed: ask for a new instance.",
        fr="La révision {number} n’a pas le plan de l’instance ou une classe de ses données, exécute du code, ou garde"
        " des données ailleurs que décidé. Rien n’a été modifié : demandez une nouvelle instance.",
    )
