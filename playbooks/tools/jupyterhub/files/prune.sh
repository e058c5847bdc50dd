#!/bin/sh
# Removes the programs below $1 that no hub uses any more ($2 says which uses what) and no server still runs from. Hub $3
# is not about to use any. While another hub builds nothing is removed: that one looks itself when it is done.
set -eu
programs=$1
users=$2
hub=$3
[ -d "$programs" ] || exit 0
exec 9>/run/lock/coop-jupyterhub-programs
flock --nonblock 9 || exit 0
rm -f "$users/$hub.next"
for built in "$programs"/*; do
    [ -d "$built" ] && [ "$built" != "$users" ] || continue
    cat "$users"/* 2>/dev/null | grep --quiet --line-regexp --fixed-strings "${built##*/}" && continue
    grep --quiet --no-messages --fixed-strings --text "$built/" /proc/[0-9]*/cmdline && continue
    rm -rf "$built"
    echo "Removed $built"
done
rmdir --ignore-fail-on-non-empty "$users" "$programs" 2>/dev/null || true
