"""What runs do on hosts is frozen, whoever edits a file; and operators say it all by commands too."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.environment import ROOT
from typer.testing import CliRunner, Result

from catalog.admin.hosts import host_app
from catalog.platform.errors import CatalogError
from catalog.runs.hosts.publishing import read_automation
from catalog.tools.errors import BundleRefused

Run = Callable[..., Result]


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    """A copy of the playbooks that may be edited."""
    folder = tmp_path / "playbooks"
    for name in ("hosts", "plugins", "roles"):
        shutil.copytree(ROOT / "playbooks" / name, folder / name)
    shutil.copy(ROOT / "playbooks" / "ansible.cfg", folder)
    return folder


@pytest.fixture
def run(owner_url: str, playbooks: Path) -> Run:
    runner = CliRunner(env={"DATABASE_URL": owner_url, "CATALOG_BUNDLES_DIR": str(playbooks)})
    return lambda *arguments: runner.invoke(host_app, arguments)


def test_the_same_files_make_the_same_archive_and_other_files_another(playbooks: Path) -> None:
    first = read_automation(playbooks)
    assert read_automation(ROOT / "playbooks").digest == first.digest
    (playbooks / "hosts" / "settings.yml").write_text("host_files: []\n", encoding="utf-8")
    assert read_automation(playbooks).digest != first.digest


def test_it_is_published_once_and_an_earlier_one_becomes_current_again(run: Run, playbooks: Path) -> None:
    settings = playbooks / "hosts" / "settings.yml"
    before = settings.read_text(encoding="utf-8")
    assert run("publish").output == "hosts: revision 1 (published)\n"
    assert run("publish").output == "hosts: revision 1 (unchanged)\n"
    settings.write_text(before + "# edited\n", encoding="utf-8")
    assert run("publish").output == "hosts: revision 2 (published)\n"
    settings.write_text(before, encoding="utf-8")
    assert run("publish").output == "hosts: revision 1 (published)\n"


def test_what_lacks_a_playbook_is_refused(playbooks: Path) -> None:
    (playbooks / "hosts" / "restart.yml").unlink()
    with pytest.raises(BundleRefused, match=r"hosts/restart\.yml"):
        read_automation(playbooks)


@pytest.mark.usefixtures("coop")
def test_hosts_are_prepared_patched_and_cordoned_by_commands(run: Run) -> None:
    run("publish")
    refused = run("patch", "vancouver-1").exception
    assert isinstance(refused, CatalogError)
    assert refused.code == "host-not-prepared"
    assert run("prepare", "vancouver-1").output.startswith("vancouver-1: run ")
    assert run("cordon", "vancouver-1", "--reason", "New disks").output == "vancouver-1: cordoned\n"
    assert run("cordon", "vancouver-1", "--reason", "New disks").output == "vancouver-1: was cordoned before\n"
    (line,) = [line for line in run("list").output.splitlines() if line.startswith("vancouver-1\t")]
    assert line.split("\t")[4] == "cordoned"
    assert line.endswith("\tNew disks")
    assert run("uncordon", "vancouver-1").output == "vancouver-1: takes instances again\n"
    assert run("uncordon", "vancouver-1").output == "vancouver-1: was not cordoned\n"
    assert run("cordon", "vancouver-1", "--reason", " ").exit_code != 0
    assert run("patch", "vancouver-1", "--updates", "everything").exit_code != 0


@pytest.mark.usefixtures("coop")
def test_a_host_that_is_not_there_is_said_to_be_so(run: Run) -> None:
    run("publish")
    for words in (("prepare", "nowhere"), ("uncordon", "nowhere"), ("cordon", "nowhere", "--reason", "x")):
        refused = run(*words).exception
        assert isinstance(refused, CatalogError), words
        assert refused.code == "not-found"
