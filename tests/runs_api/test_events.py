"""A run's story: in pages, and live as server-sent events that go on where a broken connection stopped."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import structlog
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, wrong_fields
from tests.support.issuer import Issuer
from tests.support.running import served
from tests.support.runs import end, tell
from tests.support.waiting import until
from tests.support.world import World

from catalog.app import create_app
from catalog.platform.db.engine import Database
from catalog.settings import ServerSettings

DEADLINE_SECONDS = 15
STREAM = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Event:
    id: str | None
    kind: str | None
    data: Any


class Stream:
    """The events of one connection, read one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> Event:
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for line in self._lines:
                if line.startswith(":"):
                    continue
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    return Event(fields.get("id"), fields.get("event"), json.loads(fields["data"]))
        raise EOFError

    async def texts(self, count: int) -> list[tuple[str | None, str]]:
        events = [await self.next() for _ in range(count)]
        return [(event.id, event.data["data"]["text"]) for event in events]


@pytest.fixture
async def run_id(coop: Coop, client_as: ClientAs) -> str:
    approved = await decide(client_as(coop.olga), await asked(client_as(coop.ada)), "approve")
    return str(approved.json()["run_id"])


@pytest.fixture
async def address(server_settings: ServerSettings) -> AsyncIterator[str]:
    async with served(create_app(server_settings)) as url:
        yield url


Opened = Callable[..., Any]


@pytest.fixture
def opened(address: str, coop: Coop, issuer: Issuer, run_id: str) -> Opened:
    """Give a way to open a stream of the run's events as Ada."""

    @asynccontextmanager
    async def open_stream(*, at: str = address, **headers: str) -> AsyncIterator[Stream]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        token = {"Authorization": f"Bearer {issuer.token(coop.ada)}"}
        async with (
            httpx.AsyncClient(base_url=at, timeout=DEADLINE_SECONDS) as client,
            client.stream("GET", f"/v1/runs/{run_id}/events", headers=STREAM | token | named) as answer,
        ):
            yield Stream(answer)

    return open_stream


async def test_events_come_in_pages_until_the_run_has_ended(
    coop: Coop, client_as: ClientAs, run_id: str, worker_database: Database
) -> None:
    client = client_as(coop.ada)
    await tell(worker_database, run_id, "one", "two", "three")
    first = (await client.get(f"/v1/runs/{run_id}/events", params={"limit": 2})).json()
    assert [(event["sequence"], event["data"]["text"]) for event in first["items"]] == [(1, "one"), (2, "two")]
    assert (first["next"], first["ended"]) == (2, False)
    second = (await client.get(f"/v1/runs/{run_id}/events", params={"after": first["next"]})).json()
    assert [event["data"]["text"] for event in second["items"]] == ["three"]
    assert (second["next"], second["ended"]) == (3, False)
    idle = (await client.get(f"/v1/runs/{run_id}/events", params={"after": second["next"]})).json()
    assert (idle["items"], idle["next"], idle["ended"]) == ([], 3, False)
    await end(worker_database, run_id, "succeeded", "four")
    last = (await client.get(f"/v1/runs/{run_id}/events", params={"after": 3})).json()
    assert [event["data"]["text"] for event in last["items"]] == ["four"]
    assert last["ended"] is True


@pytest.mark.parametrize(
    ("query", "pointer"), [({"after": "-1"}, "?after"), ({"after": "x"}, "?after"), ({"limit": "501"}, "?limit")]
)
async def test_a_page_that_cannot_be_meant_is_refused(
    coop: Coop, client_as: ClientAs, run_id: str, query: dict[str, str], pointer: str
) -> None:
    answer = await client_as(coop.ada).get(f"/v1/runs/{run_id}/events", params=query)
    assert wrong_fields(answer) == {pointer: "not-allowed"}


async def test_a_stream_tells_what_is_kept_and_then_what_happens_until_the_end(
    opened: Opened, run_id: str, worker_database: Database
) -> None:
    await tell(worker_database, run_id, "kept")
    async with opened() as stream:
        assert stream.answer.status_code == 200
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "no-store"
        assert await stream.texts(1) == [("1", "kept")]
        await tell(worker_database, run_id, "live\nin two lines", "and é more")
        assert await stream.texts(2) == [("2", "live\nin two lines"), ("3", "and é more")]
        await end(worker_database, run_id, "succeeded", "last")
        assert await stream.texts(1) == [("4", "last")]
        assert await stream.next() == Event(None, "end", {"reason": "run-ended"})
        with pytest.raises(EOFError):
            await stream.next()


async def test_a_stream_goes_on_after_the_last_event_that_came(
    opened: Opened, run_id: str, worker_database: Database, server_settings: ServerSettings
) -> None:
    await tell(worker_database, run_id, "one", "two")
    async with opened() as stream:
        ((last, _), _) = await stream.texts(2)
    await tell(worker_database, run_id, "while nobody listened")
    async with served(create_app(server_settings)) as elsewhere, opened(at=elsewhere, Last_Event_ID=last) as stream:
        assert await stream.texts(2) == [("2", "two"), ("3", "while nobody listened")]


async def test_a_long_story_is_told_whole_and_in_order(opened: Opened, run_id: str, worker_database: Database) -> None:
    for batch in range(5):
        await tell(worker_database, run_id, *(f"line {batch * 100 + number}" for number in range(100)))
    await end(worker_database, run_id, "failed", "over", error=True)
    async with opened() as stream:
        told = await stream.texts(501)
    assert told == [(str(n + 1), f"line {n}") for n in range(500)] + [("501", "over")]


async def test_many_watch_one_run(opened: Opened, run_id: str, worker_database: Database) -> None:
    async def watch() -> list[tuple[str | None, str]]:
        async with opened() as stream:
            return await stream.texts(3)

    watching = [asyncio.create_task(watch()) for _ in range(8)]
    for text in ("one", "two", "three"):
        await tell(worker_database, run_id, text)
    for told in await asyncio.gather(*watching):
        assert told == [("1", "one"), ("2", "two"), ("3", "three")]


async def test_a_stream_ends_when_the_person_may_no_longer_see_the_run(
    opened: Opened, run_id: str, worker_database: Database, world: World, coop: Coop
) -> None:
    await tell(worker_database, run_id, "one")
    async with opened() as stream:
        await stream.texts(1)
        await world.revoke(coop.ada, "requester", coop.birch)
        await tell(worker_database, run_id, "not for Ada")
        assert await stream.next() == Event(None, "end", {"reason": "not-visible"})


async def test_a_stream_needs_a_token_and_a_run_that_may_be_seen(
    address: str, coop: Coop, issuer: Issuer, run_id: str
) -> None:
    async with httpx.AsyncClient(base_url=address, headers=STREAM) as client:
        assert (await client.get(f"/v1/runs/{run_id}/events")).status_code == 401
        for someone in (coop.mia, coop.nils):
            token = {"Authorization": f"Bearer {issuer.token(someone)}"}
            answer = await client.get(f"/v1/runs/{run_id}/events", headers=token)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "²", "9" * 30])
async def test_a_last_event_that_is_none_is_refused(coop: Coop, client_as: ClientAs, run_id: str, last: str) -> None:
    answer = await client_as(coop.ada).get(
        f"/v1/runs/{run_id}/events", headers={b"Last-Event-ID": last.encode("latin-1")}
    )
    assert wrong_fields(answer) == {"Last-Event-ID": "wrong-format"}


async def test_who_goes_away_is_not_watched_for_any_longer(
    opened: Opened, run_id: str, worker_database: Database
) -> None:
    await tell(worker_database, run_id, "one")
    with structlog.testing.capture_logs() as logs:
        async with opened() as stream:
            await stream.texts(1)
        await until(lambda: any(line.get("path") == f"/v1/runs/{run_id}/events" for line in logs))


async def test_a_server_that_stops_ends_its_streams(
    opened: Opened, run_id: str, worker_database: Database, server_settings: ServerSettings
) -> None:
    await tell(worker_database, run_id, "one")
    async with asyncio.timeout(DEADLINE_SECONDS):
        async with served(create_app(server_settings)) as elsewhere:
            stopping = opened(at=elsewhere)
            stream = await stopping.__aenter__()
            await stream.texts(1)
        with pytest.raises((httpx.HTTPError, EOFError)):
            await stream.next()
        await stopping.__aexit__(None, None, None)


async def test_head_of_a_stream_is_answered_at_once(address: str, coop: Coop, issuer: Issuer, run_id: str) -> None:
    token = {"Authorization": f"Bearer {issuer.token(coop.ada)}"}
    async with httpx.AsyncClient(base_url=address, headers=STREAM | token, timeout=DEADLINE_SECONDS) as client:
        answer = await client.head(f"/v1/runs/{run_id}/events")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
