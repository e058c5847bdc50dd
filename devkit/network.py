"""The bridge between this machine's parts and the hosts, on a subnet that no other checkout uses."""

import ipaddress
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devkit.namespace import HOSTS_FILE
from devkit.running import said
from devkit.state import identity, read_json, state_folder, write

FILE = "network.json"
NAMES_FILE = "names.json"
CATALOG, SIGN_ON, TOOLS_DOMAIN = "catalog.coop-catalog.test", "signon.coop-signon.test", "coop-tools.test"
SMALLEST_MTU = 1400
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


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
    """Make the bridge and let the hosts out, unless both is done."""
    if not Path(f"/sys/class/net/{wanted.bridge}").exists():
        _ip("link", "add", wanted.bridge, "type", "bridge")
        _ip("link", "set", wanted.bridge, "mtu", str(SMALLEST_MTU), "up")
        _ip("address", "add", f"{wanted.gateway}/{wanted.subnet.prefixlen}", "dev", wanted.bridge)
    was_forwarding = FORWARDING.read_text(encoding="ascii").strip()
    if was_forwarding != "1":
        known = read_json(state_folder() / FILE)
        write(state_folder() / FILE, json.dumps(known | {"forwarding": was_forwarding}))
        FORWARDING.write_text("1", encoding="ascii")
    subprocess.run(["nft", "--file", "-"], input=_rules(wanted), text=True, check=True)


def lower_network(wanted: Network) -> None:
    """Take both away, and forwarding too where this checkout switched it on and no other one needs it."""
    subprocess.run(["nft", "delete", "table", "ip", wanted.table], capture_output=True, check=False)
    subprocess.run(["ip", "link", "delete", wanted.bridge], capture_output=True, check=False)
    before = read_json(state_folder() / FILE).get("forwarding")
    others = [link.name for link in Path("/sys/class/net").iterdir() if re.fullmatch(r"cp[0-9a-f]{6}0", link.name)]
    if before is not None and not others:
        FORWARDING.write_text(before, encoding="ascii")


def names() -> dict[str, str]:
    """Give every name of the development network with its address."""
    found: dict[str, str] = read_json(state_folder() / NAMES_FILE)
    return found


def add_names(more: dict[str, str]) -> None:
    """Make names known to everything that runs inside, and to the browser."""
    known = names() | more
    write(state_folder() / NAMES_FILE, json.dumps(known, indent=2))
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{address} {name}" for name, address in sorted(known.items())]
    # In place: the file stands over /etc/hosts of everything that runs, and a new file would not.
    (state_folder() / HOSTS_FILE).write_text("\n".join([*lines, ""]), encoding="ascii")


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


def _free_subnet(seed: int) -> ipaddress.IPv4Network:
    listed = json.loads(said(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    taken = [
        ipaddress.IPv4Network(route["dst"], strict=False)
        for route in listed
        if re.fullmatch(r"[0-9.]+(/[0-9]+)?", route.get("dst", ""))
    ]
    for step in range(2**14):
        number = (seed + step) % 2**14
        subnet = ipaddress.IPv4Network(f"10.{64 + number // 256}.{number % 256}.0/24")
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise LookupError("a free subnet")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
