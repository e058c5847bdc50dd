"""What the loop plays on: two hosts with both real bundles, and instances that were there before."""

import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from devkit.hosts.commands import ssh
from devkit.hosts.machines import point
from devkit.network import network
from devkit.running import said
from devkit.state import CA, state_folder
from tests.faults.forwarder import forwarder
from tests.faults.lab import Lab
from tests.faults.loop.watching import Watcher
from tests.faults.postgres import own_folder, own_postgres
from tests.faults.realm import own_realm
from tests.faults.small_disks import hosts_with_small_disks, small_memory
from tests.faults.workers import Workers
from tests.support.environment import ROOT

from catalog.instances.tables import Instance
from catalog.platform.ids import instance_key

MEMBER = "loop-college"
SITES = ("vancouver", "quebec")
HOST_MEGABYTES, WORKER_MEGABYTES = 2000, 64
PARAMETERS: dict[str, dict[str, Any]] = {
    "dokuwiki": {"title": "Notes", "tagline": "", "welcome": "", "licence": "none"},
    "jupyterhub": {"title": "Notes", "announcement": "", "interface": "lab", "idle_minutes": 60},
}
KEPT = {"dokuwiki": "data/pages/kept.txt", "jupyterhub": "people/kept/notes.txt"}
PAGES = {"dokuwiki": ("/doku.php?id=start", 302), "jupyterhub": ("/hub/api/", 200)}
SUSPENDED = 503


@dataclass(frozen=True)
class Tool:
    """An instance of a real bundle on its host, and what people have written there."""

    row: Instance
    host: str
    kept: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def file(self) -> str:
        """Where that is."""
        return f"/srv/coop/{instance_key(self.row.id)}/{KEPT[self.row.tool_slug]}"

    def on_host(self, command: str) -> str:
        """Do something on the host as root."""
        return said([*ssh(self.host), command])

    def write(self) -> None:
        """Leave something there."""
        self.on_host(f"mkdir -p $(dirname {self.file}); echo {self.kept} >{self.file}")

    def answer(self) -> int:
        """Go there, and give the status."""
        path, _ = PAGES[self.row.tool_slug]
        with httpx.Client(verify=_trusting(), timeout=20, trust_env=False) as http:
            return http.get(f"https://{self.row.hostname}{path}", headers={"Accept": "text/html"}).status_code


@dataclass
class Stage:
    """All of it."""

    lab: Lab
    workers: Workers
    watcher: Watcher
    memory: Path
    hosts: dict[str, str]
    tools: list[Tool] = field(default_factory=list)

    async def reserve(self, slug: str) -> Tool:
        """Reserve an instance, and make its name known."""
        host, site = next(
            (name, site)
            for (name, suite), site in zip(self.hosts.items(), SITES, strict=True)
            if (suite == "bookworm") == (slug == "dokuwiki")
        )
        name = f"loop-{secrets.token_hex(4)}"
        row = await self.lab.reserved(MEMBER, slug, site, name, parameters=PARAMETERS[slug])
        point(row.hostname, host)
        return Tool(row, host)


@asynccontextmanager
async def stage(module: str, **variables: str) -> AsyncIterator[Stage]:
    """Set it up, and leave nothing of it. `module` is what workers run."""
    hosts = {f"faults-{secrets.token_hex(3)}": suite for suite in ("bookworm", "trixie")}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(own_folder(state_folder() / f"faults-{secrets.token_hex(3)}"))
        stack.enter_context(hosts_with_small_disks(hosts, HOST_MEGABYTES))
        postgres = stack.enter_context(own_postgres(folder))
        realm = await stack.enter_async_context(own_realm())
        way = stack.enter_context(forwarder(network().gateway, _address(realm.server.url)))
        memory = stack.enter_context(small_memory(folder / "memory", WORKER_MEGABYTES))
        cluster = postgres.cluster()
        await cluster.make_template()
        lab = Lab(folder, postgres, await cluster.copy(), realm, way)
        stack.push_async_callback(lab.close)
        for name, site, province in zip(hosts, SITES, ("BC", "QC"), strict=True):
            await lab.world.site(site, province=province)
            await lab.host(name, site)
        for slug in PARAMETERS:
            await lab.world.tool(slug, playbooks=ROOT / "playbooks")
        workers = Workers("faults", await lab.variables() | variables, memory=memory, module=module)
        stack.callback(workers.end_all)
        watcher = Watcher(list(hosts))
        watcher.start()
        stack.callback(watcher.stop)
        yield Stage(lab, workers, watcher, memory, hosts)


def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(state_folder() / CA / "ca.pem"))


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("https://").rpartition(":")
    return host, int(port)
