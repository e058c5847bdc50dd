"""A hub on a host of the development network, as its automation and its people meet it."""

import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from devkit.hosts.commands import ssh
from devkit.hosts.machines import point
from devkit.hosts.records import known
from devkit.running import said
from devkit.signin import Browser, Journey
from devkit.state import state_folder
from tests.identity.realm_under_test import PASSWORD, Organization, Person, RealmUnderTest
from websockets.sync.client import connect

from catalog.identity.keycloak.instance_clients import ensure_instance_client
from catalog.identity.keycloak.specs import InstanceClientSpec
from catalog.platform.ids import instance_key, new_id
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.ansible.workspace import Play, Target
from catalog.tools.bundles import read_bundle

ROOT = Path(__file__).resolve().parents[2]
TLS = "/etc/coop-catalog/tls"
DEADLINE_SECONDS = 90
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Played:
    """How a playbook ended: its exit status, its result, and the tasks that changed something."""

    status: int
    result: dict[str, Any]
    changed: list[str]
    failed: list[str]


@dataclass(frozen=True)
class Hub:
    """An instance, for the people of one organization."""

    host: str
    realm: RealmUnderTest
    client: InstanceClientSpec
    variables: dict[str, Any] = field(repr=False)

    @property
    def url(self) -> str:
        return str(self.variables["instance"]["url"])

    @property
    def short(self) -> str:
        return str(self.variables["instance"]["short"])

    async def play(self, action: str) -> Played:
        """Run one of the bundle's playbooks, from the archive that publishing makes."""
        bundle = read_bundle(ROOT / "playbooks", "jupyterhub")
        address = known()[self.host].address
        lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
        key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
        play = Play(
            archive=bundle.archive,
            digest=bundle.digest,
            playbook=f"tools/jupyterhub/{action}.yml",
            target=Target(address, 22, key),
            instance_id=UUID(self.variables["instance"]["id"]),
            attempt=1,
            variables=self.variables,
        )
        runner = PlaybookRunner(None, state_folder() / "secrets" / "ssh" / "id_ed25519")
        return _played([line async for line in runner.run(play)])

    def on_host(self, command: str) -> str:
        """Do something on the host as root."""
        return said([*ssh(self.host), command])

    def visit(self, browser: Browser, person: Person, path: str = "/") -> Journey:
        return browser.visit(f"{self.url}{path}", person.username, PASSWORD)

    def server(self, browser: Browser, person: Person) -> "Server":
        """Sign in and wait until the person's server has started, as the page of the hub does."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            page = self.visit(browser, person, "/hub/spawn").final
            if page.url.path.startswith("/user/"):
                return Server(browser, str(page.url).split("/lab", maxsplit=1)[0], page)
            starting = page.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            if (page.is_error and not starting) or time.monotonic() > deadline:
                raise TimeoutError(f"{page.status_code} {page.url}: {page.text[-2000:]}")
            time.sleep(0.3)

    def unit(self, server: "Server") -> str:
        return f"{self.short}-jupyter-{server.username}.service"


@dataclass(frozen=True)
class Server:
    """Somebody's own server, seen with the browser that they signed in with."""

    browser: Browser
    url: str
    page: httpx.Response

    @property
    def username(self) -> str:
        return self.url.rpartition("/")[2]

    def run(self, code: str) -> tuple[str, str]:
        """Run code in a new kernel; gives the state that it is in then, and what it said."""
        path = f"{urlsplit(self.url).path}/"
        cookies = self.browser.http.cookies.jar
        here = (urlsplit(self.url).hostname, path)
        token = next(one.value for one in cookies if one.name == "_xsrf" and (one.domain, one.path) == here)
        made = self.browser.http.post(f"{self.url}/api/kernels", json={}, headers={"X-XSRFToken": str(token)})
        channels = f"{self.url}/api/kernels/{made.raise_for_status().json()['id']}/channels"
        request = self.browser.http.build_request("GET", channels)
        with connect(
            channels.replace("https:", "wss:"),
            ssl=ssl.create_default_context(cafile=state_folder() / "ca" / "ca.pem"),
            additional_headers={"Cookie": request.headers["cookie"]},
        ) as socket:
            message = _execute(code)
            socket.send(json.dumps(message))
            return _outcome(socket, message["header"]["msg_id"])


async def make_hub(
    realm: RealmUnderTest, organization: Organization, host: str, name: str, first_port: int, **parameters: Any
) -> Hub:
    """Make the hub's client in Keycloak, its name in the network, and what its playbooks are told."""
    instance_id, hostname = new_id(), f"{name}.coop-tools.test"
    url = f"https://{hostname}"
    spec = InstanceClientSpec(
        instance_id=str(instance_id),
        name=name,
        base_url=f"{url}/",
        redirect_uris=(f"{url}/hub/oauth_callback",),
        post_logout_uris=(f"{url}/",),
        backchannel_logout_url=None,
        roles=("owner", "participant"),
        organization_ids=(organization.id,),
    )
    client = await ensure_instance_client(realm.worker, spec)
    point(hostname, host)
    key = instance_key(instance_id)
    variables = {
        "instance": {
            "id": str(instance_id),
            "name": name,
            "short": key,
            "hostname": hostname,
            "url": url,
            "tool": "jupyterhub",
            "language": "fr",
            "purpose": "Tests",
            "plan": {"slug": "small", "people": 15, "memory_mb": 4096, "cpu_percent": 100, "disk_mb": 10240},
            "owner": {"name": "Demo Owner", "email": "owner@people.example"},
            "member": {"id": organization.member_id, "alias": organization.alias, "name": "Birch"},
            "attempt": 1,
        },
        "parameters": {"title": name, "announcement": "", "interface": "lab", "idle_minutes": 60} | parameters,
        "sso": {
            "issuer": realm.issuer,
            "client_id": client.client_id,
            "client_secret": client.secret,
            "organization_ids": [organization.id],
            "organizations": [{"id": organization.id, "alias": organization.alias}],
            "organization_scope": "organization:*",
            "roles": ["owner", "participant"],
            "default_role": "participant",
            "roles_claim": "groups",
            "anonymous_reading": False,
            "redirect_uris": [f"{url}/hub/oauth_callback"],
            "longest_session_minutes": 720,
        },
        "tls": {"certificate": f"{TLS}/certificate.pem", "key": f"{TLS}/key.pem", "ca": f"{TLS}/ca.pem"},
        "secrets": {"cookie": secrets.token_hex(32), "proxy_token": secrets.token_hex(32)},
        "ports": {"proxy": first_port, "proxy_api": first_port + 1, "hub": first_port + 2},
        "paths": {"home": f"/srv/coop/{key}", "state": f"/var/lib/coop/{key}"},
    }
    return Hub(host, realm, spec, variables)


def _played(lines: list[dict[str, Any]]) -> Played:
    told = [line for line in lines if line["event"] == "playbook_on_stats"]
    result = (told[0].get("artifact_data") or {}).get("result") if told else None
    return Played(
        status=lines[-1]["status"],
        result=result or {},
        changed=[one["task"] for one in lines if one["event"] == "runner_on_ok" and one["res"].get("changed")],
        failed=[f"{one['task']}: {one['res']}" for one in lines if one["event"] == "runner_on_failed"],
    )


def _execute(code: str) -> dict[str, Any]:
    """Make Jupyter's message that asks a kernel to run code."""
    header = {"msg_id": secrets.token_hex(8), "msg_type": "execute_request", "session": "s", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    return {
        "header": header | {"username": "", "date": ""},
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": content,
    }


def _outcome(socket: Any, message_id: str) -> tuple[str, str]:
    said_so_far = ""
    while True:
        message = json.loads(socket.recv(timeout=ANSWER_SECONDS))
        kind, content = message["msg_type"], message["content"]
        ours = message["parent_header"].get("msg_id") == message_id
        if kind == "stream" and ours:
            said_so_far += content["text"]
        elif kind == "error" and ours:
            said_so_far += "\n".join(content["traceback"])
        elif kind == "status" and (content["execution_state"] in {"restarting", "dead"}):
            return content["execution_state"], said_so_far
        elif kind == "status" and ours and content["execution_state"] == "idle":
            return "idle", said_so_far
