"""What the plugins of an operator's shell work out by themselves."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.coop.catalog.plugins.plugin_utils.api import Refused
from ansible_collections.coop.catalog.plugins.plugin_utils.bundles import bundle_playbook
from ansible_collections.coop.catalog.plugins.plugin_utils.hosts import groups_of, ssh_arguments, variables_of
from ansible_collections.coop.catalog.plugins.plugin_utils.offline import (
    UNFINISHED,
    OfflineRun,
    attempt_after,
    report_all,
    report_of,
)
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import NotSet, settings_of
from ansible_collections.coop.catalog.plugins.plugin_utils.story import Story
from ansible_collections.coop.catalog.plugins.plugin_utils.telling import CUT, LONGEST_TEXT, Redactor, line_of

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
HOST = {"name": "vancouver-1", "address": "192.0.2.7", "port": 22, "user": "root", "host_key": "ssh-ed25519 AAAA+/=="}
ITEM: dict[str, Any] = {
    "name": "birch-wiki.tools.example",
    "tool": "dokuwiki",
    "member": "birch-college",
    "site": "vancouver",
    "plan": "small",
    "revision": 3,
    "state": "running",
    "host": HOST,
    "variables": {"instance": {"id": "0190-id", "tool": "dokuwiki"}, "parameters": {"title": "{{ 1 + 1 }}"}},
}


def settings(**variables: str) -> Any:
    return settings_of({"CATALOG_URL": "https://catalog.example", "HOME": "/home/olga", **variables})


@pytest.mark.parametrize("url", ["", "catalog.example", "http://catalog.example", "ftp://x"])
def test_an_address_that_is_missing_or_would_send_the_token_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(NotSet, match="CATALOG_URL"):
        settings(CATALOG_URL=url)


def test_a_token_is_read_anew_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    found = settings(CATALOG_TOKEN_FILE=str(file), CATALOG_TOKEN="older")
    with pytest.raises(NotSet, match="CATALOG_TOKEN_FILE"):
        found.token()
    for token in ("one", "two"):
        file.write_text(f"{token}\n", encoding="ascii")
        assert found.token() == token


def test_no_token_at_all_is_one_clear_refusal() -> None:
    with pytest.raises(NotSet, match="CATALOG_TOKEN is not set"):
        settings(CATALOG_TOKEN=" ").token()


def test_a_token_is_in_no_representation() -> None:
    assert "s3cret" not in repr(settings(CATALOG_TOKEN="s3cret"))


def test_an_instance_is_in_the_groups_of_what_it_is() -> None:
    assert groups_of(ITEM) == [
        "instance_host",
        "tool_dokuwiki",
        "member_birch_college",
        "site_vancouver",
        "plan_small",
        "revision_dokuwiki_3",
    ]


def test_without_a_run_a_host_is_told_a_shell_that_is_not_there() -> None:
    assert variables_of(ITEM)["ansible_shell_executable"].endswith("/0190-id.shell-0")


@pytest.mark.parametrize(("port", "name"), [(22, "192.0.2.7"), (2222, "[192.0.2.7]:2222")])
def test_ssh_knows_the_host_by_the_catalogs_key_alone(port: int, name: str) -> None:
    words = shlex.split(ssh_arguments({**HOST, "port": port}))
    assert f"KnownHostsCommand=/bin/echo {name} ssh-ed25519 AAAA+/==" in words
    assert "StrictHostKeyChecking=yes" in words


@pytest.mark.parametrize(
    "wrong",
    [
        {"host_key": "ssh-ed25519 AAAA\n* ssh-ed25519 BBBB"},
        {"address": "-oProxyCommand=id"},
        {"address": "-v"},
        {"host_key": ""},
    ],
)
def test_what_is_no_host_key_or_address_never_reaches_ssh(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="vancouver-1"):
        ssh_arguments({**HOST, **wrong})


@pytest.mark.parametrize(
    ("tool", "name", "needs"),
    [
        ("dokuwiki", "verify", False),
        ("dokuwiki", "provision", True),
        ("jupyterhub", "verify", False),
        ("jupyterhub", "provision", True),
    ],
)
def test_whether_a_playbook_needs_secrets_is_seen_before_it_begins(tool: str, name: str, needs: bool) -> None:  # noqa: FBT001 - a parameter of the test
    found = bundle_playbook(str(PLAYBOOKS / "tools" / tool / f"{name}.yml"))
    assert found is not None
    assert (found.tool, found.name, found.needs_secrets()) == (tool, name, needs)


@pytest.mark.parametrize("path", ["inventory/report.yml", "roles/web_front/tasks/main.yml"])
def test_a_playbook_that_is_no_bundles_is_none(path: str) -> None:
    assert bundle_playbook(str(PLAYBOOKS / path)) is None


def test_secrets_are_taken_out_before_a_line_is_cut() -> None:
    secret = "s3cret-value"
    line = line_of("output", Redactor([secret]), text="x" * (LONGEST_TEXT - 5) + secret)
    assert "s3cre" not in line["text"]
    assert line["text"].endswith(CUT)


def test_the_longer_of_two_forms_is_taken_out_first() -> None:
    assert Redactor(["abcdef", "abcdefgh"]).value({"abcdefgh": ["xabcdefghx"]}) == {"[redacted]": ["x[redacted]x"]}


def result(task: str, **response: Any) -> Any:
    made = SimpleNamespace(name=task, action="command", _role=None)
    return SimpleNamespace(
        task=made, task_name=task, host=SimpleNamespace(get_name=lambda: "birch-wiki"), result=response
    )


def test_a_story_keeps_its_first_failure_what_changed_and_the_result() -> None:
    story = Story()
    story.hear("task.ok", result("one", changed=True))
    story.hear("task.ok", result("two", ansible_stats={"data": {"result": {"version": "1"}}}))
    story.hear("task.failed", result("three", msg="passed over"), ignored=True)
    story.hear("task.failed", result("four", msg="first"), ignored=False)
    story.hear("task.failed", result("five", msg="second"), ignored=False)
    assert [line["kind"] for line in story.first(9, 10_000)] == ["task.changed", "task.ok", *["task.failed"] * 3]
    concluded = story.conclusion("failed", "2.19")
    assert (concluded["task"], concluded["message"], concluded["changed"]) == ("four", "first", 1)
    assert concluded["result"] == {"version": "1"}


def test_lines_go_out_as_many_as_fit_but_never_none() -> None:
    story = Story()
    for _ in range(3):
        story.add("output", text="x" * 500)
    assert len(story.first(200, 1_300)) == 2
    assert len(story.first(200, 1)) == 1
    story.drop(2)
    assert len(story.first(200, 10_000)) == 1


def test_an_offline_attempt_is_far_above_what_workers_come_to() -> None:
    assert all(attempt_after(7) >= 1_007 for _ in range(50))


def test_a_report_of_a_shell_that_went_away_says_so() -> None:
    head = {"instance": "i", "playbook": "verify"}
    lines = [{"kind": "output", "text": "a"}]
    assert report_of(head, list(lines))["end"] == {"outcome": "failed", "message": UNFINISHED}
    told = report_of(head, [*lines, {"end": {"outcome": "done"}, "ended_at": "then"}])
    assert (told["lines"], told["end"], told["ended_at"]) == (lines, {"outcome": "done"}, "then")
    json.dumps(told)


class Catalog:
    """Takes reports, or refuses them."""

    def __init__(self, refusal: Refused | None = None) -> None:
        self.told: list[Any] = []
        self._refusal = refusal

    def post(self, path: str, body: Any) -> dict[str, Any]:
        self.told.append((path, body))
        if self._refusal:
            raise self._refusal
        return {"state": "succeeded", "url": "https://catalog.example/v1/runs/1"}


def offline_run(found: Any) -> OfflineRun:
    run = OfflineRun(found)
    run.begin("0190-id", "verify", 4321, check=False)
    run.story.add("output", text="said")
    return run


def test_what_was_done_offline_is_reported_once_it_has_ended(tmp_path: Path) -> None:
    found = settings(HOME=str(tmp_path))
    run, catalog = offline_run(found), Catalog()
    assert list(report_all(found, catalog)) == [], "its shell is still at it"
    run.end(run.story.conclusion("done", "2.19"))
    assert len(list(report_all(found, catalog))) == 1
    ((path, body),) = catalog.told
    assert (path, body["attempt"], body["end"]["outcome"]) == ("/v1/offline-runs", 4321, "done")
    assert [line["text"] for line in body["lines"]] == ["said"]
    assert list(report_all(found, catalog)) == []


def test_a_report_that_is_refused_is_kept_and_not_sent_again(tmp_path: Path) -> None:
    found = settings(HOME=str(tmp_path))
    run = offline_run(found)
    run.end(run.story.conclusion("done", "2.19"))
    (said,) = report_all(found, Catalog(Refused(404, {"title": "Not found"})))
    assert "could not be reported" in said
    assert [file.suffix for file in found.spool.iterdir()] == [".refused"]
    assert list(report_all(found, Catalog())) == []


def test_a_token_that_is_no_operators_costs_no_report(tmp_path: Path) -> None:
    found = settings(HOME=str(tmp_path))
    run = offline_run(found)
    run.end(run.story.conclusion("done", "2.19"))
    with pytest.raises(Refused):
        list(report_all(found, Catalog(Refused(401, {}))))
    assert len(list(report_all(found, Catalog()))) == 1


def test_a_file_of_a_shell_that_did_nothing_goes_and_one_for_another_catalog_stays(tmp_path: Path) -> None:
    found, other = settings(HOME=str(tmp_path)), settings(HOME=str(tmp_path), CATALOG_URL="https://other.example")
    run = offline_run(found)
    run.end(run.story.conclusion("done", "2.19"))
    (found.spool / "empty.jsonl").touch()
    assert list(report_all(other, Catalog())) == []
    assert len(list(found.spool.iterdir())) == 1
