"""The story of the demonstration, from an empty catalog to people at work in a wiki and on a notebook hub.

    python -m devkit.demo.story STATE [--crash]

`STATE` is the dev kit's folder; `--crash` kills the worker in the middle of a playbook. The environment is that of the
operators' commands, and of `catalog identity`. What an earlier telling left is found and used.
"""

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.settings import Environment
from devkit.demo import cast, visitors
from devkit.demo.catalog_api import CatalogApi
from devkit.demo.crash import Crash
from devkit.demo.following import Hear, follow, ignore
from devkit.hosts.machines import point
from devkit.signin import device_token
from devkit.telling import Teller

OPERATOR = "operator.coop"
CLI = "catalog-cli"
CRASH = "--crash"
OPEN_STATES = ("submitted", "approved", "fulfilled")


@dataclass(frozen=True)
class Stage:
    """Where the story is told: the dev kit's folder, the catalog, the issuer, the demo accounts' passwords."""

    state: Path
    url: str
    issuer: str
    ca_file: str
    passwords: dict[str, str]
    tell: Teller

    def api_as(self, username: str, language: str = "en") -> CatalogApi:
        """Sign in as a demo account by the device grant, as the command line does, and call the API with its token."""
        token = device_token(
            self.issuer, CLI, username, self.passwords[username], "openid organization:*", ca_file=self.ca_file
        )
        return CatalogApi(self.url, token, self.ca_file, language)


def main(arguments: list[str]) -> int:
    """Tell the story; gives the exit status."""
    state = Path(arguments[0])
    environment = Environment()
    stage = Stage(
        state=state,
        url=environment.text("CATALOG_URL"),
        issuer=environment.text("CATALOG_OIDC_ISSUER"),
        ca_file=environment.text("CATALOG_CA_FILE"),
        passwords=cast.passwords(state / "secrets" / "demo-passwords.json"),
        tell=Teller(),
    )
    _prepare(stage)
    wishes = cast.read("wishes")
    operator = stage.api_as(OPERATOR)
    instances = [_asked_and_decided(stage, operator, wish) for wish in wishes]
    crash = Crash(stage.tell) if CRASH in arguments else None
    hear = ignore if crash is None else crash.hear
    _see_runs_through(stage, operator, instances, hear)
    _provision_again(stage, operator, wishes, instances, hear)
    if crash is not None:
        crash.tell_how_it_ended(operator)
    for wish, instance in zip(wishes, instances, strict=True):
        visitors.visit_as_everybody(stage.tell, wish, instance["url"], stage.passwords, stage.ca_file)
        visitors.take_picture(stage.tell, wish, instance["url"], stage.passwords)
    _close(stage, wishes, instances)
    return 0


def _prepare(stage: Stage) -> None:
    for title, part in cast.set_up(stage.passwords):
        with stage.tell.chapter(title):
            part()


def _asked_and_decided(stage: Stage, operator: CatalogApi, wish: dict[str, Any]) -> dict[str, Any]:
    """Have the request made and approved, unless that was done before; gives the instance."""
    tell, asked = stage.tell, wish["request"]
    found = operator.get("/v1/requests", reference=asked["reference"])["items"]
    request = next((one for one in found if _is_there(operator, one)), None)
    if request is None:
        member_it = stage.api_as(wish["asked_by"], asked["language"])
        draft = member_it.post("/v1/requests?dry_run=true", asked)
        site = draft["site"]
        tell.say(
            f"{wish['asked_by']} asks for {asked['tool']}; it would stand in {site['city']} ({site['province']}), "
            f"run by {site['operator']}; decided by: {', '.join(draft['decided_by'])}"
        )
        for warning in draft["warnings"]:
            tell.say(f"  {warning['statute'] or warning['jurisdiction']}: {warning['detail']}")
        request = member_it.post("/v1/requests", asked, {"Idempotency-Key": secrets.token_hex(8)})
    if request["state"] == "submitted":
        current = {"If-Match": f'"{request["version"]}"'}
        request = operator.post(f"/v1/requests/{request['id']}/approve", headers=current)
        tell.say(f"{OPERATOR} approves it: {request['hostname']} is reserved, and its run starts")
    instance: dict[str, Any] = operator.get(f"/v1/instances/{request['instance_id']}")
    host = next(site["host"] for site in cast.read("sites") if site["slug"] == instance["site"]["slug"])
    point(instance["hostname"], host)
    return instance


def _is_there(operator: CatalogApi, request: dict[str, Any]) -> bool:
    """Tell whether a request waits, or led to an instance that was not removed since."""
    if request["state"] not in OPEN_STATES or request["state"] == "submitted":
        return bool(request["state"] == "submitted")
    instance = operator.get(f"/v1/instances/{request['instance_id']}")
    return bool(instance["state"] not in {"removing", "removed"})


def _see_runs_through(stage: Stage, operator: CatalogApi, instances: list[dict[str, Any]], hear: Hear) -> None:
    """Follow what is on the way; a first provision that failed in an earlier telling is tried again."""
    for instance in instances:
        if instance["state"] == "failed":
            cast.operators_command("instance", "provision", instance["hostname"])
    ids = [one["id"] for one in instances]
    moving = [one for one in (operator.get(f"/v1/instances/{key}") for key in ids) if one["state"] == "provisioning"]
    if moving:
        with stage.tell.chapter("The worker provisions"):
            follow(stage.tell, operator, moving, hear)


def _provision_again(
    stage: Stage, operator: CatalogApi, wishes: list[dict[str, Any]], instances: list[dict[str, Any]], hear: Hear
) -> None:
    for wish, instance in zip(wishes, instances, strict=True):
        cast.operators_command("instance", "provision", instance["hostname"])
        stage.tell.say(f"The same again for {wish['request']['tool']}, which should change nothing")
    with stage.tell.chapter("The worker provisions what is there"):
        for hostname, changed in follow(stage.tell, operator, instances, hear).items():
            stage.tell.say(f"{hostname}: {f'{changed} tasks changed something' if changed else 'nothing was changed'}")


def _close(stage: Stage, wishes: list[dict[str, Any]], instances: list[dict[str, Any]]) -> None:
    lines = ["", "Everything is up, and stays up until ./dev down.", ""]
    lines += [f"  catalog    {stage.url}/"]
    for wish, instance in zip(wishes, instances, strict=True):
        lines.append(
            f"  {wish['request']['tool']:<10} {instance['url']}/  (picture: .dev/pictures/{wish['picture']}.png)"
        )
    lines += ["", "Demo accounts (user name, password):"]
    lines += [f"  {username:<20} {password}" for username, password in stage.passwords.items()]
    lines += ["", "./dev browser opens a browser that knows these names and the demo's certificates.", ""]
    print("\n".join(lines), flush=True)
    summary = {wish["picture"]: instance["url"] for wish, instance in zip(wishes, instances, strict=True)}
    (stage.state / "demo.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
