"""The catalog's list and one tool, against Litestar's plain text: processor time a request, over HTTP."""

import http.client
import os
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from devkit.environment import environment

from bench.comparing import Comparison, Weight
from bench.load import send_many
from bench.processes import Measured, free_port, plain_server, serving

REQUESTS = 4000
ROUNDS = 5
AIM = 1.4
MEMORY_AIM = 150.0
OK, UNCHANGED = 200, 304


@dataclass(frozen=True)
class Case:
    """A request that is sent again and again, and the status that it is answered with."""

    title: str
    path: str
    headers: Mapping[str, str]
    status: int


PLAIN = Case("plain text", "/plain", {}, OK)


async def compare_reading(slug: str) -> list[Comparison | Weight]:
    """Compare `GET /v1/tools` and `GET /v1/tools/{slug}`, and both where the ETag is known; weigh the server."""
    port, plain_port = free_port(), free_port()
    told = os.environ | environment("server")
    ours = {name: value for name, value in told.items() if not name.startswith("CATALOG_TLS_")}
    ours |= {"CATALOG_BIND": f"127.0.0.1:{port}"}
    with (
        serving([sys.executable, "-m", "catalog", "serve"], port, ours) as server,
        serving(plain_server(plain_port), plain_port, os.environ) as plain,
    ):
        at_rest = server.memory_mb()
        found = [await _compared(server, plain, case) for case in _cases(port, slug)]
        return [
            *found,
            Weight("memory of the server, at rest", at_rest, MEMORY_AIM),
            Weight("memory of the server, at work", server.memory_mb(), MEMORY_AIM),
        ]


def _cases(port: int, slug: str) -> Iterator[Case]:
    for title, path in (("the catalog’s list", "/v1/tools"), ("one tool", f"/v1/tools/{slug}")):
        yield Case(f"{title}, against plain text", path, {}, OK)
        known = {"If-None-Match": _etag(port, path)}
        yield Case(f"{title}, unchanged (304), against plain text", path, known, UNCHANGED)


async def _compared(server: Measured, plain: Measured, case: Case) -> Comparison:
    timings: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        timings[0].append(await _cost(server, case))
        timings[1].append(await _cost(plain, PLAIN))
    return Comparison(case.title, statistics.median(timings[0]), statistics.median(timings[1]), AIM)


async def _cost(server: Measured, case: Case) -> float:
    """Give microseconds of processor time a request."""
    before = server.cpu_seconds()
    await send_many(server.port, case.path, REQUESTS, headers=case.headers, status=case.status)
    return (server.cpu_seconds() - before) / REQUESTS * 1e6


def _etag(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    etag = connection.getresponse().headers["ETag"]
    connection.close()
    return str(etag)
