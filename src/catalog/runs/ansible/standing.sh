#!/bin/sh
# Names what stands on this host of instances, a line each, by the short name that everything of an instance begins with.
#   path PATH          a folder, a unit or a site
#   user NAME          a system user
#   attempt UUID       an instance that runs have acted on here, whether it is still here or not
set -eu
short='i[0-9a-f]{12}'
for folder in /srv/coop /var/lib/coop /etc/systemd/system /etc/apache2/sites-enabled; do
    [ -d "$folder" ] || continue
    find "$folder" -mindepth 1 -maxdepth 1 -regextype posix-extended -regex ".*/$short([.-][^/]*)?" -printf 'path %p\n'
done
cut -d : -f 1 /etc/passwd | grep -E "^$short\$" | sed 's/^/user /' || true
[ ! -d /var/lib/coop-catalog/attempts ] ||
    find /var/lib/coop-catalog/attempts -mindepth 1 -maxdepth 1 -type f -regextype posix-extended \
        -regex '.*/[0-9a-f-]{36}' -printf 'attempt %f\n'
