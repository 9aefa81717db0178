"""A client that is nothing but a socket: what it gets is what was on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import trio
from asking import API_KEY

from trio_listenkey.testing import USDM, Dialect, Exchange, ServedExchange


@dataclass(frozen=True)
class Answer:
    """What came, and how it ended: by an orderly end, a reset, or not at all for as long as was waited."""

    data: bytes
    end: Literal["end", "reset", "open"]

    @property
    def status(self) -> int:
        return int(self.data.split(maxsplit=2)[1])

    @property
    def headers(self) -> list[bytes]:
        return self.data.partition(b"\r\n\r\n")[0].splitlines()[1:]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


def http(method: str = "POST", dialect: Dialect = USDM, *, keep_open: bool = False, body: bytes = b"") -> bytes:
    """A request's bytes."""
    lines = [
        f"{method} {dialect.path} HTTP/1.1",
        "Host: exchange.test",
        f"X-MBX-APIKEY: {API_KEY}",
        f"Content-Length: {len(body)}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Connection: {'keep-alive' if keep_open else 'close'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def connected(served: ServedExchange) -> AsyncIterator[trio.abc.Stream]:
    """A connection to the exchange, over TLS if it is served so, that is dropped at the end."""
    stream = await trio.open_tcp_stream("127.0.0.1", int(served.rest_url.rpartition(":")[2]))
    try:
        if served.ca_pem is None:
            yield stream
        else:
            context = served.ssl_context()
            yield trio.SSLStream(stream, context, server_hostname="127.0.0.1", https_compatible=True)
    finally:
        await trio.aclose_forcefully(stream)


async def read(stream: trio.abc.Stream, *, patience: float = 5.0, at_most: float = float("inf")) -> Answer:
    """Everything that comes within ``patience`` seconds, or until there are ``at_most`` bytes."""
    data = b""
    try:
        with trio.move_on_after(patience):
            async for piece in stream:
                data += piece
                if len(data) >= at_most:
                    return Answer(data, "open")
            return Answer(data, "end")
    except trio.BrokenResourceError:
        return Answer(data, "reset")
    return Answer(data, "open")


async def read_one(stream: trio.abc.Stream) -> Answer:
    """One answer on a connection that stays open."""
    data = b""
    while not data.endswith((b"}", b"</html>\r\n")):
        data += await stream.receive_some()
    return Answer(data, "open")


async def send(served: ServedExchange, data: bytes, *, patience: float = 5.0, at_most: float = float("inf")) -> Answer:
    """The answer to ``data`` on a connection of its own."""
    async with connected(served) as stream:
        try:
            await stream.send_all(data)
        except trio.BrokenResourceError:
            return Answer(b"", "reset")
        return await read(stream, patience=patience, at_most=at_most)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; ten seconds are enough for everything here, on however busy a machine."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - an exchange has no event to wait for, and needs none
            await trio.sleep(0.01)


async def requests_seen(exchange: Exchange, count: int) -> None:
    """Wait until so many requests have reached the exchange."""
    await eventually(lambda: len(exchange.log) >= count)
