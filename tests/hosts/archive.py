"""An archive of packages on a machine itself, in the place of Debian's, so that what is pending is known."""

_PACK = """
set -e
pack() {  # NAME VERSION FOLDER: a package of a program that naps, and its service
    tree=$(mktemp -d)
    mkdir -p "$tree/DEBIAN" "$tree/usr/lib/$1" "$tree/lib/systemd/system" "$3"
    { cat /bin/sleep; echo "$2"; } >"$tree/usr/lib/$1/nap"
    chmod 755 "$tree" "$tree/usr/lib/$1/nap"
    printf '[Service]\\nExecStart=/usr/lib/%s/nap infinity\\n' "$1" >"$tree/lib/systemd/system/$1.service"
    printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: A Test <test@example.invalid>\\n' \
        "$1" "$2" >"$tree/DEBIAN/control"
    printf 'Description: made up for a test\\n' >>"$tree/DEBIAN/control"
    if [ "$1-$2" = coop-test-1.1 ]; then
        printf '#!/bin/sh\\ntouch /run/reboot-required\\n' >"$tree/DEBIAN/postinst"
        chmod 755 "$tree/DEBIAN/postinst"
    fi
    dpkg-deb --build "$tree" "$3/$1_$2.deb" >/dev/null
    rm -rf "$tree"
}
index() {  # FOLDER ORIGIN LABEL CODENAME
    cd "$1"
    for file in *.deb; do
        dpkg-deb --field "$file"
        printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' \
            "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d ' ' -f 1)"
    done >Packages
    printf 'Origin: %s\\nLabel: %s\\nCodename: %s\\nDate: %s\\nSHA256:\\n %s %s Packages\\n' "$2" "$3" "$4" \
        "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')" "$(sha256sum Packages | cut -d ' ' -f 1)" \
        "$(stat -c %s Packages)" >Release
    cd /
}
"""

_UP = """
. /etc/os-release
rm -rf /srv/archive
for name in coop-test coop-test-held; do
    pack $name 1.0 /srv/archive/old
    pack $name 1.1 /srv/archive/security
done
pack coop-test-point 1.0 /srv/archive/old
pack coop-test-point 1.1 /srv/archive/stable
pack coop-test-foreign 1.0 /srv/archive/old
pack coop-test-foreign 1.1 /srv/archive/foreign
index /srv/archive/security Debian Debian-Security "$VERSION_CODENAME-security"
index /srv/archive/stable Debian Debian "$VERSION_CODENAME"
index /srv/archive/foreign Somebody Debian-Security "$VERSION_CODENAME-security"
[ -e /root/sources.list ] || cp /etc/apt/sources.list /root/sources.list
for part in security stable foreign; do echo "deb [trusted=yes] file:/srv/archive/$part ./"; done >/etc/apt/sources.list
dpkg --install /srv/archive/old/*.deb >/dev/null
apt-mark hold coop-test-held >/dev/null
systemctl daemon-reload
systemctl restart coop-test
rm -f /run/reboot-required
"""


def set_up() -> str:
    """Give the script that makes the archive, installs the older versions, and starts the service of one.

    Pending are then: `coop-test` (security; asks for a restart), `coop-test-held` (security; held), `coop-test-point`
    (of a point release) and `coop-test-foreign` (of somebody else's archive). Running it again is as the first time.
    """
    return _PACK + _UP
