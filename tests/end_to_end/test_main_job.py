"""The main job on the running parts: request, decision, run, people at work, removal. Nothing in it is a stand-in."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from devkit.demo import cast, visitors
from devkit.demo.catalog_api import CallRefused, CatalogApi
from devkit.demo.story import OPERATOR
from devkit.environment import secrets_folder
from devkit.hosts.machines import point
from devkit.parts import access_token
from devkit.telling import Teller
from tests.support.environment import variables

DEADLINE_SECONDS = 300
MEMBER_IT, OUTSIDER = "it.ubc", "it.ulaval"
FINAL = frozenset({"succeeded", "failed", "cancelled", "abandoned"})


@dataclass(frozen=True)
class Coop:
    """The running product, and the demo accounts that use it."""

    url: str
    ca_file: str
    passwords: dict[str, str]
    opened: list[CatalogApi] = field(default_factory=list)

    def api_as(self, username: str, language: str = "en") -> CatalogApi:
        sign_in = partial(access_token, username, self.passwords[username])
        made = CatalogApi(self.url, sign_in, self.ca_file, language)
        self.opened.append(made)
        return made

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has ended."""
        api = self.api_as(OPERATOR)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (run := api.get(f"/v1/runs/{run_id}"))["state"] not in FINAL:
            if time.monotonic() > deadline:
                raise TimeoutError(str(run))
            time.sleep(0.5)
        return dict(run)


@pytest.fixture(scope="module")
def coop() -> Iterator[Coop]:
    known = variables("owner.env")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setenv(name, value)
        passwords = cast.passwords(secrets_folder() / "demo-passwords.json")
        for _, part in cast.set_up(passwords):
            part()
        made = Coop(known["CATALOG_URL"], known["CATALOG_CA_FILE"], passwords)
        yield made
        for api in made.opened:
            api.close()


@pytest.fixture(scope="module")
def wiki(coop: Coop) -> Iterator[dict[str, Any]]:
    """A wiki that was asked for, approved and set up; it is removed at the end."""
    name = f"trial-{secrets.token_hex(4)}"
    asked = {
        "tool": "dokuwiki",
        "plan": "small",
        "name": name,
        "purpose": "A trial of the main job.",
        "parameters": {"title": "{{ lookup('pipe', 'id') }} $(id) \"é\""},
        "owner": {"name": "Demo Member-IT", "email": "demo-it@ubc.ca"},
        "reference": name,
    }
    member_it, operator = coop.api_as(MEMBER_IT), coop.api_as(OPERATOR)
    draft = member_it.post("/v1/requests?dry_run=true", asked)
    assert (draft["site"]["city"], draft["site"]["province"]) == ("Vancouver", "BC")
    request = member_it.post("/v1/requests", asked, {"Idempotency-Key": name})
    assert member_it.post("/v1/requests", asked, {"Idempotency-Key": name})["id"] == request["id"]
    with pytest.raises(CallRefused, match="403"):
        member_it.post(f"/v1/requests/{request['id']}/approve", headers={"If-Match": '"1"'})
    approved = operator.post(f"/v1/requests/{request['id']}/approve", headers={"If-Match": '"1"'})
    point(approved["hostname"], "vancouver-1")
    run = coop.ended(approved["run_id"])
    yield {"request": approved, "run": run, "instance": operator.get(f"/v1/instances/{approved['instance_id']}")}
    cast.operators_command("instance", "purge", approved["hostname"], "--confirm", approved["hostname"])


def test_the_run_succeeds_and_the_instance_says_what_was_set_up(wiki: dict[str, Any]) -> None:
    assert wiki["run"]["state"] == "succeeded", wiki["run"]["error"]
    instance = wiki["instance"]
    assert instance["state"] == "running"
    assert instance["applied"] == instance["desired"]
    assert [step["name"] for step in wiki["run"]["steps"]] == ["identity", "provision", "verify", "publish"]


def test_the_request_is_fulfilled_once_its_run_has_ended(coop: Coop, wiki: dict[str, Any]) -> None:
    api, deadline = coop.api_as(MEMBER_IT), time.monotonic() + 30
    while (state := api.get(f"/v1/requests/{wiki['request']['id']}")["state"]) != "fulfilled":
        assert time.monotonic() < deadline, state
        time.sleep(0.2)


def test_a_members_person_gets_in_an_outsider_is_refused_and_a_stranger_signs_in_first(
    coop: Coop, wiki: dict[str, Any]
) -> None:
    wish = {"asked_by": MEMBER_IT, "outsider": OUTSIDER}
    visitors.visit_as_everybody(Teller(), wish, wiki["instance"]["url"], coop.passwords, coop.ca_file)


def test_another_members_people_learn_nothing_of_it(coop: Coop, wiki: dict[str, Any]) -> None:
    other = coop.api_as(OUTSIDER, "fr")
    for address in ("self", "runs"):
        path = wiki["instance"]["links"][address]
        if address == "runs":
            assert other.get(path)["items"] == []
        else:
            with pytest.raises(CallRefused, match=r"404.*Introuvable"):
                other.get(path)


def test_the_same_provision_again_changes_nothing(coop: Coop, wiki: dict[str, Any]) -> None:
    cast.operators_command("instance", "provision", wiki["instance"]["hostname"])
    operator = coop.api_as(OPERATOR)
    (newest,) = operator.get("/v1/runs", instance=wiki["instance"]["id"], limit=1)["items"]
    run = coop.ended(newest["id"])
    assert run["state"] == "succeeded"
    events = operator.get(f"/v1/runs/{run['id']}/events", limit=500)["items"]
    assert [event["data"]["task"] for event in events if event["kind"] == "task.changed"] == []
