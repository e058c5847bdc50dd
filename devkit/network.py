"""The bridge between this machine's parts and the hosts, on a subnet that no other checkout uses."""

import ipaddress
import json
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from devkit.locking import one_at_a_time
from devkit.namespace import HOSTS_FILE
from devkit.running import Failed, said
from devkit.state import identity, read_json, state_folder, write

FILE = "network.json"
NAMES_FILE = "names.json"
CATALOG, SIGN_ON, TOOLS_DOMAIN = "catalog.coop-catalog.test", "signon.coop-signon.test", "coop-tools.test"
SMALLEST_MTU = 1400
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
INTERFACES = Path("/sys/class/net")
BRIDGES = re.compile(r"cp[0-9a-f]{6}0")
FORWARDING_BEFORE = "forwarding before: "
PREFIX = 24


@dataclass(frozen=True)
class Network:
    """A bridge, its nftables table, and the subnet whose first address is the bridge's own."""

    bridge: str
    table: str
    subnet: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        """The bridge's address, where the catalog and Keycloak listen."""
        return str(self.subnet[1])

    def address(self, number: int) -> str:
        """Give the address of the host with this number (from 0)."""
        return str(self.subnet[11 + number])


def network() -> Network:
    """Give this checkout's network; its subnet is chosen once, among those that nothing on the machine uses."""
    chosen = read_json(state_folder() / FILE).get("subnet")
    if chosen is None:
        chosen = str(_free_subnet(int(identity(), 16)))
        write(state_folder() / FILE, json.dumps({"subnet": chosen}))
    return Network(f"cp{identity()}0", f"coop_{identity()}", ipaddress.IPv4Network(chosen))


def raise_network(wanted: Network) -> None:
    """Make the bridge and let the hosts out, unless both is done.

    Raises `Failed` where something else has taken the subnet in the meantime.
    """
    bridge = INTERFACES / wanted.bridge
    if not bridge.exists():
        if any(wanted.subnet.overlaps(other) for other in _subnets_in_use()):
            raise Failed(f"Something else uses {wanted.subnet} by now: ./dev down --purge, and another one is chosen.")
        _ip("link", "add", wanted.bridge, "type", "bridge")
    if not (bridge / "ifalias").read_text(encoding="ascii").strip():
        # On the bridge itself, it is gone when the bridge is, and the other checkouts can read it.
        _ip("link", "set", wanted.bridge, "alias", f"{FORWARDING_BEFORE}{_forwarding_before()}")
    _ip("address", "replace", f"{wanted.gateway}/{wanted.subnet.prefixlen}", "dev", wanted.bridge)
    _ip("link", "set", wanted.bridge, "mtu", str(SMALLEST_MTU), "up")
    FORWARDING.write_text("1", encoding="ascii")
    subprocess.run(["nft", "--file", "-"], input=_rules(wanted), text=True, check=True)
    _through_firewall(wanted, wanted_there=True)


def lower_network(wanted: Network) -> None:
    """Take both away, and forwarding too where it was off before and no other checkout needs it."""
    alias = INTERFACES / wanted.bridge / "ifalias"
    before = alias.read_text(encoding="ascii").strip() if alias.exists() else ""
    _through_firewall(wanted, wanted_there=False)
    subprocess.run(["nft", "delete", "table", "ip", wanted.table], capture_output=True, check=False)
    subprocess.run(["ip", "link", "delete", wanted.bridge], capture_output=True, check=False)
    if before == f"{FORWARDING_BEFORE}0" and not _bridges():
        FORWARDING.write_text("0", encoding="ascii")


def names() -> dict[str, str]:
    """Give every name of the development network with its address."""
    found: dict[str, str] = read_json(state_folder() / NAMES_FILE)
    return found


def add_names(more: dict[str, str]) -> None:
    """Make names known to everything that runs inside, and to the browser."""
    with one_at_a_time(state_folder() / "names.lock"):
        _keep_names(names() | more)


def forget(addresses: Iterable[str]) -> None:
    """Take away the names that led to these addresses: another host may get them."""
    gone = set(addresses)
    with one_at_a_time(state_folder() / "names.lock"):
        _keep_names({name: address for name, address in names().items() if address not in gone})


def _keep_names(known: dict[str, str]) -> None:
    write(state_folder() / NAMES_FILE, json.dumps(known, indent=2))
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{address} {name}" for name, address in sorted(known.items())]
    _overwrite(state_folder() / HOSTS_FILE, "\n".join([*lines, ""]).encode())


def _overwrite(file: Path, content: bytes) -> None:
    """Change a file in place: it stands over /etc/hosts of all that runs, and a new file would not.

    It is never seen empty: names are looked up at any moment.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.truncate()


def _rules(wanted: Network) -> str:
    """Give the rules: a table that is emptied and filled again, so that this can be repeated."""
    return f"""
table ip {wanted.table} {{ }}
delete table ip {wanted.table}
table ip {wanted.table} {{
  chain out {{
    type nat hook postrouting priority srcnat;
    ip saddr {wanted.subnet} ip daddr != {wanted.subnet} masquerade
  }}
  chain through {{
    type filter hook forward priority filter;
    ip saddr {wanted.subnet} tcp flags syn tcp option maxseg size set rt mtu
  }}
}}
"""


def _through_firewall(wanted: Network, *, wanted_there: bool) -> None:
    """Open, or close again, the way past a firewall that refuses by default, as Docker and ufw set it.

    A rule of ours in a table of our own can't: what another table drops stays dropped.
    """
    for chain_name, direction in (("FORWARD", "-i"), ("FORWARD", "-o"), ("INPUT", "-i")):
        rule = [chain_name, direction, wanted.bridge, "-j", "ACCEPT"]
        there = _iptables("-C", *rule).returncode == 0
        if wanted_there and not there and _iptables("-S", chain_name).stdout.startswith(f"-P {chain_name} DROP"):
            _iptables("-I", *rule).check_returncode()
        if there and not wanted_there:
            _iptables("-D", *rule).check_returncode()


def _iptables(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["iptables", "--wait", *arguments], capture_output=True, text=True, check=False)


def _forwarding_before() -> str:
    """Tell whether the machine forwarded before the first checkout came: "0" or "1"."""
    aliases = ((INTERFACES / bridge / "ifalias").read_text(encoding="ascii").strip() for bridge in _bridges())
    if f"{FORWARDING_BEFORE}0" in aliases:
        return "0"
    return FORWARDING.read_text(encoding="ascii").strip()


def _bridges() -> list[str]:
    return [link.name for link in INTERFACES.iterdir() if BRIDGES.fullmatch(link.name)]


def _free_subnet(seed: int) -> ipaddress.IPv4Network:
    """Choose one: the seed spreads the checkouts, also those whose bridges are down."""
    taken = _subnets_in_use()
    usual = list(ipaddress.IPv4Network("10.64.0.0/10").subnets(new_prefix=PREFIX))
    start = seed % len(usual)
    # Some companies' networks take all of 10.0.0.0/8.
    rest = ipaddress.IPv4Network("172.16.0.0/12").subnets(new_prefix=PREFIX)
    for subnet in chain(usual[start:], usual[:start], rest):
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise Failed("Every private subnet is in use on this machine: the hosts need one of their own.")


def _subnets_in_use() -> list[ipaddress.IPv4Network]:
    listed = json.loads(said(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    found = (route.get("dst", "") for route in listed)
    return [ipaddress.IPv4Network(one, strict=False) for one in found if re.fullmatch(r"[0-9.]+(/[0-9]+)?", one)]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
