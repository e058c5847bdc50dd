"""A realm made for a run of tests, with members, people and tools, and how people sign in to them."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from devkit.signin import Browser, Journey

from catalog.identity.keycloak.clients import client_secret
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.instance_clients import ensure_instance_client
from catalog.identity.keycloak.organizations import ensure_organization
from catalog.identity.keycloak.people import ensure_person
from catalog.identity.keycloak.specs import InstanceClientSpec, OrganizationSpec, PersonSpec, RealmSpec
from catalog.platform.ids import new_id

PASSWORD = "a quiet harbour at dusk"
CALLBACK = "https://tool.coop-tools.test/sign-in/callback"
FRUGAL = "openid"


@dataclass(frozen=True)
class Server:
    url: str
    ca_file: Path
    admin_client_id: str
    admin_secret: str = field(repr=False)

    def connection(self, realm: str) -> KeycloakConnection:
        return KeycloakConnection(
            self.url, realm, self.admin_client_id, self.admin_secret, self.ca_file, home_realm="master"
        )


@dataclass(frozen=True)
class Organization:
    id: str
    alias: str
    member_id: str
    domain: str


@dataclass(frozen=True)
class Person:
    subject: str
    username: str
    email: str


@dataclass(frozen=True)
class Tool:
    client_id: str
    secret: str
    instance_id: str
    issuer: str

    def visit(
        self, browser: Browser, person: Person, scope: str = FRUGAL, *, password: str = PASSWORD, **parameters: str
    ) -> "Visit":
        """Open the tool's sign-in with the person's name and password at hand."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": "s",
            "nonce": "n",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | parameters
        address = f"{self.issuer}/protocol/openid-connect/auth?{urlencode(query)}"
        return Visit(self, browser.visit(address, person.username, password, CALLBACK), verifier)

    def token(self, browser: Browser, **grant: str) -> tuple[int, dict[str, Any]]:
        """Ask the token endpoint; gives its status and its answer."""
        form = {"client_id": self.client_id, "client_secret": self.secret} | grant
        answer = browser.http.post(f"{self.issuer}/protocol/openid-connect/token", data=form)
        return answer.status_code, answer.json()


@dataclass(frozen=True)
class Visit:
    tool: Tool
    journey: Journey
    verifier: str

    @property
    def status(self) -> int:
        return self.journey.final.status_code

    @property
    def page(self) -> str:
        return self.journey.final.text

    @property
    def answer(self) -> dict[str, str]:
        """What the tool was sent at its redirect address: a code, an error, or nothing at all."""
        query = urlsplit(self.journey.stopped_at or "")
        return {key: values[0] for key, values in parse_qs(query.query or query.fragment).items()}

    @property
    def admitted(self) -> bool:
        return "code" in self.answer

    def tokens(self, browser: Browser) -> dict[str, Any]:
        status, answer = self.tool.token(
            browser,
            grant_type="authorization_code",
            code=self.answer["code"],
            redirect_uri=CALLBACK,
            code_verifier=self.verifier,
        )
        assert status == 200, answer
        return answer


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return content


class RealmUnderTest:
    def __init__(self, server: Server, spec: RealmSpec, admin: KeycloakConnection) -> None:
        self.server = server
        self.spec = spec
        self.admin = admin
        self.issuer = f"{server.url}/realms/{spec.realm}"

    async def open(self) -> None:
        self.worker = await self.connection("catalog-worker")
        self.people = await self.connection("catalog-people")

    async def close(self) -> None:
        await self.worker.close()
        await self.people.close()

    async def connection(self, client_id: str) -> KeycloakConnection:
        secret = await client_secret(self.admin, client_id)
        return KeycloakConnection(self.server.url, self.spec.realm, client_id, secret, self.server.ca_file)

    async def organization(self, alias: str, help_desk: str | None = None) -> Organization:
        member_id, domain = str(new_id()), f"{alias}.example"
        spec = OrganizationSpec(member_id, alias, f"{alias.title()} University", (domain,), help_desk=help_desk)
        return Organization(await ensure_organization(self.worker, spec), alias, member_id, domain)

    async def person(self, username: str, *organizations: Organization, locale: str = "en") -> Person:
        email = f"{username}@people.example"
        spec = PersonSpec(username, email, "Demo", "Person", locale, PASSWORD, tuple(one.id for one in organizations))
        return Person(await ensure_person(self.people, spec), username, email)

    async def tool(self, name: str, *organizations: Organization) -> Tool:
        instance_id = str(new_id())
        spec = InstanceClientSpec(
            instance_id=instance_id,
            name=name,
            base_url="https://tool.coop-tools.test/",
            redirect_uris=(CALLBACK,),
            post_logout_uris=("https://tool.coop-tools.test/",),
            backchannel_logout_url=None,
            roles=("owner", "reader"),
            organization_ids=tuple(one.id for one in organizations),
        )
        client = await ensure_instance_client(self.worker, spec)
        return Tool(client.client_id, client.secret, instance_id, self.issuer)

    async def raw_client(self, **settings: Any) -> Tool:
        """Make a client past the adapter, as a careless hand would, with every way to a token switched on."""
        client_id = f"by-hand-{secrets.token_hex(4)}"
        attributes = {
            "oauth2.device.authorization.grant.enabled": "true",
            "oidc.ciba.grant.enabled": "true",
            "standard.token.exchange.enabled": "true",
        } | settings.pop("attributes", {})
        body = {
            "clientId": client_id,
            "standardFlowEnabled": True,
            "implicitFlowEnabled": True,
            "directAccessGrantsEnabled": True,
            "serviceAccountsEnabled": True,
            "publicClient": False,
            "redirectUris": [CALLBACK],
            "attributes": attributes,
        }
        identifier = await self.admin.post("/clients", body | settings)
        return Tool(client_id, await client_secret(self.admin, client_id), str(identifier), self.issuer)
