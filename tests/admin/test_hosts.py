"""`catalog host add` on a real host: what is looked at before it may take instances."""

import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from devkit.environment import secrets_folder
from devkit.hosts.machines import known
from devkit.network import TOOLS_DOMAIN
from devkit.state import state_folder
from typer.testing import CliRunner

from catalog.admin.commands import app
from catalog.admin.host_look import fingerprint_of
from catalog.platform.errors import CatalogError
from catalog.sites.errors import HostKeyUnknown, HostRefused, HostUnreachable
from catalog.sites.hosts import Findings, wrong

KNOWN_HOSTS = str(state_folder() / "known_hosts")
GOOD = Findings(
    distribution="debian",
    release="13",
    clock_seconds=1,
    memory_mb=4096,
    disk_mb=20_000,
    cores=2,
    has_python=True,
    has_systemd=True,
    certificate_days=300,
)
ADD_SITE = (
    *("site", "add", "vancouver", "--name-en", "Vancouver", "--name-fr", "Vancouver", "--city", "Vancouver"),
    *("--province", "BC", "--operator", "Us", "--attested-by", "Auditor", "--evidence", "https://e.example"),
    *("--from", "2026-01-01", "--until", "2099-01-01"),
)

Run = Callable[..., Result]


@pytest.fixture
def run(owner_url: str) -> Run:
    key_file = secrets_folder() / "ssh" / "id_ed25519"
    runner = CliRunner(env={"DATABASE_URL": owner_url, "CATALOG_SSH_KEY_FILE": str(key_file)})

    def ran(*arguments: str, tools_domain: str = TOOLS_DOMAIN) -> Result:
        return runner.invoke(app, arguments, env={"CATALOG_TOOLS_DOMAIN": tools_domain})

    assert ran(*ADD_SITE).exit_code == 0
    return ran


@pytest.fixture(params=["vancouver-1", "quebec-1"])
def address(request: pytest.FixtureRequest) -> str:
    return known()[request.param].address


def key_of(address: str) -> str:
    lines = Path(KNOWN_HOSTS).read_text(encoding="ascii").splitlines()
    return next(line.split()[2] for line in lines if line.split()[0] == address)


def added(address: str, *how: str) -> tuple[str, ...]:
    return ("host", "add", "one", "--site", "vancouver", "--address", address, *how)


def refusal(result: Result) -> CatalogError:
    assert isinstance(result.exception, CatalogError), result.output
    return result.exception


def test_a_host_is_looked_at_and_added_once(run: Run, address: str) -> None:
    first = run(*added(address, "--known-hosts", KNOWN_HOSTS))
    assert first.output.startswith("one: added; Debian "), first.output
    assert "MB memory" in first.output
    assert run(*added(address, "--known-hosts", KNOWN_HOSTS)).output.startswith("one: unchanged; ")
    assert address in run("host", "list").output


def test_a_fingerprint_read_at_the_console_confirms_the_key(run: Run, address: str) -> None:
    found = fingerprint_of(key_of(address))
    unconfirmed = refusal(run(*added(address)))
    assert isinstance(unconfirmed, HostKeyUnknown)
    assert found in unconfirmed.explanation().fr
    assert isinstance(refusal(run(*added(address, "--fingerprint", "SHA256:another"))), HostKeyUnknown)
    assert run(*added(address, "--fingerprint", found)).output.startswith("one: added; ")


def test_a_host_that_shows_another_key_than_the_one_vouched_for_is_not_signed_in_to(
    run: Run, address: str, tmp_path: Path
) -> None:
    other = next(key_of(host.address) for host in known().values() if host.address != address)
    forged = tmp_path / "known_hosts"
    forged.write_text(f"{address} ssh-ed25519 {other}\n", encoding="ascii")
    assert isinstance(refusal(run(*added(address, "--known-hosts", str(forged)))), HostUnreachable)
    assert run("host", "list").output == ""


def test_a_host_where_nobody_listens_is_told_of(run: Run) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    said = refusal(run(*added("127.0.0.1", "--port", port, "--fingerprint", "SHA256:any")))
    assert isinstance(said, HostUnreachable)


def test_a_host_that_has_what_it_takes_is_not_complained_about() -> None:
    assert list(wrong(GOOD, TOOLS_DOMAIN)) == []


@pytest.mark.parametrize(
    ("found", "pointer"),
    [
        ({"release": "11"}, "/release"),
        ({"distribution": "ubuntu"}, "/release"),
        ({"clock_seconds": 6}, "/clock"),
        ({"clock_seconds": -90}, "/clock"),
        ({"memory_mb": 700}, "/memory_mb"),
        ({"disk_mb": 3000}, "/disk_mb"),
        ({"has_python": False}, "/python"),
        ({"has_systemd": False}, "/systemd"),
        ({"certificate_days": None}, "/certificate"),
        ({"certificate_days": 3}, "/certificate"),
    ],
)
def test_what_keeps_a_host_from_taking_instances_is_said_in_both_languages(
    found: dict[str, object], pointer: str
) -> None:
    (said,) = wrong(msgspec.structs.replace(GOOD, **found), TOOLS_DOMAIN)
    assert said.pointer == pointer
    assert said.detail.en != said.detail.fr


def test_a_host_that_can_take_no_instances_is_not_added(run: Run, address: str) -> None:
    refused = refusal(run(*added(address, "--known-hosts", KNOWN_HOSTS), tools_domain="elsewhere.example"))
    assert isinstance(refused, HostRefused)
    assert [field.pointer for field in refused.fields] == ["/certificate"]
