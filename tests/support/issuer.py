"""A sign-in service's public side, on the loopback: it publishes keys over HTTP and signs tokens with them."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.support.people import Someone

AUDIENCE = "catalog-api"
REALM = "/realms/coop"


class Issuer:
    """Serves one key until it is told to serve another; counts how often somebody asked for the keys."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
        self.published = [self.key]
        self.asked = 0
        self.away = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """What tokens bear as `iss`."""
        return f"http://127.0.0.1:{self._server.server_port}{REALM}"

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def claims(self, someone: Someone, **others: Any) -> dict[str, Any]:
        """Give what an access token for our API says; `others` replace claims, None takes one out."""
        now = int(time.time())
        usual: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": someone.subject,
            "azp": "catalog-cli",
            "typ": "Bearer",
            "iat": now,
            "exp": now + 300,
            "name": someone.name,
            "email": someone.email,
        }
        return {name: value for name, value in (usual | others).items() if value is not None}

    def token(self, someone: Someone, **others: Any) -> str:
        """Sign an access token."""
        return self.signed(self.claims(someone, **others))

    def signed(self, claims: dict[str, Any], *, key: RSAKey | None = None, kid: str | None = None) -> str:
        """Sign any claims, by another key than the published one where `key` is given."""
        used = key or self.key
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": kid or used.kid or "first"}, claims, used)

    def answer(self, path: str) -> dict[str, Any] | None:
        """Give what stands at an address."""
        if self.away:
            return None
        if path == f"{REALM}/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/protocol/openid-connect/certs"}
        if path == f"{REALM}/protocol/openid-connect/certs":
            self.asked += 1
            return {"keys": [key.as_dict(private=False) for key in self.published]}
        return None


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.answer(self.path)
            body = json.dumps(found).encode()
            self.send_response(503 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Handler
