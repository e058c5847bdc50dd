import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from catalog.tools.bundles import Bundle, bundle_slugs, read_bundle
from catalog.tools.errors import BundleRefused
from catalog.tools.manifest import Manifest

SAMPLE = Path(__file__).parents[2] / "tools" / "bundle" / "playbooks"


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "playbooks"))


def read(playbooks: Path) -> Bundle:
    return read_bundle(playbooks, "notes")


def mended(playbooks: Path, path: str, change: Callable[[str], str]) -> Path:
    file = playbooks / path
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    return playbooks


def names_of(bundle: Bundle) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(bundle.archive)) as tar:
        return set(tar.getnames())


def refusal(playbooks: Path) -> str:
    with pytest.raises(BundleRefused) as refused:
        read(playbooks)
    return refused.value.explanation().en


def test_the_archive_holds_the_tool_and_the_roles_that_it_draws_in_and_no_others(playbooks: Path) -> None:
    assert names_of(read(playbooks)) == {
        "ansible.cfg",
        "plugins/filter/shout.py",
        "roles/fence/meta/main.yml",
        "roles/fence/tasks/main.yml",
        "roles/wall/defaults/main.yml",
        "roles/wall/tasks/main.yml",
        "tools/notes/deprovision.yml",
        "tools/notes/manifest.json",
        "tools/notes/parameters.schema.json",
        "tools/notes/provision.yml",
        "tools/notes/suspend.yml",
        "tools/notes/templates/page.html.j2",
        "tools/notes/verify.yml",
    }


def test_the_digest_is_that_of_the_archive(playbooks: Path) -> None:
    bundle = read(playbooks)
    assert bundle.digest == hashlib.sha256(bundle.archive).hexdigest()


def test_the_same_files_give_the_same_bytes_whatever_their_times_and_owners(playbooks: Path, tmp_path: Path) -> None:
    before = read(playbooks)
    again = Path(shutil.copytree(playbooks, tmp_path / "elsewhere" / "playbooks"))
    for path in again.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    (again / "tools" / "notes" / "__pycache__").mkdir()
    (again / "tools" / "notes" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert read(again).archive == before.archive


def test_entries_of_the_archive_belong_to_nobody_and_have_no_time(playbooks: Path) -> None:
    (playbooks / "tools" / "notes" / "provision.yml").chmod(0o770)
    with tarfile.open(fileobj=io.BytesIO(read(playbooks).archive)) as tar:
        entries = {entry.name: entry for entry in tar.getmembers()}
    assert {(entry.uid, entry.gid, entry.mtime, entry.uname) for entry in entries.values()} == {(0, 0, 0, "")}
    assert entries["tools/notes/provision.yml"].mode == 0o755
    assert entries["tools/notes/verify.yml"].mode == 0o644


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tools/notes/tool.yaml", "Shared notes for a course.", "Shared notes for courses."),
        ("tools/notes/tool.yaml", "name: {en: Small, fr: Petit}", "name: {en: Little, fr: Petit}"),
        ("tools/notes/tool.yaml", "{en: Owner, fr: Propriétaire}", "{en: Owner, fr: Responsable}"),
        ("tools/notes/picture.svg", "M3 1h7", "M2 1h7"),
    ],
)
def test_a_mended_text_changes_the_listing_alone(playbooks: Path, path: str, old: str, new: str) -> None:
    before = read(playbooks)
    after = read(mended(playbooks, path, lambda text: text.replace(old, new)))
    assert after.digest == before.digest
    assert after.listing_digest != before.listing_digest


def test_a_readme_and_comments_in_the_tool_file_change_nothing(playbooks: Path) -> None:
    before = read(playbooks)
    mended(playbooks, "tools/notes/README.md", lambda text: text + "More.")
    after = read(mended(playbooks, "tools/notes/tool.yaml", lambda text: "# A remark.\n" + text))
    assert (after.digest, after.listing_digest) == (before.digest, before.listing_digest)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tools/notes/tool.yaml", "memory_mb: 256", "memory_mb: 512"),
        ("tools/notes/provision.yml", "gather_facts: false", "gather_facts: true"),
        ("tools/notes/parameters.schema.json", '"maximum": 50', '"maximum": 60'),
        ("roles/wall/tasks/main.yml", "stands", "holds"),
        ("ansible.cfg", "[defaults]", "[defaults]\nforks = 1"),
        ("plugins/filter/shout.py", "str.upper", "str.lower"),
    ],
)
def test_changed_automation_changes_the_digest_alone(playbooks: Path, path: str, old: str, new: str) -> None:
    before = read(playbooks)
    after = read(mended(playbooks, path, lambda text: text.replace(old, new)))
    assert after.digest != before.digest
    assert after.listing_digest == before.listing_digest


def test_a_role_that_is_not_drawn_in_changes_nothing(playbooks: Path) -> None:
    before = read(playbooks)
    after = read(mended(playbooks, "roles/unused/tasks/main.yml", lambda text: text + "\n# changed\n"))
    assert after.digest == before.digest


def test_the_archive_holds_the_manifest_that_is_stored(playbooks: Path) -> None:
    bundle = read(playbooks)
    with tarfile.open(fileobj=io.BytesIO(bundle.archive)) as tar:
        file = tar.extractfile("tools/notes/manifest.json")
        assert file is not None
        assert msgspec.json.decode(file.read(), type=Manifest) == bundle.manifest


def test_a_worker_that_knows_no_backup_hours_reads_the_manifest_of_a_plan_without_one(playbooks: Path) -> None:
    (first, *_) = msgspec.to_builtins(read(playbooks).manifest)["plans"]
    assert "backup_hour" not in first


@pytest.mark.parametrize("draw", ["role: wall", "wall", "name: wall"])
def test_roles_of_a_play_are_drawn_in(playbooks: Path, draw: str) -> None:
    play = f"- hosts: instance_host\n  roles:\n    - {draw}\n"
    for action in ("provision", "verify", "suspend", "deprovision"):
        mended(playbooks, f"tools/notes/{action}.yml", lambda _: play)
    names = names_of(read(playbooks))
    assert "roles/wall/tasks/main.yml" in names
    assert "roles/fence/tasks/main.yml" not in names


def test_a_role_drawn_in_deep_inside_a_block_is_found_despite_tags_of_ansible(playbooks: Path) -> None:
    play = (
        "- hosts: instance_host\n  vars: {typed: !unsafe '{{ x }}', kept: !vault |\n    abc\n  }\n"
        "  tasks:\n    - block:\n        - rescue: []\n          always:\n            - import_role: {name: unused}\n"
    ).replace(", kept: !vault |\n    abc\n  }", "}")
    mended(playbooks, "tools/notes/verify.yml", lambda _: play)
    assert "roles/unused/tasks/main.yml" in names_of(read(playbooks))


def test_a_role_of_a_name_made_at_run_time_is_refused(playbooks: Path) -> None:
    mended(playbooks, "tools/notes/verify.yml", lambda text: text.replace("name: fence", 'name: "{{ chosen }}"'))
    assert refusal(playbooks).startswith("tools/notes/verify.yml: ")


def test_a_role_that_is_not_there_is_refused(playbooks: Path) -> None:
    mended(playbooks, "tools/notes/verify.yml", lambda text: text.replace("name: fence", "name: moat"))
    assert refusal(playbooks) == "roles/moat: There is no such role."


def test_tasks_from_outside_of_the_folder_are_refused(playbooks: Path) -> None:
    play = "- hosts: instance_host\n  tasks:\n    - include_tasks: ../other/tasks.yml\n"
    mended(playbooks, "tools/notes/verify.yml", lambda _: play)
    assert "../other/tasks.yml lies outside" in refusal(playbooks)


def test_a_link_that_leads_out_is_refused(playbooks: Path) -> None:
    (playbooks / "tools" / "notes" / "secret").symlink_to("/etc/passwd")
    assert refusal(playbooks).startswith("tools/notes/secret: This link leads out")


def test_a_link_inside_is_its_content(playbooks: Path) -> None:
    (playbooks / "tools" / "notes" / "linked.yml").symlink_to("verify.yml")
    with tarfile.open(fileobj=io.BytesIO(read(playbooks).archive)) as tar:
        assert all(entry.isfile() for entry in tar.getmembers())
        assert "tools/notes/linked.yml" in tar.getnames()


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("slug: notes\n", "slug: others\n", "$.slug"),
        ("contract: 1", "contract: 2", "$.contract"),
        ("name: {en: Notes, fr: Carnets}", "name: {en: Notes}", "$.name"),
        ("name: {en: Notes, fr: Carnets}", 'name: {en: Notes, fr: ""}', "$.name.fr"),
        ("people: 30", "people: many", "$.plans[0].people"),
        ("ports: [web]", "ports: [web, web]", "$.ports"),
        ("slug: large", "slug: small", "$.plans"),
        ("default_role: reader", "default_role: guest", "$.sign_on.default_role"),
        ("runs_code: false", "runs_code: false\nsurprise: 1", "surprise"),
        ("  verify: {timeout_minutes: 10}\n", "", "$.actions"),
        ("monthly_cost_cents: 500", "monthly_cost_cents: 5.5", "$.plans[0].monthly_cost_cents"),
        ("https://notes.example", "javascript:alert(1)", "$.upstream.url"),
        ("monthly_cost_cents: 500}", "monthly_cost_cents: 500, backup_hour: 24}", "$.plans[0].backup_hour"),
        ("monthly_cost_cents: 500}", "monthly_cost_cents: 500, backup_hour: 3}", "$.actions"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_path(playbooks: Path, old: str, new: str, where: str) -> None:
    mended(playbooks, "tools/notes/tool.yaml", lambda text: text.replace(old, new, 1))
    said = refusal(playbooks)
    assert said.startswith("tool.yaml: ")
    assert where in said


def test_a_tool_file_that_is_no_yaml_is_refused_with_its_line(playbooks: Path) -> None:
    mended(playbooks, "tools/notes/tool.yaml", lambda _: "contract: 1\nslug: [\n")
    assert refusal(playbooks).startswith("tool.yaml: This is not YAML, from line ")


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ('"minimum": 1', '"minimum": "one"', "#/properties/pages/minimum"),
        ('"additionalProperties": false', '"additionalProperties": true', "#/additionalProperties"),
        ('"x-fr": {"title": "Titre", "description": "Ce qui figure en haut."}', '"x-fr": {}', "#/properties/title"),
        ('"default": 10', '"default": 100', "#/properties/pages/default"),
        ('"enum": ["light", "dark"]', '"$ref": "https://x.example/s"', "#/properties/look/properties/theme/$ref"),
        ("2020-12", "2019-09", "#/$schema"),
    ],
)
def test_a_schema_that_is_no_form_in_two_languages_is_refused(
    playbooks: Path, old: str, new: str, pointer: str
) -> None:
    mended(playbooks, "tools/notes/parameters.schema.json", lambda text: text.replace(old, new, 1))
    assert refusal(playbooks).startswith(f"parameters.schema.json{pointer}: ")


def test_an_action_without_its_playbook_is_refused(playbooks: Path) -> None:
    (playbooks / "tools" / "notes" / "verify.yml").unlink()
    assert refusal(playbooks) == "verify.yml: There is no such file."


def test_a_picture_that_is_too_large_or_no_picture_is_refused(playbooks: Path) -> None:
    picture = playbooks / "tools" / "notes" / "picture.svg"
    picture.write_bytes(b"<svg>" + b" " * 200_000)
    assert refusal(playbooks).startswith("picture.svg: A picture has at most")
    picture.write_bytes(b"<html>")
    assert refusal(playbooks).startswith("picture.svg: A picture must be")


def test_a_name_that_leads_elsewhere_is_no_bundle(playbooks: Path) -> None:
    assert bundle_slugs(playbooks) == ("notes",)
    with pytest.raises(BundleRefused):
        read_bundle(playbooks, "../tools/notes")
