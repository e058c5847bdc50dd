"""A Debian file system for each release, made once by debootstrap and shared by the hosts that boot from it."""

import re
import shutil
import subprocess
from pathlib import Path

from devkit.environment import secrets_folder
from devkit.running import Failed, run
from devkit.state import state_folder, write

SUITES = ("bookworm", "trixie")
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "python3-minimal",
    "python3-apt",
    "ca-certificates",
    "iproute2",
    "sudo",
)
MASKED = (
    "systemd-firstboot.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "console-getty.service",
    "getty@.service",
    "container-getty@.service",
    "getty.target",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
)
TRUSTED = Path("usr/local/share/ca-certificates")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# Where this machine has cgroup v1, nspawn mounts its controllers read-only: MemoryMax= and the like inside would do
# nothing, without a word.
WRITABLE_CONTROLLERS = """\
[Unit]
Description=Let resource limits work where the machine has cgroup v1
ConditionPathExists=/sys/fs/cgroup/memory

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cd /; for c in memory cpu cpuacct pids blkio; do \
mount -o remount,rw,bind /sys/fs/cgroup/$$c; done 2>/dev/null; systemctl --no-block daemon-reexec'

[Install]
WantedBy=multi-user.target
"""


def folder(suite: str) -> Path:
    """Give the file system's place."""
    return state_folder() / "hosts" / f"base-{suite}"


def ensure(suite: str) -> None:
    """Make it unless it is there; whole or not at all."""
    if folder(suite).is_dir():
        return
    unfinished = folder(suite).with_suffix(".unfinished")
    subprocess.run(["rm", "-rf", "--one-file-system", str(unfinished)], check=True)
    mirror = _mirror()
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(unfinished)]
    run([*command, mirror] if mirror else command, f"base-{suite}")
    _as_this_machine(unfinished, suite)
    _as_a_server(unfinished)
    unfinished.rename(folder(suite))


def _as_this_machine(root: Path, suite: str) -> None:
    """Let packages install inside as they do outside: mirror, proxies, certificates, pip's and npm's settings."""
    sources = root / "etc/apt/sources.list"
    mirror = _mirror() or sources.read_text(encoding="utf-8").split()[1]
    lines = [f"deb {mirror} {suite} main", f"deb {mirror} {suite}-updates main"]
    write(sources, "\n".join([*lines, f"deb {_security_mirror(mirror)} {suite}-security main", ""]))
    write(root / "etc/apt/apt.conf.d/90host", 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n')
    for file in Path("/etc/apt/apt.conf.d").glob("*prox*"):
        shutil.copy(file, root / "etc/apt/apt.conf.d" / file.name)
    for source, target in (
        (Path("/etc/pip.conf"), root / "etc/pip.conf"),
        (Path("/etc/npmrc"), root / "etc/npmrc"),
        (Path("/root/.npmrc"), root / "root/.npmrc"),
    ):
        if source.is_file():
            shutil.copy(source, target)
    for file in Path("/", TRUSTED).glob("**/*.crt"):
        shutil.copy(file, root / TRUSTED / file.name)
    run(["chroot", root, "update-ca-certificates"], f"base-{suite}")
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
    with (root / "etc/environment").open("a", encoding="ascii") as environment:
        environment.writelines(f"{name}={BUNDLE}\n" for name in names)


def _as_a_server(root: Path) -> None:
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    write(ssh / "authorized_keys", (secrets_folder() / "ssh" / "id_ed25519.pub").read_bytes(), 0o600)
    write(root / "etc/machine-id", "uninitialized\n")
    (root / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    units = root / "etc/systemd/system"
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    write(units / "writable-controllers.service", WRITABLE_CONTROLLERS)
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    (wanted / "writable-controllers.service").symlink_to("../writable-controllers.service")
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)


def _mirror() -> str | None:
    """Give the Debian mirror that this machine is set to; none elsewhere: debootstrap knows its own."""
    found = [address for address in _configured() if re.search(r"/debian/?$", address)]
    return found[0].rstrip("/") if found else None


def _security_mirror(mirror: str) -> str:
    found = [address for address in _configured() if re.search(r"/debian-security/?$", address)]
    return found[0].rstrip("/") if found else f"{mirror.rstrip('/')}-security"


def _configured() -> list[str]:
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [address for line in lines for address in re.findall(r"https?://\S+", line)]


def complete(suite: str) -> None:
    """Raise `Failed` where the file system is not there."""
    if not folder(suite).is_dir():
        raise Failed(f"The Debian file system {suite} is missing: ./dev up makes it.")
