"""The API's description: valid OpenAPI 3.1, closed where the server is, and a page that loads nothing."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from tests.conftest import ClientAs

INPUTS = {
    "NewRequest",
    "OwnerIn",
    "UntilIn",
    "DeclineIn",
    "CancelIn",
    "RetryIn",
    "HoldIn",
    "WindowIn",
    "FreezeIn",
    "RemovalIn",
    "ExtensionIn",
    "PlanIn",
    "RunIn",
    "NewBatch",
    "BatchFilter",
    "CordonIn",
    "HostRunIn",
    "PatchIn",
}
INPUTS_OF_SHELLS = {"BeginIn", "AttemptIn", "LinesIn", "LineIn", "EndIn", "OfflineIn"}


@pytest.fixture
async def document(client_as: ClientAs) -> dict[str, Any]:
    answer = await client_as(None).get("/v1/openapi.json")
    described: dict[str, Any] = answer.json()
    return described


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def references(part: object) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in part.values()))
    if isinstance(part, list):
        return set().union(*(references(inner) for inner in part))
    return set()


async def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


async def test_it_names_every_address_of_the_api(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/health/live",
        "/health/ready",
        "/v1/freezes",
        "/v1/freezes/{freeze_id}",
        "/v1/batches",
        "/v1/batches/{batch_id}",
        "/v1/batches/{batch_id}/cancel",
        "/v1/batches/{batch_id}/items",
        "/v1/batches/{batch_id}/pause",
        "/v1/batches/{batch_id}/resume",
        "/v1/batches/{batch_id}/retry",
        "/v1/holds",
        "/v1/holds/{hold_id}",
        "/v1/hosts",
        "/v1/hosts/{name}",
        "/v1/hosts/{name}/cordon",
        "/v1/hosts/{name}/runs",
        "/v1/hosts/{name}/uncordon",
        "/v1/instances",
        "/v1/instances/{instance_id}",
        "/v1/instances/{instance_id}/plan",
        "/v1/instances/{instance_id}/extension",
        "/v1/instances/{instance_id}/removal",
        "/v1/instances/{instance_id}/runs",
        "/v1/members",
        "/v1/members/{alias}",
        "/v1/orphans",
        "/v1/orphans/look",
        "/v1/inventory",
        "/v1/offline-runs",
        "/v1/requests",
        "/v1/requests/{request_id}",
        "/v1/requests/{request_id}/approve",
        "/v1/requests/{request_id}/decline",
        "/v1/requests/{request_id}/plan",
        "/v1/requests/{request_id}/withdraw",
        "/v1/runs",
        "/v1/runs/{run_id}",
        "/v1/runs/{run_id}/abandon",
        "/v1/runs/{run_id}/cancel",
        "/v1/runs/{run_id}/events",
        "/v1/runs/{run_id}/retry",
        "/v1/shell-runs",
        "/v1/shell-runs/{run_id}/attempt",
        "/v1/shell-runs/{run_id}/end",
        "/v1/shell-runs/{run_id}/lines",
        "/v1/shell-runs/{run_id}/secrets",
        "/v1/schedules",
        "/v1/sites",
        "/v1/tools",
        "/v1/tools/{slug}",
        "/v1/tools/{slug}/picture",
        "/v1/tools/{slug}/revisions",
        "/v1/tools/{slug}/revisions/{number}",
        "/v1/windows",
        "/v1/windows/{window_id}",
    }


async def test_what_comes_in_is_closed_as_the_server_refuses_unknown_fields(document: dict[str, Any]) -> None:
    closed = {
        name
        for name, schema in document["components"]["schemas"].items()
        if schema.get("additionalProperties") is False
    }
    assert closed == INPUTS | INPUTS_OF_SHELLS


async def test_every_operation_has_an_id_a_summary_and_its_refusals(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert operation["summary"], (method, path)
        public = path.startswith(("/health", "/v1/tools", "/v1/shell-runs/"))
        assert ("401" in operation["responses"]) is not public, (method, path)
        assert operation.get("security", document["security"]) == ([] if public else [{"bearer": []}]), (method, path)
        if "{" in path:
            assert "404" in operation["responses"], (method, path)
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and not path.startswith("/health"):
                assert set(answer["content"]) == {"application/problem+json"}, (method, path, status)


async def test_states_are_documented_with_which_of_them_are_final(document: dict[str, Any]) -> None:
    asking = document["paths"]["/v1/requests"]["post"]["description"]
    for state in ("submitted", "approved", "declined", "withdrawn", "fulfilled"):
        assert f"`{state}`" in asking
    assert "final" in asking
    run = document["paths"]["/v1/runs/{run_id}"]["get"]["description"]
    for state in ("queued", "running", "waiting", "succeeded", "failed", "cancelled", "abandoned"):
        assert f"`{state}`" in run
    batch = document["paths"]["/v1/batches/{batch_id}"]["get"]["description"]
    for state in ("running", "paused", "stopped", "done", "cancelled", "pending", "left-out"):
        assert f"`{state}`" in batch
    instance = document["paths"]["/v1/instances/{instance_id}"]["get"]["description"]
    for state in ("provisioning", "running", "failed", "suspended", "removing", "removed"):
        assert f"`{state}`" in instance


async def test_changes_and_repeats_name_their_headers(document: dict[str, Any]) -> None:
    def headers(path: str, method: str) -> set[str]:
        parameters = document["paths"][path][method]["parameters"]
        return {parameter["name"] for parameter in parameters if parameter["in"] == "header"}

    assert headers("/v1/requests", "post") == {"Idempotency-Key"}
    for move in ("approve", "decline", "withdraw"):
        assert headers(f"/v1/requests/{{request_id}}/{move}", "post") == {"If-Match"}
    for path, method in (("removal", "post"), ("removal", "delete"), ("extension", "post")):
        assert headers(f"/v1/instances/{{instance_id}}/{path}", method) == {"If-Match"}
    assert headers("/v1/runs/{run_id}/events", "get") == {"Last-Event-ID"}
    assert headers("/v1/batches", "post") == {"Idempotency-Key"}
    starting = "/v1/instances/{instance_id}/runs"
    assert headers(starting, "post") == {"Idempotency-Key", "If-Match"}
    (if_match,) = (one for one in document["paths"][starting]["post"]["parameters"] if one["name"] == "If-Match")
    assert if_match["required"] is False, "it depends on the action"


class Page(HTMLParser):
    """Gathers what a page would load, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in {"src", "href", "srcset", "action", "data"} or name.startswith("on"):
                self.loads.append(f"{tag} {name}={value}")


@pytest.mark.parametrize("path", ["/v1/docs", "/"])
async def test_the_page_for_people_loads_nothing_from_anywhere(client_as: ClientAs, path: str) -> None:
    answer = await client_as(None).get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = Page()
    page.feed(answer.text)
    assert page.loads == []
    assert not page.tags & {"script", "iframe", "object", "link"}
    assert not re.search(r"url\(|@import", answer.text)


async def test_the_pages_own_links_lead_somewhere(client_as: ClientAs) -> None:
    client: httpx.AsyncClient = client_as(None)
    page = Page()
    page.feed((await client.get("/v1/docs")).text)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert (await client.get(link)).status_code == 200
