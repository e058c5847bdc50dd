"""Looks at a host over SSH: its key first, then what it is and has."""

import base64
import datetime as dt
import hashlib
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from catalog.platform.clock import now
from catalog.sites.errors import HostKeyUnknown, HostUnreachable
from catalog.sites.hosts import Findings

KEY_TYPE = "ssh-ed25519"
SECONDS = 30
_SCRIPT = """
. /etc/os-release
echo "distribution=$ID"
echo "release=$VERSION_ID"
echo "seconds=$(date +%s)"
echo "memory_kb=$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"
echo "disk_kb=$(df --output=avail -k / | tail -n 1 | tr -d ' ')"
echo "cores=$(nproc)"
[ -x /usr/bin/python3 ] && echo python=1
[ -d /run/systemd/system ] && echo systemd=1
cd /etc/coop-catalog/tls && [ -s key.pem ] && [ -s ca.pem ] && echo "certificate=$(base64 -w0 certificate.pem)"
exit 0
"""


def confirmed_key(address: str, port: int, *, known_hosts: Path | None, fingerprint: str | None) -> str:
    """Give the host's key (type and key) if somebody vouches for it.

    That is a `known_hosts` file that lists it, or its fingerprint (`SHA256:…`). Raises `HostKeyUnknown`,
    `HostUnreachable`.
    """
    if known_hosts is not None:
        return _listed_key(address, port, known_hosts)
    command = ["ssh-keyscan", "-T", "10", "-t", "ed25519", "-p", str(port), address]
    scanned = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    keys = [line.split()[1:3] for line in scanned.stdout.splitlines() if KEY_TYPE in line]
    if not keys:
        raise HostUnreachable(said=scanned.stderr.strip() or "no ed25519 key")
    found = fingerprint_of(keys[0][1])
    if fingerprint != found:
        raise HostKeyUnknown(found=found)
    return " ".join(keys[0])


def fingerprint_of(key: str) -> str:
    """Give a key's fingerprint as `ssh-keygen -l` writes it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def look_at(address: str, port: int, host_key: str, key_file: Path, tools_domain: str) -> Findings:
    """Sign in as root and look around. Raises `HostUnreachable`."""
    with tempfile.NamedTemporaryFile("w", suffix="-known-hosts") as known:
        known.write(f"{_pattern(address, port)} {host_key}\n")
        known.flush()
        options = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        options += ["-o", f"UserKnownHostsFile={known.name}", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=10"]
        command = ["ssh", *options, "-i", str(key_file), "-p", str(port), f"root@{address}", "sh"]
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command, input=_SCRIPT, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise HostUnreachable(said=f"nothing for {SECONDS} s") from error
    if done.returncode != 0:
        raise HostUnreachable(said=done.stderr.strip() or f"status {done.returncode}")
    return _findings(done.stdout, now(), tools_domain)


def _findings(said: str, moment: dt.datetime, tools_domain: str) -> Findings:
    found = dict(line.partition("=")[::2] for line in said.splitlines() if "=" in line)
    return Findings(
        distribution=found["distribution"],
        release=found["release"],
        clock_seconds=int(found["seconds"]) - round(moment.timestamp()),
        memory_mb=int(found["memory_kb"]) // 1024,
        disk_mb=int(found["disk_kb"]) // 1024,
        cores=int(found["cores"]),
        has_python="python" in found,
        has_systemd="systemd" in found,
        certificate_days=_days(found.get("certificate"), moment, tools_domain),
    )


def _days(certificate: str | None, moment: dt.datetime, tools_domain: str) -> int | None:
    """Say for how many days more the certificate is good for the tools' names."""
    if not certificate:
        return None
    try:
        read = x509.load_pem_x509_certificate(base64.b64decode(certificate))
        names = read.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    if not isinstance(names, x509.SubjectAlternativeName):
        return None
    if f"*.{tools_domain}" not in names.get_values_for_type(x509.DNSName):
        return None
    return (read.not_valid_after_utc - moment).days


def _listed_key(address: str, port: int, known_hosts: Path) -> str:
    command = ["ssh-keygen", "-F", _pattern(address, port), "-f", str(known_hosts)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    for line in listed.stdout.splitlines():
        words = line.split()
        if KEY_TYPE in words:
            place = words.index(KEY_TYPE)
            return " ".join(words[place : place + 2])
    raise HostKeyUnknown(found=f"no ed25519 key of {address} in {known_hosts.name}")


def _pattern(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"  # noqa: PLR2004 - SSH's own port
