"""A host fetches packages as the machine under it does, however that is set up."""

from pathlib import Path

import pytest
from devkit.hosts import likeness

DEB822 = """\
Types: deb deb-src
URIs: https://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main non-free

Types: deb
URIs: https://safe.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: https://old.example/debian
Suites: bookworm bookworm-updates
Components: main
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64] http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb http://safe.example/debian-security bookworm-security main
"""
SOMEBODY_ELSE_S = """\
Types: deb
URIs: https://vendor.example/debian
Suites: bookworm
Components: main
"""
UBUNTU = "deb http://archive.example/ubuntu noble main\ndeb http://archive.example/ubuntu noble-updates main\n"


class Machine:
    """A machine's apt settings, and a root that is made like it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        for name in ("sources.list.d", "root/etc/apt/apt.conf.d", "root/root", "root/usr/local/share/ca-certificates"):
            (folder / name).mkdir(parents=True)
        self.setting(f'Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "{folder}/sources.list.d";')

    def setting(self, line: str) -> None:
        with (self.folder / "apt.conf").open("a", encoding="ascii") as opened:
            opened.write(f"{line}\n")

    def source(self, name: str, content: str) -> None:
        (self.folder / "sources.list.d" / name).write_text(content, encoding="ascii")

    def sources_inside(self, suite: str = "trixie") -> list[str]:
        likeness.make_alike(self.root, suite)
        return (self.root / "etc/apt/sources.list").read_text(encoding="ascii").splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    release = tmp_path / "os-release"
    release.write_text("ID=debian\nVERSION_CODENAME=bookworm\n", encoding="ascii")
    monkeypatch.setattr(likeness, "OS_RELEASE", release)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    for name in likeness.PROXY_VARIABLES + likeness.REGISTRY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return Machine(tmp_path)


@pytest.mark.parametrize(("name", "content"), [("debian.sources", DEB822), ("debian.list", ONE_LINE)])
def test_the_machine_s_mirrors_serve_another_release_too(machine: Machine, name: str, content: str) -> None:
    machine.source(name, content)
    mirror, safe = (f"{'https' if content == DEB822 else 'http'}://{host}.example/" for host in ("mirror", "safe"))
    assert machine.sources_inside() == [
        f"deb {mirror}debian trixie main",
        f"deb {mirror}debian trixie-updates main",
        f"deb {safe}debian-security trixie-security main",
    ]


@pytest.mark.parametrize("name", ["aaa-vendor.sources", "zzz-vendor.sources"])
def test_a_vendor_s_packages_under_debian_s_names_are_not_taken_for_debian(machine: Machine, name: str) -> None:
    machine.source(name, SOMEBODY_ELSE_S)
    machine.source("debian.sources", DEB822)
    assert "vendor" not in " ".join(machine.sources_inside())


def test_a_list_of_mirrors_in_a_file_gives_its_first(machine: Machine) -> None:
    mirrors = machine.folder / "mirrors.list"
    mirrors.write_text(
        "# near ones\nhttps://near.example/debian\tpriority:1\nhttps://far.example/debian\n", encoding="ascii"
    )
    machine.source("debian.sources", DEB822.replace("https://mirror.example/debian/", f"mirror+file://{mirrors}"))
    assert machine.sources_inside()[0] == "deb https://near.example/debian trixie main"


def test_on_ubuntu_hosts_fetch_from_debian_itself(machine: Machine) -> None:
    likeness.OS_RELEASE.write_text('ID=ubuntu\nVERSION_CODENAME="noble"\n', encoding="ascii")
    machine.source("ubuntu.list", UBUNTU)
    assert machine.sources_inside("bookworm")[0] == "deb http://deb.debian.org/debian bookworm main"


def test_how_apt_fetches_comes_along_and_what_it_keeps_does_not(machine: Machine) -> None:
    machine.setting('Acquire::http::Proxy "http://proxy.example:3128"; Acquire::Check-Date "false";')
    machine.setting('DPkg::Post-Invoke { "echo hook"; }; Acquire::Languages "fr";')
    machine.sources_inside()
    kept = (machine.root / "etc/apt/apt.conf.d/90machine").read_text(encoding="ascii")
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in kept
    assert 'Acquire::Check-Date "false";' in kept
    assert "hook" not in kept
    assert '"fr"' not in kept


def test_a_proxy_of_the_environment_comes_along_but_not_for_the_development_network(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    monkeypatch.setenv("PIP_INDEX_URL", "https://wheels.example/simple")
    machine.sources_inside()
    lines = (machine.root / "etc/environment").read_text(encoding="ascii").splitlines()
    assert "https_proxy=http://proxy.example:3128" in lines
    assert "no_proxy=intranet.example,localhost,.test" in lines
    assert "PIP_INDEX_URL=https://wheels.example/simple" in lines
