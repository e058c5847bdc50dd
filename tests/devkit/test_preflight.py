"""What keeps a machine from running all this is said in one line, before anything is changed."""

import dataclasses
import socket
import subprocess
from pathlib import Path

import pytest
from devkit.preflight import Machine, complaint
from devkit.registries import Registry, first_unreachable
from devkit.state import CHECKOUT
from tests.support.issuer import Issuer

GOOD = Machine(
    distribution="debian",
    release="12",
    has_apt=True,
    memory_mb=4000,
    disk_mb=9000,
    namespaces=True,
    checkout_readable=True,
    unreachable=None,
    set_up_before=False,
)


@pytest.mark.parametrize(
    ("distribution", "release"), [("debian", "12"), ("debian", "13"), ("ubuntu", "24.04"), ("ubuntu", "26.04")]
)
def test_a_machine_that_has_it_all_is_not_complained_about(distribution: str, release: str) -> None:
    assert complaint(dataclasses.replace(GOOD, distribution=distribution, release=release)) is None


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (
            {"distribution": "fedora", "release": "43"},
            "Debian 12 or 13 and on Ubuntu 24.04 or later; this is fedora 43",
        ),
        ({"distribution": "debian", "release": "11"}, "this is debian 11"),
        ({"distribution": "ubuntu", "release": "22.04"}, "this is ubuntu 22.04"),
        ({"has_apt": False}, "Use a virtual machine"),
        ({"memory_mb": 2000}, "4 GB of memory; the machine has 2000 MB"),
        ({"disk_mb": 4000}, "8000 MB of free disk; there are 4000 MB"),
        ({"disk_mb": 500, "set_up_before": True}, "2000 MB of free disk; there are 500 MB"),
        ({"namespaces": False}, "use a virtual machine"),
        ({"checkout_readable": False}, "chmod -R go+rX"),
        (
            {"unreachable": Registry("Maven Central", "https://maven.example/", "~/.m2/settings.xml")},
            "Maven Central can't",
        ),
    ],
)
def test_what_lacks_is_said_in_one_line_with_what_to_do(lacking: dict[str, object], said: str) -> None:
    told = complaint(dataclasses.replace(GOOD, **lacking))  # type: ignore[arg-type] # a field's name and value
    assert told is not None
    assert said in told
    assert "\n" not in told


def test_what_the_first_set_up_used_is_not_asked_for_again() -> None:
    assert complaint(dataclasses.replace(GOOD, disk_mb=4000, set_up_before=True)) is None


@pytest.mark.parametrize(
    ("program", "says", "told"),
    [
        ("uname", "echo Darwin", "run it in a Debian or Ubuntu virtual machine"),
        ("id", "echo 1000", "run it as root, or install sudo"),
    ],
)
def test_another_system_or_an_ordinary_user_is_told_before_anything_is_begun(
    tmp_path: Path, program: str, says: str, told: str
) -> None:
    for name in ("uname", "id", "dirname"):
        does = says if name == program else f'exec /usr/bin/{name} "$@"'
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n", encoding="ascii")
        (tmp_path / name).chmod(0o755)
    command, environment = ["/bin/sh", CHECKOUT / "dev", "demo"], {"PATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_registry_that_answers_at_all_is_reached_and_one_that_nobody_serves_is_not(issuer: Issuer) -> None:
    answers = Registry("One", f"{issuer.url}/nothing-here", "a file")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    silent = Registry("Another", address, "a file")
    assert first_unreachable([answers]) is None
    assert first_unreachable([answers, silent]) == silent
