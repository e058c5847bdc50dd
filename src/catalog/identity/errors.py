"""Why somebody is not let in."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class Unauthenticated(CatalogError):
    """No access token came."""

    code = "sign-in-required"
    kind = Kind.UNAUTHENTICATED
    title = Text(en="Sign in first", fr="Connectez-vous d’abord")
    detail = Text(
        en="Send an access token for this API as Authorization: Bearer.",
        fr="Envoyez un jeton d’accès à cette API sous Authorization: Bearer.",
    )


class InvalidToken(CatalogError):
    """A token came that is expired, altered, of another issuer or audience, or no access token."""

    code = "invalid_token"  # as RFC 6750, section 3.1, writes it
    kind = Kind.UNAUTHENTICATED
    title = Text(en="This token is not valid here", fr="Ce jeton n’est pas valide ici")
    detail = Text(
        en="It has expired, or it is not an access token for this API. Sign in again.",
        fr="Il est expiré, ou ce n’est pas un jeton d’accès à cette API. Connectez-vous de nouveau.",
    )


class SignInUnavailable(CatalogError):
    """The keys of the sign-in service can't be had just now, so that no token can be checked."""

    code = "sign-in-unavailable"
    kind = Kind.UNAVAILABLE
    title = Text(en="The sign-in service does not answer", fr="Le service de connexion ne répond pas")
    detail = Text(en="Try again in a few seconds.", fr="Réessayez dans quelques secondes.")
