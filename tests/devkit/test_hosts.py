"""Hosts of the development network are Debian systems that behave as such."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from devkit.hosts.base import SUITES
from tests.devkit.checkouts import Checkout

DEADLINE_SECONDS = 30
TOO_MUCH = 'python3 -c "bytearray(200 * 2**20)"'

every_release = pytest.mark.parametrize("name", SUITES)


def becomes(condition: Callable[[], bool]) -> bool:
    """Wait until something is so; tell whether it came to be in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (so := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return so


@every_release
def test_a_host_is_reached_by_the_operators_key_and_runs_without_a_failed_unit(checkout: Checkout, name: str) -> None:
    assert checkout.on(name, "systemctl is-system-running --wait") == "running"
    assert checkout.on(name, ". /etc/os-release; echo $VERSION_CODENAME; hostname; date +%Z") == f"{name}\n{name}\nUTC"


@every_release
def test_a_unit_that_takes_more_memory_than_it_may_is_killed(checkout: Checkout, name: str) -> None:
    limited = "systemd-run --quiet --wait -p MemoryMax={} -p MemorySwapMax=0 {} && echo ran || echo died"
    assert checkout.on(name, limited.format("500M", TOO_MUCH)) == "ran"
    assert checkout.on(name, limited.format("50M", TOO_MUCH)) == "died"


@every_release
def test_a_unit_can_not_start_more_processes_than_it_may(checkout: Checkout, name: str) -> None:
    many = "bash -c 'for n in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'"
    limited = "systemd-run --quiet --wait --pipe -p TasksMax={} {} 2>&1 | grep --count --max-count=1 fork || true"
    assert checkout.on(name, limited.format(20, many)) == "0"
    assert checkout.on(name, limited.format(5, many)) == "1"


@every_release
def test_a_host_that_restarts_itself_comes_back_with_its_data_and_its_journal(checkout: Checkout, name: str) -> None:
    before = checkout.on(name, "echo kept > /root/restarted; cat /proc/sys/kernel/random/boot_id")
    checkout.on(name, "systemctl reboot --no-block")
    now = "cat /root/restarted /proc/sys/kernel/random/boot_id"
    assert becomes(lambda: before not in (told := checkout.host("sh", name, now).stdout) and told.startswith("kept"))
    boots = checkout.on(name, "journalctl --list-boots --quiet | grep --count -E '^ *(-1|0) '")
    assert boots == "2"


def test_data_outlive_going_down_and_a_loss_of_power(checkout: Checkout) -> None:
    name = SUITES[0]
    checkout.on(name, "echo kept > /root/down; sync")
    assert checkout.host("down", name).returncode == 0
    assert not checkout.answers(name)
    checkout.up(name)
    checkout.do(f"from devkit.hosts import faults; faults.cut_power({name!r})")
    assert not checkout.answers(name)
    checkout.up(name)
    assert checkout.on(name, "cat /root/down") == "kept"


@pytest.mark.parametrize(("fault", "mending"), [("freeze", "thaw"), ("cut", "mend")])
def test_a_host_that_is_frozen_or_cut_off_answers_again_once_that_is_mended(
    checkout: Checkout, fault: str, mending: str
) -> None:
    name = SUITES[0]
    before = checkout.on(name, "cat /proc/sys/kernel/random/boot_id")
    checkout.do(f"from devkit.hosts import faults; faults.{fault}({name!r})")
    assert not checkout.answers(name)
    checkout.do(f"from devkit.hosts import faults; faults.{mending}({name!r})")
    assert becomes(lambda: checkout.answers(name))
    assert checkout.on(name, "cat /proc/sys/kernel/random/boot_id") == before


@pytest.mark.parametrize("fault", ["freeze", "cut"])
def test_going_up_mends_a_host_that_is_frozen_or_cut_off(checkout: Checkout, fault: str) -> None:
    name = SUITES[0]
    checkout.do(f"from devkit.hosts import faults; faults.{fault}({name!r})")
    checkout.up(name)
    assert checkout.answers(name)


def test_a_frozen_host_can_be_stopped(checkout: Checkout) -> None:
    name = SUITES[1]
    checkout.do(f"from devkit.hosts import faults; faults.freeze({name!r})")
    assert "Stopped" in checkout.host("down", name).stdout
    checkout.up(name, name)


def test_going_up_repairs_what_a_killed_supervisor_left(checkout: Checkout) -> None:
    name = SUITES[1]
    checkout.do(
        "import json, os, signal; from devkit.state import state_folder;"
        f"os.kill(json.loads((state_folder() / 'run/host-{name}.json').read_text())['pid'], signal.SIGKILL)"
    )
    assert f"{name}\t{checkout.address(name)}\t{name}\tdoes not run" in checkout.host("list").stdout
    checkout.up(name, name)
    assert checkout.on(name, "systemctl is-system-running --wait") == "running"


def test_a_host_serves_the_tools_certificate_and_trusts_the_development_ca(checkout: Checkout) -> None:
    name, tls = SUITES[0], "/etc/coop-catalog/tls"
    assert checkout.on(name, f"openssl verify {tls}/certificate.pem") == f"{tls}/certificate.pem: OK"
    assert checkout.on(name, f"openssl verify -CAfile {tls}/ca.pem {tls}/certificate.pem").endswith(": OK")
    assert checkout.on(name, f"stat --format '%a %U' {tls}/key.pem") == "600 root"


def test_going_up_brings_a_renewed_certificate_to_a_host_that_runs(checkout: Checkout) -> None:
    name, file = SUITES[0], checkout.state / "ca" / "tools.pem"
    renewed = file.read_text(encoding="ascii") + "renewed\n"
    file.write_text(renewed, encoding="ascii")
    checkout.up(name)
    assert checkout.on(name, "tail -n 1 /etc/coop-catalog/tls/certificate.pem") == "renewed"


def test_an_instance_s_name_leads_to_its_host_from_every_place(checkout: Checkout) -> None:
    hostname, (name, other) = "wiki-1.coop-tools.test", SUITES
    names_file = checkout.state / "etc-hosts"
    checkout.do("from devkit import network; network.add_names({})")
    same_file = names_file.stat().st_ino
    checkout.do(f"from devkit.hosts import machines; machines.point({hostname!r}, {name!r})")
    address = checkout.address(name)
    for host in (name, other):
        assert checkout.on(host, f"getent hosts {hostname}").split() == [address, hostname]
    assert f"{address} {hostname}\n" in names_file.read_text(encoding="ascii")
    assert names_file.stat().st_ino == same_file


def test_a_name_that_came_while_a_host_was_down_is_known_when_it_is_up(checkout: Checkout) -> None:
    hostname, (name, other) = "hub-1.coop-tools.test", SUITES
    assert checkout.host("down", other).returncode == 0
    checkout.do(f"from devkit.hosts import machines; machines.point({hostname!r}, {name!r})")
    checkout.up(other, other)
    assert checkout.on(other, f"getent hosts {hostname}").split()[0] == checkout.address(name)


def test_packages_install_on_a_host(checkout: Checkout) -> None:
    name = SUITES[0]
    checkout.on(name, "apt-get update --quiet=2 && apt-get install --quiet=2 --yes tree 2>/dev/null")
    assert checkout.on(name, "tree --noreport /etc/coop-catalog/tls").splitlines()[0] == "/etc/coop-catalog/tls"


def test_a_host_s_release_is_not_changed_by_going_up(checkout: Checkout) -> None:
    refused = checkout.host("up", SUITES[0], SUITES[1])
    assert refused.returncode == 1
    assert "--purge" in refused.stderr


@pytest.mark.parametrize("name", ["../escape", "base-bookworm", "Upper", ""])
def test_a_name_that_no_machine_can_have_is_refused(checkout: Checkout, name: str) -> None:
    refused = checkout.host("up", name)
    assert refused.returncode == 1
    assert "can't be called" in refused.stderr
    assert not Path(checkout.state / "escape").exists()
