"""A server that does to a connection, byte by byte, what a test wants it to do."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio
from loopback_listener import Listener, listening, secured

__all__ = ["OK", "Connection", "Script", "Seen", "WireServer", "answering", "serve"]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True, repr=False)
class Seen:
    """One complete request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    raw: bytes


class Connection:
    """One client, as a script sees it."""

    def __init__(self, stream: trio.abc.Stream, raw: trio.SocketStream, server: WireServer) -> None:
        self.stream = stream
        self.raw = raw
        self.server = server
        self._buffer = b""

    async def read_request(self) -> Seen | None:
        """The next request, or ``None`` if the client has none."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if not self.server.reads_bodies:
            await trio.sleep_forever()
        while len(self._buffer) < length:
            if not await self._more():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Seen(method, target, headers, body, head + b"\r\n\r\n" + body)

    async def _more(self) -> bool:
        data = await self.stream.receive_some()
        self._buffer += data
        return bool(data)

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def drip(self, data: bytes, every: float = 0.02) -> None:
        """Send ``data`` again and again, without an end."""
        while True:
            await self.send(data)
            await trio.sleep(every)


Script = Callable[[Connection, Seen], Awaitable[bool | None]]
"""Answers one request. Then the server closes the connection, unless the script returns ``True``."""


@dataclass(kw_only=True)
class WireServer(Listener):
    """What happened at one listener."""

    script: Script
    scheme: str
    seen: list[Seen] = field(default_factory=list)
    greeting: bytes = b""
    """Sent in the clear before anything is read."""
    hangs_up: bool = False
    """Close each connection as soon as the client has sent something."""
    reads_bodies: bool = True
    """Else nothing more is read after the head of a request."""

    def url(self, target: str = "/fapi/v1/listenKey", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{target}"


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[WireServer]:
    """Run a server on a loopback port, which is at an end with the block."""
    server = WireServer(script=script, scheme="https" if tls else "http")
    async with listening(server, lambda raw: _converse(server, raw, tls)):
        yield server


async def _converse(server: WireServer, raw: trio.SocketStream, tls: ssl.SSLContext | None) -> None:
    await raw.send_all(server.greeting)
    if server.hangs_up:
        await raw.receive_some()
        return
    connection = Connection(secured(raw, tls), raw, server)
    while (seen := await connection.read_request()) is not None:
        server.seen.append(seen)
        server.happened()
        if not await server.script(connection, seen):
            return


def answering(data: bytes, *, keep: bool = False) -> Script:
    """A script that sends ``data``, and then closes unless ``keep``."""

    async def script(connection: Connection, seen: Seen) -> bool:
        await connection.send(data)
        return keep

    return script
