"""A Debian file system for each release, made once by debootstrap and shared by the hosts that boot from it."""

import subprocess
from pathlib import Path

from devkit.hosts.likeness import make_alike, mirror
from devkit.locking import one_at_a_time
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
    """Make it unless it is there; whole or not at all, by one command at a time."""
    if folder(suite).is_dir():
        return
    with one_at_a_time(folder(suite).with_suffix(".lock")):
        if not folder(suite).is_dir():
            _make(suite)


def complete(suite: str) -> None:
    """Raise `Failed` where the file system is not there."""
    if not folder(suite).is_dir():
        raise Failed(f"The Debian file system {suite} is missing: ./dev up makes it.")


def _make(suite: str) -> None:
    unfinished = folder(suite).with_suffix(".unfinished")
    subprocess.run(["rm", "-rf", "--one-file-system", str(unfinished)], check=True)
    # What it mounts for its packages' scripts goes with its own namespace, also when it is interrupted.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    # Elsewhere than on Debian it would go on, with a warning, where the archive's keys are not installed.
    run([*command, "--force-check-gpg", suite, unfinished, mirror()], f"base-{suite}")
    make_alike(unfinished, suite)
    run(["chroot", unfinished, "update-ca-certificates"], f"base-{suite}")
    _make_server(unfinished)
    unfinished.rename(folder(suite))


def _make_server(root: Path) -> None:
    """Leave nothing that every host must have of its own, and start nothing that a host of this kind has no use for."""
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
    write(root / "etc/locale.conf", "LANG=C.UTF-8\n")
    (root / "etc/default/locale").unlink(missing_ok=True)
    (root / "etc/default/locale").symlink_to("../locale.conf")
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "clean", "--option", f"Dir={root}"], check=True, stdout=subprocess.DEVNULL)
