#!/bin/sh
# Stops all that runs of the hub named $1: the hub first, so that it starts no server again, then people's servers.
set -eu
short=$1
mount="var-lib-private-$short.mount"
units=$(systemctl list-units --all --plain --no-legend "$short-*.service" "$short.slice" "$mount" | cut -d ' ' -f 1)
[ -n "$units" ] || exit 0
for one in "$short-hub.service" "$short-jupyter-*.service" "$short-proxy.service" "$mount" "$short.slice"; do
    systemctl stop "$one" 2>/dev/null || systemctl list-units --all --plain --no-legend "$one" | { ! grep --quiet .; }
done
systemctl reset-failed "$short-*.service" 2>/dev/null || true
echo "Stopped $units"
