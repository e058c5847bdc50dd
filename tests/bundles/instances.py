"""An instance of a tool on a host of the development network, made as a run of the catalog makes it."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from devkit.hosts.commands import ssh
from devkit.hosts.machines import point
from devkit.hosts.records import known
from devkit.running import said
from devkit.signin import Browser, Journey
from devkit.state import state_folder
from tests.identity.realm_under_test import PASSWORD, Organization, Person, RealmUnderTest

from catalog.identity.keycloak.instance_clients import ensure_instance_client
from catalog.identity.keycloak.specs import ACCESS, EVERYBODY, InstanceClient, InstanceClientSpec
from catalog.platform.ids import instance_key, new_id
from catalog.runs.ansible.prediction import Prediction
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.ansible.workspace import Play, Reach, Target
from catalog.runs.comparison import HostComparison
from catalog.tools.bundles import Bundle, read_bundle
from catalog.tools.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
TLS = "/etc/coop-catalog/tls"


@dataclass(frozen=True)
class Played:
    """How a playbook ended: its exit status, its result, the tasks that changed something and those that failed.

    `compared` is what it would change, or has changed.
    """

    status: int
    result: dict[str, Any]
    changed: list[str]
    failed: list[str]
    compared: HostComparison


@dataclass(frozen=True)
class Instance:
    """An instance for the people of one organization."""

    bundle: Bundle = field(repr=False)
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

    async def play(self, action: str, *, check: bool = False) -> Played:
        """Run one of the bundle's playbooks, from the archive that publishing makes; `check`: in check mode."""
        address = known()[self.host].address
        lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
        key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
        play = Play(
            archive=self.bundle.archive,
            digest=self.bundle.digest,
            playbook=f"tools/{self.bundle.slug}/{action}.yml",
            reach=Reach(Target(address, 22, key), UUID(self.variables["instance"]["id"]), attempt=1),
            variables=self.variables,
            check=check,
        )
        runner = PlaybookRunner(None, state_folder() / "secrets" / "ssh" / "id_ed25519")
        return _played([line async for line in runner.run(play, asyncio.Event())])

    def on_host(self, command: str) -> str:
        """Do something on the host as root."""
        return said([*ssh(self.host), command])

    def visit(self, browser: Browser, person: Person, path: str = "/") -> Journey:
        return browser.visit(f"{self.url}{path}", person.username, PASSWORD)

    async def open_to_everybody(self) -> None:
        """Have Keycloak give everybody of the realm a token for it, as a careless hand might."""
        address = f"/clients/{self.client.instance_id}"
        client = await self.realm.admin.get(address)
        await self.realm.admin.put(address, client | {"attributes": client["attributes"] | {ACCESS: EVERYBODY}})

    async def close_again(self) -> None:
        await ensure_instance_client(self.realm.worker, self.client)


async def make_instance(  # noqa: PLR0913 - whose it is, where it stands, and what was asked for
    slug: str,
    realm: RealmUnderTest,
    organization: Organization,
    host: str,
    name: str,
    *,
    parameters: Mapping[str, Any],
    language: str = "en",
    first_port: int = 0,
) -> Instance:
    """Make its client in Keycloak, its name in the network, and what its playbooks are told."""
    bundle = read_bundle(ROOT / "playbooks", slug)
    hostname = f"{name}.coop-tools.test"
    spec = _client(bundle.manifest, str(new_id()), hostname, organization)
    client = await ensure_instance_client(realm.worker, spec)
    point(hostname, host)
    key = instance_key(UUID(spec.instance_id))
    plan = bundle.manifest.plans[0]
    variables = {
        "instance": {
            "id": spec.instance_id,
            "name": name,
            "short": key,
            "hostname": hostname,
            "url": f"https://{hostname}",
            "tool": slug,
            "language": language,
            "purpose": "Tests",
            "plan": {name: getattr(plan, name) for name in ("slug", "people", "memory_mb", "cpu_percent", "disk_mb")},
            "owner": {"name": "Demo Owner", "email": "owner@people.example"},
            "member": {"id": organization.member_id, "alias": organization.alias, "name": "Birch"},
            "attempt": 1,
        },
        "parameters": dict(parameters),
        "sso": _sign_on(bundle.manifest, spec, client, realm.issuer, organization),
        "tls": {"certificate": f"{TLS}/certificate.pem", "key": f"{TLS}/key.pem", "ca": f"{TLS}/ca.pem"},
        "secrets": {name: secrets.token_hex(32) for name in bundle.manifest.secrets},
        "ports": {name: first_port + place for place, name in enumerate(bundle.manifest.ports)},
        "paths": {"home": f"/srv/coop/{key}", "state": f"/var/lib/coop/{key}"},
    }
    return Instance(bundle, host, realm, spec, variables)


def _client(manifest: Manifest, instance_id: str, hostname: str, organization: Organization) -> InstanceClientSpec:
    sign_on, url = manifest.sign_on, f"https://{hostname}"
    return InstanceClientSpec(
        instance_id=instance_id,
        name=hostname,
        base_url=f"{url}/",
        redirect_uris=tuple(f"{url}{path}" for path in sign_on.redirect_paths),
        post_logout_uris=tuple(f"{url}{path}" for path in sign_on.post_logout_paths),
        backchannel_logout_url=sign_on.backchannel_logout_path and f"{url}{sign_on.backchannel_logout_path}",
        roles=sign_on.roles,
        organization_ids=(organization.id,),
    )


def _sign_on(
    manifest: Manifest, spec: InstanceClientSpec, client: InstanceClient, issuer: str, organization: Organization
) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "client_id": client.client_id,
        "client_secret": client.secret,
        "organization_ids": [organization.id],
        "organizations": [{"id": organization.id, "alias": organization.alias}],
        "organization_scope": "organization:*",
        "roles": list(manifest.sign_on.roles),
        "default_role": manifest.sign_on.default_role,
        "roles_claim": "groups",
        "anonymous_reading": manifest.sign_on.anonymous_reading,
        "redirect_uris": list(spec.redirect_uris),
        "longest_session_minutes": manifest.sign_on.longest_session_minutes,
    }


def _played(lines: list[dict[str, Any]]) -> Played:
    told = [line for line in lines if line["event"] == "playbook_on_stats"]
    result = (told[0].get("artifact_data") or {}).get("result") if told else None
    heard = Prediction(str)
    for line in lines:
        heard.hear(line)
    return Played(
        status=lines[-1]["status"],
        result=result or {},
        changed=[one["task"] for one in lines if one["event"] == "runner_on_ok" and one["res"].get("changed")],
        failed=[f"{one['task']}: {one['res']}" for one in lines if one["event"] == "runner_on_failed"],
        compared=heard.comparison((result or {}).get("changed_by_hand") or []),
    )
