"""What JupyterHub needs of its own to stand in the co-op: sign-on by a verified ID token, and homes apart."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import jwt
from admission import Admission, Rules, admission
from oauthenticator.oauth2 import OAuthenticator
from systemdspawner import SystemdSpawner, systemd
from tornado.web import HTTPError
from traitlets import Instance, List, Unicode, default

# Keys that only Keycloak holds: with a shared secret (HS256) the client itself could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
CLAIMS_NEEDED = ("exp", "iat", "iss", "aud", "sub")
CLOCK_LEEWAY_SECONDS = 30
KEYS_TIMEOUT_SECONDS = 10
RUN = Path("/run")
SYSTEMDSPAWNER_HOMES = ("{USERNAME}", "/var/lib/{USERNAME}")


class CoopAuthenticator(OAuthenticator):
    """Lets in whom the signed ID token names a member of an admitted organization, with a role of this hub."""

    issuer = Unicode(config=True, help="The only issuer of ID tokens.")
    keys_url = Unicode(config=True, help="Where the issuer's public keys are.")
    ca_file = Unicode(config=True, help="The authority that the issuer's certificate is checked with.")
    organization_ids = List(Unicode(), config=True, help="The admitted organizations.")
    roles = List(Unicode(), config=True, help="The hub's roles, strongest first; the strongest administers it.")
    default_role = Unicode(None, allow_none=True, config=True, help="The role of whoever holds none.")
    keys = Instance(jwt.PyJWKClient, help="The issuer's public keys, fetched when needed and kept for minutes.")

    @default("http_request_kwargs")
    def _checked_with_the_issuers_authority(self) -> dict[str, Any]:
        return {"ca_certs": self.ca_file, "validate_cert": True}

    @default("keys")
    def _keys_by_checked_tls(self) -> jwt.PyJWKClient:
        context = ssl.create_default_context(cafile=self.ca_file)
        return jwt.PyJWKClient(self.keys_url, ssl_context=context, timeout=KEYS_TIMEOUT_SECONDS)

    async def token_to_user(self, token_info: dict[str, Any]) -> dict[str, Any]:
        """Give the ID token's claims, once its signature, issuer, audience and times are checked."""
        token = str(token_info.get("id_token") or "")
        try:
            key = await asyncio.to_thread(self.keys.get_signing_key_from_jwt, token)
            return jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self.client_id,
                issuer=self.issuer,
                leeway=CLOCK_LEEWAY_SECONDS,
                options={"require": list(CLAIMS_NEEDED)},
            )
        except jwt.PyJWKClientConnectionError as error:
            self.log.warning("The issuer's keys can't be fetched: %s", error)
            raise HTTPError(503) from error
        except jwt.PyJWTError as error:
            self.log.warning("An ID token was refused: %s", error)
            raise HTTPError(403) from error

    def user_info_to_username(self, user_info: dict[str, Any]) -> str:
        """Name the person; whoever is not admitted gets no name, and no further."""
        return self._admitted(user_info).username

    async def update_auth_model(self, auth_model: dict[str, Any]) -> dict[str, Any]:
        """Make the strongest role an administrator, and nobody else: a role that was taken away goes here too."""
        admitted = self._admitted(auth_model["auth_state"][self.user_auth_state_key])
        return auth_model | {"admin": bool(self.roles) and admitted.role == self.roles[0]}

    async def check_allowed(self, username: str, auth_model: dict[str, Any] | None) -> bool:
        """Say again whether the person may come in; nobody may whose claims are not at hand."""
        if auth_model is None:
            return False
        return self._admitted(auth_model["auth_state"][self.user_auth_state_key]).username == username

    def _admitted(self, claims: dict[str, Any]) -> Admission:
        rules = Rules(frozenset(self.organization_ids), tuple(self.roles), self.default_role)
        admitted = admission(claims, rules)
        if admitted is None:
            self.log.warning("Subject %s is of no admitted organization, or has no role.", claims.get("sub"))
            raise HTTPError(403, self.custom_403_message)
        return admitted


class CoopSpawner(SystemdSpawner):
    """Keeps the homes of each hub in a folder of its own: SystemdSpawner has all of a host's in /var/lib/NAME."""

    homes = Unicode(config=True, help="The folder of this hub's homes below /var/lib.")

    async def start(self) -> tuple[str, int] | None:
        """Start the server, also where one ran before.

        With dynamic users, systemd leaves a link in /run that leads nowhere; SystemdSpawner wants a folder there.
        """
        if await systemd.service_running(self.unit_name):
            await systemd.stop_service(self.unit_name)
        left = RUN / self.unit_name
        if left.is_symlink() and not left.exists():
            left.unlink()
        started: tuple[str, int] | None = await super().start()
        return started

    def _expand_user_vars(self, string: str) -> str:
        if string in SYSTEMDSPAWNER_HOMES:
            string = string.replace("{USERNAME}", self.homes + "/{USERNAME}")
        return str(super()._expand_user_vars(string))
