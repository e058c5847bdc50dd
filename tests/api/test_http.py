"""What every address does: methods, request ids, safety headers, problems, and logs that hold no secret."""

import json

import httpx
import pytest
import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import ClientAs, client_of
from tests.support.coop import Coop, problem, wish
from tests.support.issuer import Issuer
from tests.support.running import lifespan_of, served

from catalog.app import create_app
from catalog.settings import DatabaseSettings, ServerSettings

ANY = "01890000-0000-7000-8000-000000000000"
PUBLIC = ("/v1/tools", "/v1/openapi.json", "/v1/docs", "/", "/health/live", "/health/ready")


@pytest.mark.parametrize("path", PUBLIC)
async def test_head_is_get_without_the_body(server_settings: ServerSettings, path: str) -> None:
    async with served(create_app(server_settings)) as address, httpx.AsyncClient(base_url=address) as client:
        got, head = await client.get(path), await client.head(path)
        again = await client.get(path)  # on the same connection, which a wrong length would have broken
    assert head.status_code == got.status_code == again.status_code == 200
    assert head.content == b""
    different = {"date", "x-request-id"}
    assert {name: value for name, value in head.headers.items() if name not in different} == {
        name: value for name, value in got.headers.items() if name not in different
    }


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/tools", "GET, HEAD, OPTIONS"),
        ("/v1/requests", "GET, HEAD, OPTIONS, POST"),
        (f"/v1/requests/{ANY}", "GET, HEAD, OPTIONS"),
        (f"/v1/requests/{ANY}/approve", "OPTIONS, POST"),
    ],
)
async def test_an_address_says_what_it_can_do(client_as: ClientAs, path: str, methods: str) -> None:
    client = client_as(None, language="fr")
    options = await client.options(path)
    assert options.status_code == 204
    assert options.headers["allow"] == methods
    refused = await client.delete(path)
    told = problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == methods
    assert told["title"] == "Opération impossible à cette adresse"


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/nothing", f"/v1/runs/{ANY}/nothing", "/v1/%00"])
async def test_an_address_that_is_none_is_a_problem_too(client_as: ClientAs, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        problem(await client_as(None).request(method, path), 404, "not-found")


async def test_an_id_that_is_none_is_not_found(coop: Coop, client_as: ClientAs) -> None:
    for path in ("/v1/requests/x", "/v1/instances/x", "/v1/runs/x", "/v1/runs/x/events"):
        problem(await client_as(coop.ada).get(path), 404, "not-found")


async def test_every_answer_bears_a_request_id_that_the_log_bears_too(coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    for path in ("/v1/tools", "/v1/requests", "/v1/nothing", f"/v1/requests/{ANY}"):
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
            answer = await client.get(path)
        (line,) = [line for line in logs if line["event"] == "http.request"]
        assert line["request_id"] == answer.headers["x-request-id"]
        assert (line["method"], line["path"], line["status"]) == ("GET", path, answer.status_code)


async def test_two_answers_bear_two_ids(client_as: ClientAs) -> None:
    client = client_as(None)
    seen = {(await client.get("/health/live")).headers["x-request-id"] for _ in range(5)}
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"proxy-0123456789", True),
        (b"short", False),
        (b"x" * 65, False),
        (b"with space 123", False),
        (b"line-break-123\\n", False),
        (b"{{7*7}}-12345678", False),
    ],
)
async def test_a_proxys_id_is_kept_only_where_it_looks_like_one(
    client_as: ClientAs,
    sent: bytes,
    kept: bool,  # noqa: FBT001 - one of the table's columns
) -> None:
    answer = await client_as(None).get("/health/live", headers={b"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent.decode()) is kept


async def test_answers_about_somebody_are_kept_by_nobody(coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    for path in ("/v1/requests", "/v1/members", "/v1/instances", "/v1/runs", f"/v1/requests/{ANY}"):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_error_of_our_own_says_no_more_than_its_id_and_is_logged_with_its_cause(
    coop: Coop, client_as: ClientAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(AsyncSession, "flush", broken)
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        answer = await client_as(coop.ada, language="fr").post("/v1/requests", json=wish())
    told = problem(answer, 500, "internal-error")
    assert told["title"] == "Une erreur est survenue de notre côté"
    assert "secret of the inside" not in answer.text
    (line,) = [line for line in logs if line["event"] == "http.unexpected_error"]
    assert str(line["exc_info"]) == "a secret of the inside"
    assert line["request_id"] == told["request_id"]


async def test_no_log_line_holds_the_token_or_what_was_typed(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    token = issuer.token(coop.ada)
    with structlog.testing.capture_logs() as logs:
        await client_as(None).post(
            "/v1/requests",
            params={"secret": "of-the-query"},
            json=wish(purpose="typed-by-somebody"),
            headers={"Authorization": f"Bearer {token}"},
        )
    written = json.dumps(logs, default=str)
    for secret in (token, token.split(".")[2], "of-the-query", "typed-by-somebody"):
        assert secret not in written
    assert "http.request" in written


async def test_a_commit_that_fails_is_no_success(
    coop: Coop, client_as: ClientAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_as(coop.ada)
    await client.get("/v1/requests")
    original = AsyncSession.flush

    async def delayed_failure(session: AsyncSession, *arguments: object) -> None:
        await original(session, *arguments)  # type: ignore[arg-type] # as it was called
        connection = await session.connection()
        await connection.exec_driver_sql(
            "CREATE TEMP TABLE IF NOT EXISTS late (a int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"
        )
        await connection.exec_driver_sql("INSERT INTO late VALUES (1), (1)")

    monkeypatch.setattr(AsyncSession, "flush", delayed_failure)
    problem(await client.post("/v1/requests", json=wish()), 500, "internal-error")
    monkeypatch.undo()
    assert (await client.get("/v1/requests")).json()["items"] == []


async def test_without_a_database_the_answer_says_so_and_when_to_try_again(
    server_settings: ServerSettings, issuer: Issuer, coop: Coop
) -> None:
    nowhere = DatabaseSettings("postgresql://catalog_server:x@127.0.0.1:1/none")
    app = create_app(replace(server_settings, database=nowhere))
    headers = {"Authorization": f"Bearer {issuer.token(coop.ada)}", "Accept-Language": "fr"}
    async with lifespan_of(app), client_of(app, headers) as client:
        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "unready", "lacks": "database"})
        problem(await client.get("/v1/tools"), 503, "catalog-unavailable")
        answer = await client.get("/v1/requests")
        assert problem(answer, 503, "database-unavailable")["title"] == "La base de données du catalogue ne répond pas"
        assert answer.headers["retry-after"] == "10"
