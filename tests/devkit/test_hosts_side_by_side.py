"""Checkouts on one machine don't disturb each other, and leave nothing behind."""

import os
import subprocess
from pathlib import Path

import pytest
from devkit.hosts.base import SUITES
from tests.devkit.checkouts import Checkout, NewCheckout, purge

NAME = "twin-1"


@pytest.fixture
def other(new_checkout: NewCheckout) -> Checkout:
    """A second checkout with one host, which the test itself purges."""
    made = new_checkout()
    made.up(NAME)
    return made


def traces(checkout: Checkout) -> dict[str, list[str]]:
    """Find what a checkout has on the machine: links, rules, control groups, mounts and processes."""
    of_checkout = (checkout.identity, str(checkout.folder))
    seen = {
        "links": [link.name for link in Path("/sys/class/net").iterdir()],
        "tables": subprocess.check_output(["nft", "list", "tables"], text=True).splitlines(),
        "groups": [folder for folder, _, _ in os.walk("/sys/fs/cgroup")],
        "mounts": [line for file in Path("/proc").glob("[0-9]*/mountinfo") for line in _read(file).splitlines()],
        "processes": [_read(file).replace("\0", " ") for file in Path("/proc").glob("[0-9]*/cmdline")],
    }
    return {kind: [one for one in found if any(mark in one for mark in of_checkout)] for kind, found in seen.items()}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # the process has ended
        return ""


def test_two_checkouts_have_hosts_of_the_same_name_and_one_leaves_the_other_alone(
    checkout: Checkout, other: Checkout
) -> None:
    checkout.up(NAME)
    checkout.on(NAME, "echo mine > /root/whose")
    assert other.address(NAME) != checkout.address(NAME)
    purge(other)
    assert checkout.on(NAME, "cat /root/whose") == "mine"


def test_purging_leaves_nothing_on_the_machine(other: Checkout) -> None:
    assert all(traces(other).values())
    purge(other)
    assert not any(traces(other).values())
    assert sorted(path.name for path in (other.state / "hosts").iterdir() if path.is_dir()) == [
        f"base-{suite}" for suite in SUITES
    ]


def test_a_host_that_went_up_in_one_mount_namespace_is_known_and_ended_in_another(
    other: Checkout, tmp_path: Path
) -> None:
    assert other.host("down", NAME).returncode == 0
    elsewhere = f"mount --bind . {tmp_path} && cd {tmp_path} && python3 -m devkit.hosts up {NAME}"
    private = ["unshare", "--mount", "--propagation", "private", "sh", "-c", elsewhere]
    subprocess.run(private, cwd=other.folder, check=True, stdout=subprocess.DEVNULL)
    other.do(f"from devkit.hosts import machines; machines.point('wiki-2.coop-tools.test', {NAME!r})")
    assert other.on(NAME, "getent hosts wiki-2.coop-tools.test").split()[0] == other.address(NAME)
    assert other.host("down", NAME).stdout == f"Stopped {NAME}.\n"
    assert not other.answers(NAME)


def test_a_machine_with_control_groups_of_version_2_alone_boots_freezes_and_stops_hosts(other: Checkout) -> None:
    """Seen from a mount namespace where nothing else is mounted; which controllers it has depends on the machine."""
    assert other.host("down", NAME).returncode == 0
    look = "systemctl is-system-running --wait; stat --file-system --format %T /sys/fs/cgroup"
    steps = [
        "set -e; mount -t cgroup2 cgroup2 /sys/fs/cgroup",
        f"python3 -m devkit.hosts up {NAME}",
        f"python3 -m devkit.hosts sh {NAME} '{look}'",
        f"python3 -c 'from devkit.hosts import faults; faults.freeze(\"{NAME}\")'",
        f"python3 -m devkit.hosts down {NAME}",
    ]
    private = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(steps)]
    told = subprocess.check_output(private, cwd=other.folder, text=True).splitlines()
    assert told[1:] == ["running", "cgroup2fs", f"Stopped {NAME}."]
