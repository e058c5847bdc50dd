"""A release's file system is made once, whole or not at all."""

import subprocess
from pathlib import Path

import pytest
from devkit.hosts.base import SUITES
from devkit.state import CHECKOUT, STATE
from tests.devkit.checkouts import Checkout, NewCheckout

MAKE = "from devkit.hosts import base; base.ensure({suite!r})"
SUITE = SUITES[0]
# Fails half-way the first time, as a lost connection does; then gives what debootstrap once gave.
STAND_IN = """\
#!/bin/sh
for last; do target=$before; before=$last; done
if [ ! -e {folder}/tried ]; then
    touch {folder}/tried
    mkdir -p "$target/usr/half"
    echo "connection lost" >&2
    exit 1
fi
[ ! -e "$target/usr/half" ] && cp -a {base} "$target" && cd "$target/etc" &&
rm systemd/system/multi-user.target.wants/writable-controllers.service &&
echo made-by-a-package | tee machine-id ssh/ssh_host_ed25519_key >/dev/null
"""


@pytest.fixture
def without_base(new_checkout: NewCheckout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = new_checkout()
    (made.state / "hosts" / f"base-{SUITE}").unlink()
    program = tmp_path / "debootstrap"
    base = CHECKOUT / STATE / "hosts" / f"base-{SUITE}"
    program.write_text(STAND_IN.format(folder=tmp_path, base=base.resolve()), encoding="utf-8")
    program.chmod(0o755)
    path = subprocess.check_output(["sh", "-c", "echo $PATH"], text=True).strip()
    monkeypatch.setenv("PATH", f"{tmp_path}:{path}")
    return made


def test_an_interrupted_first_try_is_simply_run_again(without_base: Checkout) -> None:
    base = without_base.state / "hosts" / f"base-{SUITE}"
    with pytest.raises(AssertionError, match="connection lost"):
        without_base.do(MAKE.format(suite=SUITE))
    assert not base.exists()
    refused = without_base.host("sh", "none-1", "true")
    assert refused.returncode == 1
    without_base.do(MAKE.format(suite=SUITE))
    assert (base / "etc/machine-id").read_text(encoding="ascii") == "uninitialized\n"
    assert not list((base / "etc/ssh").glob("ssh_host_*"))
    without_base.up("first-1", SUITE)
    assert without_base.on("first-1", "systemctl is-system-running --wait") == "running"
