"""The parts that run together: PostgreSQL, Keycloak, the server, the worker, the hosts; and the commands about them."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from devkit import certificates, keycloak, network, packages, postgres, processes, users
from devkit.environment import (
    BOOTSTRAP_CLIENT,
    CATALOG_URL,
    REALM,
    SIGN_ON_URL,
    ensure_secrets,
    environment,
    hand_over_keycloak_secrets,
    secret,
    secrets_folder,
    write_environments,
)
from devkit.hosts import machines
from devkit.keycloak_admin import create_devkit_admin
from devkit.running import Failed, run
from devkit.signin import device_token
from devkit.state import CA, state_folder
from devkit.telling import Teller

SERVER, WORKER, RELOADER = "server", "worker", "reloader"
WORKER_CAPABILITIES = ("setuid", "setgid", "kill", "chown")
READY_SECONDS = 60
OK = 200
HOSTS = {"vancouver-1": "bookworm", "quebec-1": "trixie"}


def bring_up(tell: Teller, *, hosts: bool) -> None:
    """Start what does not run yet."""
    ensure_secrets()
    certificates.ensure_certificates()
    net = network.network()
    network.raise_network(net)
    network.add_names({network.CATALOG: net.gateway, network.SIGN_ON: net.gateway})
    if hosts:
        with tell.chapter(f"Hosts: {', '.join(HOSTS)}"):
            machines.up(HOSTS)
    with tell.chapter("PostgreSQL"):
        port = postgres.ensure_postgres()
        write_environments(port)
        _catalog("db", "upgrade")
    with tell.chapter("Keycloak"):
        if keycloak.start(port) or not keycloak.set_up_once():
            _set_up_realm()
    with tell.chapter("The server and a worker"):
        start_server()
        start_worker()


def start_server() -> None:
    """Start `catalog serve`."""
    command = [sys.executable, "-m", "catalog", "serve"]
    processes.start(processes.Service(SERVER, command, READY_SECONDS, environment("server")), _server_ready)


def start_worker() -> None:
    """Start `catalog worker`."""
    processes.start(worker_service(WORKER, environment("worker")), lambda: processes.is_running(WORKER))


def worker_service(name: str, variables: Mapping[str, str], module: str = "catalog") -> processes.Service:
    """Give `catalog worker` as a service, which may become Ansible's user and nobody else's."""
    command = [sys.executable, "-m", module, "worker"]
    return processes.Service(name, command, READY_SECONDS, variables, WORKER_CAPABILITIES)


def up(arguments: list[str]) -> int:
    """`./dev up`: everything, without the demonstration's story; server and worker follow their code."""
    _no_more(arguments)
    tell = Teller()
    bring_up(tell, hosts=True)
    reloader = processes.Service(RELOADER, [sys.executable, "-m", "devkit.reloading"], READY_SECONDS, as_root=True)
    processes.start(reloader, lambda: processes.is_running(RELOADER))
    tell.say(f"Up: {CATALOG_URL}/ (./dev browser opens it; ./dev down stops everything)")
    return 0


def demo(arguments: list[str]) -> int:
    """`./dev demo [--crash]`: everything, and the story."""
    if arguments not in ([], ["--crash"]):
        raise Failed("./dev demo takes nothing but --crash.")
    bring_up(Teller(), hosts=True)
    os.environ.update(environment("owner"))
    from devkit.demo import story

    return story.main([str(state_folder()), *arguments])


def down(arguments: list[str]) -> int:
    """`./dev down`: stop everything; with `--purge`, remove all that was made."""
    if arguments not in ([], ["--purge"]):
        raise Failed("./dev down takes nothing but --purge.")
    for name in (RELOADER, WORKER, SERVER, keycloak.NAME, postgres.NAME):
        if processes.stop(name):
            print(f"Stopped {name}.", flush=True)
    machines.down(list(machines.known()), say=print)
    network.lower_network(network.network())
    if arguments:
        packages.remove_brought(print)
        users.remove_all()
        shutil.rmtree(state_folder(), ignore_errors=True)
        print("Removed all that was made for this checkout.")
    return 0


def status(arguments: list[str]) -> int:
    """`./dev status`: what runs, and where."""
    _no_more(arguments)
    where = {SERVER: CATALOG_URL, keycloak.NAME: SIGN_ON_URL}
    for name in (postgres.NAME, keycloak.NAME, SERVER, WORKER, RELOADER):
        print(
            f"{name:<12} {'runs' if processes.is_running(name) else 'does not run':<14} {where.get(name, '')}".rstrip()
        )
    for host in machines.listed():
        print(f"{host.name:<12} {'runs' if host.runs else 'does not run':<14} {host.address} ({host.suite})")
    return 0


def logs(arguments: list[str]) -> int:
    """`./dev logs [NAME]`: the end of a log, and what comes."""
    folder = state_folder() / "log"
    known = sorted(file.stem for file in folder.glob("*.log"))
    if not arguments:
        print("\n".join(known))
        return 0
    if arguments[0] not in known:
        raise Failed(f"There is no log {arguments[0]!r}; there are: {', '.join(known)}.")
    return subprocess.run(["tail", "-n", "50", "-F", str(folder / f"{arguments[0]}.log")], check=False).returncode


def run_command(arguments: list[str]) -> int:
    """`./dev run COMMAND…`: with the operators' settings, where the names are known."""
    if not arguments:
        raise Failed("./dev run takes a command, such as: ./dev run catalog tools list")
    values = {**os.environ, **environment("owner")}
    if shutil.which(arguments[0]) is None:
        raise Failed(f"There is no program {arguments[0]!r}.")
    return subprocess.run(arguments, env=values, check=False).returncode


def token(arguments: list[str]) -> int:
    """`./dev token USERNAME`: an access token of a demo account, by the device grant."""
    file = secrets_folder() / "demo-passwords.json"
    passwords = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if len(arguments) != 1 or arguments[0] not in passwords:
        raise Failed(f"./dev token takes one of: {', '.join(passwords) or 'the accounts that ./dev demo makes'}.")
    print(access_token(arguments[0], passwords[arguments[0]]))
    return 0


def access_token(username: str, password: str) -> str:
    """Sign in by the device grant, with the approval given by a scripted browser."""
    issuer, ca_file = f"{SIGN_ON_URL}/realms/{REALM}", state_folder() / CA / "ca.pem"
    return device_token(issuer, "catalog-cli", username, password, "openid organization:*", ca_file=ca_file)


def _set_up_realm() -> None:
    if not keycloak.set_up_once():
        secret_file = secrets_folder() / "keycloak-devkit-admin"
        ca_file = state_folder() / CA / "ca.pem"
        create_devkit_admin(SIGN_ON_URL, BOOTSTRAP_CLIENT, secret("keycloak-bootstrap"), secret_file, ca_file)
    _catalog("identity", "sync")
    hand_over_keycloak_secrets()


def _catalog(*arguments: str) -> None:
    values = environment("owner") | environment("first-setup")
    run([sys.executable, "-m", "catalog", *arguments], "catalog", environment=values)


def _server_ready() -> bool:
    import ssl

    context = ssl.create_default_context(cafile=str(state_folder() / CA / "ca.pem"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"{CATALOG_URL}/health/ready", timeout=5) as answer:
            return bool(answer.status == OK)
    except (urllib.error.URLError, OSError):
        return False


def _no_more(arguments: list[str]) -> None:
    if arguments:
        raise Failed(f"This takes no {arguments[0]!r}: see ./dev help.")
