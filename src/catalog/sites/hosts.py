"""Hosts: what is asked of one before it may take instances, and writing it down."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform import audit
from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text
from catalog.sites.errors import HostDiffers, HostRefused
from catalog.sites.tables import Host, Site

RELEASES = {"12": "bookworm", "13": "trixie"}
MOST_CLOCK_SECONDS = 5
SYSTEM_MEMORY_MB, SYSTEM_DISK_MB = 512, 2048
LEAST_MEMORY_MB, LEAST_DISK_MB = 256, 1024
LEAST_CERTIFICATE_DAYS = 14

_RELEASE = Text(
    en="A host runs Debian 12 or 13; this is {found}.", fr="Un hôte utilise Debian 12 ou 13; voici {found}."
)
_CLOCK = Text(
    en="Its clock differs by {seconds} s: sign-ins would fail. Set it, by NTP for good.",
    fr="Son horloge diffère de {seconds} s : les connexions échoueraient. Réglez-la, durablement par NTP.",
)
_MEMORY = Text(en="It has {found} MB of memory, too little.", fr="Il a {found} Mo de mémoire, trop peu.")
_DISK = Text(en="It has {found} MB of free disk, too little.", fr="Il a {found} Mo de disque libre, trop peu.")
_PYTHON = Text(en="It has no /usr/bin/python3: install python3-minimal.", fr="Il lui manque python3-minimal.")
_SYSTEMD = Text(en="systemd does not run there.", fr="systemd n’y fonctionne pas.")
_CERTIFICATE = Text(
    en="/etc/coop-catalog/tls must hold certificate.pem, key.pem and ca.pem for *.{domain}, good for 14 days or more.",
    fr="/etc/coop-catalog/tls doit contenir certificate.pem, key.pem et ca.pem pour *.{domain}, valides 14 jours.",
)


class Findings(msgspec.Struct, frozen=True):
    """What was found on a host. `clock_seconds`: how far its clock is from ours; `certificate_days`: none if unfit."""

    distribution: str
    release: str
    clock_seconds: int
    memory_mb: int
    disk_mb: int
    cores: int
    has_python: bool
    has_systemd: bool
    certificate_days: int | None


class HostSpec(msgspec.Struct, frozen=True):
    """A host as an operator names it, with its SSH host key (type and key, as in `known_hosts`)."""

    name: str
    address: str
    ssh_port: int
    ssh_host_key: str


def wrong(findings: Findings, tools_domain: str) -> Iterator[FieldError]:
    """Say what keeps a host from taking instances."""
    if findings.distribution != "debian" or findings.release not in RELEASES:
        yield FieldError(
            "/release", "wrong-release", _RELEASE.filled(found=f"{findings.distribution} {findings.release}")
        )
    if abs(findings.clock_seconds) > MOST_CLOCK_SECONDS:
        yield FieldError("/clock", "clock-differs", _CLOCK.filled(seconds=findings.clock_seconds))
    if findings.memory_mb - SYSTEM_MEMORY_MB < LEAST_MEMORY_MB:
        yield FieldError("/memory_mb", "no-memory", _MEMORY.filled(found=findings.memory_mb))
    if findings.disk_mb - SYSTEM_DISK_MB < LEAST_DISK_MB:
        yield FieldError("/disk_mb", "no-disk", _DISK.filled(found=findings.disk_mb))
    if not findings.has_python:
        yield FieldError("/python", "no-python", _PYTHON)
    if not findings.has_systemd:
        yield FieldError("/systemd", "no-systemd", _SYSTEMD)
    if findings.certificate_days is None or findings.certificate_days < LEAST_CERTIFICATE_DAYS:
        yield FieldError("/certificate", "no-certificate", _CERTIFICATE.filled(domain=tools_domain))


async def add_host(  # noqa: PLR0913 - the host, what was found on it, and who adds it
    session: AsyncSession, site: Site, spec: HostSpec, findings: Findings, *, tools_domain: str, actor: str
) -> tuple[Host, bool]:
    """Write a host down that was looked at; give it, and whether anything changed. The same again changes nothing.

    Instances may take what it has, but for the system's own share. Raises `HostRefused` where it can't take any,
    `HostDiffers` where the name is another host's, or its key is no longer the same.
    """
    fields = tuple(wrong(findings, tools_domain))
    if fields:
        raise HostRefused(name=spec.name, fields=fields)
    known = await session.scalar(sa.select(Host).where(Host.name == spec.name))
    if known is not None:
        same = (known.site_id, known.address, known.ssh_port, known.ssh_host_key)
        if same != (site.id, spec.address, spec.ssh_port, spec.ssh_host_key):
            raise HostDiffers(name=spec.name)
        return known, False
    host = Host(
        site_id=site.id,
        name=spec.name,
        address=spec.address,
        ssh_port=spec.ssh_port,
        ssh_host_key=spec.ssh_host_key,
        release=RELEASES[findings.release],
        state="active",
        memory_mb=findings.memory_mb - SYSTEM_MEMORY_MB,
        disk_mb=findings.disk_mb - SYSTEM_DISK_MB,
        cpu_percent=findings.cores * 100,
    )
    session.add(host)
    await session.flush()
    audit.record(
        session,
        actor=actor,
        action="host.added",
        subject=("host", host.id),
        details={"name": spec.name, "address": spec.address, "site": site.slug, "ssh_host_key": spec.ssh_host_key},
    )
    return host, True
