"""Sends requests over a few connections that stay open, and checks every answer's status."""

import asyncio
from collections.abc import Mapping

CONNECTIONS = 4


async def send_many(
    port: int, path: str, count: int, *, headers: Mapping[str, str] | None = None, status: int = 200
) -> None:
    """Send `count` GET requests in all. Raises `RuntimeError` at the first answer of another status."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()
    await asyncio.gather(*(_connection(port, request, count // CONNECTIONS, status) for _ in range(CONNECTIONS)))


async def _connection(port: int, request: bytes, count: int, status: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            if int(head.split(b" ", 2)[1]) != status:
                raise RuntimeError(f"{head!r} instead of {status}")
    finally:
        writer.close()
        await writer.wait_closed()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
