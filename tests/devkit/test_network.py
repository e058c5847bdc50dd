"""The development network comes and goes without a trace. Each test has a machine's network of its own."""

import subprocess
import sys

import pytest
from tests.devkit.checkouts import Checkout, NewCheckout

RAISE = "from devkit import network; network.raise_network(network.network())"
LOWER = "from devkit import network; network.lower_network(network.network())"
FORWARDING = "/proc/sys/net/ipv4/ip_forward"


@pytest.fixture(scope="module")
def both(new_checkout: NewCheckout) -> tuple[Checkout, Checkout]:
    return new_checkout(), new_checkout()


def on_a_machine_of_its_own(*steps: str | tuple[Checkout, str]) -> str:
    """Run steps one after another in a fresh network namespace: shell commands, or Python in a checkout."""
    lines = ["set -e"]
    for step in steps:
        if isinstance(step, str):
            lines.append(step)
        else:
            lines.append(f"(cd {step[0].folder} && {sys.executable} -c '{step[1]}')")
    command = ["unshare", "--net", "--mount", "sh", "-c", "\n".join(["mount -t sysfs sysfs /sys", *lines])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_raising_twice_changes_nothing_more(both: tuple[Checkout, Checkout]) -> None:
    look = "ip -brief address | cut -d' ' -f1,3-; nft list ruleset; iptables -S; cat /proc/sys/net/ipv4/ip_forward"
    once = on_a_machine_of_its_own((both[0], RAISE), look)
    twice = on_a_machine_of_its_own((both[0], RAISE), (both[0], RAISE), look)
    assert both[0].identity in once
    assert _without_addresses_of_hardware(once) == _without_addresses_of_hardware(twice)


def test_lowering_takes_the_bridge_and_the_rules_away(both: tuple[Checkout, Checkout]) -> None:
    left = on_a_machine_of_its_own((both[0], RAISE), (both[0], LOWER), "ip link; nft list tables")
    assert both[0].identity not in left


@pytest.mark.parametrize("before", ["0", "1"])
def test_forwarding_is_as_before_once_the_last_checkout_has_gone(both: tuple[Checkout, Checkout], before: str) -> None:
    first, second = both
    seen = on_a_machine_of_its_own(
        f"echo {before} > {FORWARDING}",
        (first, RAISE),
        (second, RAISE),
        (first, LOWER),
        f"cat {FORWARDING}",
        (second, LOWER),
        f"cat {FORWARDING}",
    )
    assert seen.split() == ["1", before]


def test_a_firewall_that_refuses_by_default_lets_the_network_through_while_it_is_up(
    both: tuple[Checkout, Checkout],
) -> None:
    bridge = f"cp{both[0].identity}0"
    rules = "iptables -S | grep -e ACCEPT | sort; echo --"
    seen = on_a_machine_of_its_own(
        "iptables -P FORWARD DROP; iptables -P INPUT DROP", (both[0], RAISE), rules, (both[0], LOWER), rules
    )
    up, lowered, _ = seen.split("--\n")
    assert up.splitlines()[:3] == [
        f"-A FORWARD -i {bridge} -j ACCEPT",
        f"-A FORWARD -o {bridge} -j ACCEPT",
        f"-A INPUT -i {bridge} -j ACCEPT",
    ]
    assert bridge not in lowered


def test_a_subnet_that_something_else_has_taken_is_refused_with_what_to_do(both: tuple[Checkout, Checkout]) -> None:
    taken = both[0].do("from devkit import network; print(network.network().subnet, end='')")
    with pytest.raises(AssertionError, match="Something else uses"):
        on_a_machine_of_its_own("ip link set lo up", f"ip route add {taken} dev lo", (both[0], RAISE))


def test_a_company_s_network_on_all_of_10_leaves_another_range(new_checkout: NewCheckout) -> None:
    choose = "from devkit import network; print(network.network().subnet)"
    chosen = on_a_machine_of_its_own("ip link set lo up", "ip route add 10.0.0.0/8 dev lo", (new_checkout(), choose))
    assert chosen.startswith("172.16.0.0/24")


def _without_addresses_of_hardware(text: str) -> list[str]:
    """Leave out the addresses that the kernel makes up for IPv6."""
    return [line for line in text.splitlines() if "fe80" not in line]
