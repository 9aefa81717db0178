"""A server that does to a connection, byte by byte, what a test wants it to do."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

__all__ = ["OK", "Connection", "Script", "Seen", "WireServer", "answering", "reset", "serve"]

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


@dataclass
class WireServer:
    """What happened at one listener."""

    script: Script
    scheme: str
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    """All that there ever were, TLS or not."""
    open: int = 0
    """Those that the client has not closed, or that a script is still at work on."""
    greeting: bytes = b""
    """Sent in the clear before anything is read."""
    hangs_up: bool = False
    """Close each connection as soon as the client has sent something."""
    reads_bodies: bool = True
    """Else nothing more is read after the head of a request."""
    _happened: trio.Event = field(default_factory=trio.Event)

    def url(self, target: str = "/fapi/v1/listenKey", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{target}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what happened here makes ``condition`` true; it is an error if that takes long."""
        with trio.fail_after(5):
            while not condition():
                await self._happened.wait()

    async def wait_all_closed(self) -> None:
        """Wait until there is no connection."""
        await self.until(lambda: not self.open)

    def happened(self) -> None:
        """Tell those who wait."""
        self._happened.set()
        self._happened = trio.Event()


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[WireServer]:
    """Run a server on a loopback port, which is at an end with the block."""
    server = WireServer(script, "https" if tls else "http")
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server.port = listener.socket.getsockname()[1]

    async def handle(raw: trio.SocketStream) -> None:
        server.connections += 1
        server.open += 1
        try:
            await _converse(server, raw, tls)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away, or the script did away with it
        finally:
            raw.socket.close()
            server.open -= 1
            server.happened()

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handle, [listener])
        yield server
        nursery.cancel_scope.cancel()


async def _converse(server: WireServer, raw: trio.SocketStream, tls: ssl.SSLContext | None) -> None:
    stream: trio.abc.Stream = raw
    await raw.send_all(server.greeting)
    if server.hangs_up:
        await raw.receive_some()
        return
    if tls is not None:
        stream = trio.SSLStream(raw, tls, server_side=True, https_compatible=True)
    connection = Connection(stream, raw, server)
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


async def reset(connection: Connection) -> None:
    """End the connection with a TCP reset."""
    connection.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.raw.socket.close()
