"""A small made-up co-op that most tests of the API begin with, and the calls that they make."""

from dataclasses import dataclass
from typing import Any

import httpx
from tests.support.people import Someone
from tests.support.world import World

from catalog.members.tables import Member

ACCEPTED = 202


@dataclass(frozen=True)
class Coop:
    """Two members in two provinces, a site with a host in each, one tool, and people.

    At Birch (BC): Ada and Abe ask, Ian is its IT. At Maple (QC): Mia asks. Olga and Otto operate. Nils holds no role.
    """

    birch: Member
    maple: Member
    ada: Someone
    abe: Someone
    ian: Someone
    mia: Someone
    olga: Someone
    otto: Someone
    nils: Someone


async def found_coop(world: World) -> Coop:
    """Write it all down."""
    birch = await world.member("birch", province="BC")
    maple = await world.member("maple", province="QC")
    for slug, province in (("vancouver", "BC"), ("quebec", "QC")):
        await world.site(slug, province=province)
        await world.host(slug, name=f"{slug}-1")
    await world.tool("notes")
    return Coop(
        birch=birch,
        maple=maple,
        ada=await world.person("Ada Birch", "requester", member=birch),
        abe=await world.person("Abe Birch", "requester", member=birch),
        ian=await world.person("Ian Birch", "member-it", member=birch),
        mia=await world.person("Mia Maple", "requester", member=maple),
        olga=await world.person("Olga Operator", "operator"),
        otto=await world.person("Otto Operator", "operator"),
        nils=await world.person("Nils Nobody"),
    )


def wish(**others: Any) -> dict[str, Any]:
    """Give a body that asks for a small notes tool; `others` replace its fields, None takes one out."""
    usual: dict[str, Any] = {
        "tool": "notes",
        "plan": "small",
        "purpose": "Field notes of HIST 101",
        "parameters": {"title": "Field notes"},
    }
    return {name: value for name, value in (usual | others).items() if value is not None}


async def asked(client: httpx.AsyncClient, **others: Any) -> dict[str, Any]:
    """Make a request that is taken; give it."""
    answer = await client.post("/v1/requests", json=wish(**others))
    assert answer.status_code == ACCEPTED, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


async def decide(client: httpx.AsyncClient, request: dict[str, Any], move: str, **named: Any) -> httpx.Response:
    """Approve, decline or withdraw a request as it was read."""
    headers = {"If-Match": f'"{request["version"]}"'}
    return await client.post(f"/v1/requests/{request['id']}/{move}", headers=headers, **named)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem (RFC 9457); give it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"].endswith(f"/problems/{code}")
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    return told


def wrong_fields(answer: httpx.Response, status: int = 400, code: str = "invalid-input") -> dict[str, str]:
    """Give the code of each wrong field by its pointer."""
    return {field["pointer"]: field["code"] for field in problem(answer, status, code)["errors"]}
