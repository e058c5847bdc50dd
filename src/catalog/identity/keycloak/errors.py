"""What goes wrong between us and Keycloak."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class KeycloakUnavailable(CatalogError):
    """Keycloak can't be reached, is starting, or failed inside: the same call may succeed later."""

    code = "keycloak-unavailable"
    kind = Kind.UNAVAILABLE
    title = Text(en="Keycloak does not answer", fr="Keycloak ne répond pas")
    detail = Text(en="{what}: {why}. Try again later.", fr="{what} : {why}. Réessayez plus tard.")


class KeycloakRefused(CatalogError):
    """Keycloak understood and said no: the same call will fail again. `status` is its HTTP status."""

    code = "keycloak-refused"
    kind = Kind.CONFLICT
    title = Text(en="Keycloak refused", fr="Keycloak a refusé")
    detail = Text(en="{what}: {status} {why}.", fr="{what} : {status} {why}.")

    def __init__(self, *, what: str, status: int, why: str) -> None:
        super().__init__(what=what, status=status, why=why)
        self.status = status
