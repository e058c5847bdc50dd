"""What a set-up brings onto a machine, and what is left of it in the end. Each test has a Debian of its own."""

from pathlib import Path

import pytest
from tests.devkit.checkouts import Checkout, NewCheckout
from tests.devkit.machine import Machine, new_machine

# A tool that the kit needs with its library, what a person wants for themselves, and a leftover of before.
ARCHIVE = {"tool": "library", "library": "", "persons": "library", "leftover": ""}
INSTALL = """python3 -c 'from devkit import packages; packages.install(["tool"])'"""
SET_UP = f"python3 -c 'from devkit import state, users; state.make_folders(); users.add(state.user())' && {INSTALL}"
# Ends it by force while dpkg is at work, as Ctrl-C does.
INTERRUPTED = f"""
mkdir -p .dev/log
rm /srv/go
setsid {INSTALL} &
until [ -e /srv/being-set-up ]; do sleep 0.1; done
kill -KILL -$!
wait $! || true
touch /srv/go
"""
# A browser of the checkout's user, and in a host (another root) a process of whoever has the same number there.
STILL_RUNNING = """
user=$(python3 -c 'from devkit import users; print(*users.numbers())')
setpriv --reuid $user --clear-groups sleep 1000 & browser=$!
mkdir -p /guest/usr && mount --bind /usr /guest/usr && ln -s usr/lib usr/lib64 usr/bin /guest
chroot --userspec=$user /guest /usr/bin/sleep 1000 & guest=$!
until grep -q sleep /proc/$guest/comm && grep -q sleep /proc/$browser/comm; do sleep 0.1; done
"""
LOOK = """
running() { kill -0 $1 2>/dev/null && echo runs || echo ended; }
wait $browser || true
running $browser
running $guest
kill $guest
"""
PURGE = "python3 -m devkit down --purge"


@pytest.fixture
def first(new_checkout: NewCheckout) -> Checkout:
    return new_checkout()


@pytest.fixture
def second(new_checkout: NewCheckout) -> Checkout:
    return new_checkout()


@pytest.fixture
def machine(first: Checkout, second: Checkout, tmp_path: Path) -> Machine:
    return new_machine(tmp_path, (first, second), ARCHIVE)


def test_packages_go_with_all_that_came_for_them_and_so_do_the_users_and_the_state(
    machine: Machine, first: Checkout
) -> None:
    before = machine.installed()
    machine.run(first, SET_UP)
    assert machine.installed() == before | {"tool", "library"}
    assert machine.run(
        first, f"{PURGE} >/dev/null; ls -A /var/cache/apt/archives; grep -c ^coop- /etc/passwd || true"
    ) == ("lock\npartial\n0\n")
    assert machine.installed() == before
    assert not first.state.exists()


def test_what_was_there_before_stays_also_if_nothing_needs_it(machine: Machine, first: Checkout) -> None:
    machine.run(first, "apt-get update -qq && apt-get install -qq leftover && apt-mark auto leftover")
    before = machine.installed()
    machine.run(first, f"{SET_UP} && {PURGE}")
    assert machine.installed() == before


def test_what_a_person_has_installed_since_keeps_what_it_depends_on(machine: Machine, first: Checkout) -> None:
    before = machine.installed()
    machine.run(first, f"{SET_UP} && apt-get install -qq persons && {PURGE}")
    assert machine.installed() == before | {"persons", "library"}


def test_what_another_checkout_needs_too_goes_with_that_one(
    machine: Machine, first: Checkout, second: Checkout
) -> None:
    before = machine.installed()
    machine.run(first, SET_UP)
    machine.run(second, SET_UP)
    told = machine.run(first, PURGE)
    assert f"Packages that stay, since {second.folder} may need them too: library, tool" in told
    assert machine.installed() == before | {"tool", "library"}
    machine.run(second, PURGE)
    assert machine.installed() == before


def test_stopping_after_an_interrupted_set_up_keeps_what_the_next_try_goes_on_with(
    machine: Machine, first: Checkout
) -> None:
    machine.run(first, f"{SET_UP} && python3 -m devkit down")
    assert machine.installed() >= {"tool", "library"}
    assert (first.state / "packages").read_text(encoding="ascii").split() == ["library", "tool"]


def test_an_installation_that_was_interrupted_is_simply_run_again(machine: Machine, first: Checkout) -> None:
    before = machine.installed()
    machine.run(first, INTERRUPTED)
    assert "library" in machine.run(first, "dpkg --audit")
    machine.run(first, SET_UP)
    assert not machine.run(first, "dpkg --audit")
    machine.run(first, PURGE)
    assert machine.installed() == before


def test_a_set_up_that_was_interrupted_in_its_middle_is_taken_away_whole(machine: Machine, first: Checkout) -> None:
    before = machine.installed()
    begun = "mkdir -p .dev/venv/bin && ln -s /usr/bin/python3 .dev/venv/bin/python"
    machine.run(first, f"{SET_UP} && {begun} && {PURGE}")
    assert machine.installed() == before
    assert not first.state.exists()


def test_what_still_runs_as_the_checkouts_users_is_ended_and_nothing_of_its_hosts(
    machine: Machine, first: Checkout
) -> None:
    told = machine.run(first, f"{SET_UP}\n{STILL_RUNNING}\n{PURGE} >/dev/null\n{LOOK}")
    assert told.split() == ["ended", "runs"]
