"""The hosts without the rest of the development kit: `python3 -m devkit.hosts up NAME SUITE`, as root."""

import sys

from devkit.hosts.commands import host
from devkit.running import Failed

if __name__ == "__main__":
    try:
        sys.exit(host(sys.argv[1:]))
    except Failed as failure:
        sys.exit(str(failure))
