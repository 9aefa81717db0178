"""A relay in front of the HTTP server, which does to connections what HTTP cannot say.

An HTTP server is made to answer well. To reset, to cut off or to drip, and to say what is not HTTP at all, there
has to be something nearer to the wire. The relay passes bytes both ways until it is told otherwise about one of its
connections; then it waits for the answer's end and passes on as much of it, and as, the order says.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from ._effects import Drip, Garbage, Reset, Truncate

__all__ = ["Relay"]

_Order = Drip | Garbage | Reset | Truncate

# A stream's ways to say that the other side is not there any more.
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)

# Seconds of real time within which a client must have done its TLS handshake.
_HANDSHAKE = 10.0


class Relay:
    """Connects each client to the server behind it.

    Args:
        server: The port on 127.0.0.1 where the HTTP server listens, in the clear.
        tls: With what to meet clients, or ``None`` for plain TCP.
        time_scale: How many seconds of the exchange's time pass in one of ours.
    """

    def __init__(self, server: int, tls: ssl.SSLContext | None, time_scale: float) -> None:
        self._server = server
        self._tls = tls
        self._time_scale = time_scale
        # By the port that the relay has on its side of the connection to the server: the server calls it its client.
        self._lines: dict[int, _Line] = {}

    def order(self, client: tuple[str, int], order: _Order) -> None:
        """From the next byte on, do ``order`` to the connection which the server knows as ``client``.

        The server must close the connection after this answer. A connection that did not come through the relay is
        left as it is.
        """
        line = self._lines.get(client[1])
        if line is not None:
            line.order = order

    async def serve(self, client: trio.SocketStream) -> None:
        """Relay one connection until either side is done. It never raises, whatever the client does."""
        with suppress(*_BROKEN, OSError):
            async with self._connect(client) as line, trio.open_nursery() as nursery:
                nursery.start_soon(line.pass_requests, nursery.cancel_scope)
                await line.pass_answers()
                nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def _connect(self, client: trio.SocketStream) -> AsyncIterator[_Line]:
        async with _closing(client):
            secured = await self._meet(client)
            server = await trio.open_tcp_stream("127.0.0.1", self._server)
            async with _closing(server):
                port: int = server.socket.getsockname()[1]
                line = self._lines[port] = _Line(client, secured, server, self._time_scale)
                try:
                    yield line
                finally:
                    del self._lines[port]

    async def _meet(self, client: trio.SocketStream) -> trio.abc.Stream:
        if self._tls is None:
            return client
        secured = trio.SSLStream(client, self._tls, server_side=True, https_compatible=True)
        with trio.move_on_after(_HANDSHAKE) as limit:
            await secured.do_handshake()
        if limit.cancelled_caught:
            raise trio.BrokenResourceError
        return secured


class _Line:
    """One client, and the connection to the server that is its own."""

    def __init__(
        self, wire: trio.SocketStream, client: trio.abc.Stream, server: trio.SocketStream, time_scale: float
    ) -> None:
        self.order: _Order | None = None
        self._wire = wire
        self._client = client
        self._server = server
        self._time_scale = time_scale

    async def pass_requests(self, line: trio.CancelScope) -> None:
        try:
            async for data in self._client:
                await self._server.send_all(data)
            await self._server.send_eof()
        except _BROKEN:
            line.cancel()

    async def pass_answers(self) -> None:
        with suppress(*_BROKEN):
            async for data in self._server:
                if self.order is not None:
                    await self._carry_out(self.order, bytes(data))
                    return
                await self._client.send_all(data)
            await self._client.aclose()

    async def _carry_out(self, order: _Order, answer: bytes) -> None:
        if isinstance(order, Reset):
            self._reset()
            return
        async for data in self._server:
            answer += data
        if isinstance(order, Truncate):
            await self._client.send_all(answer[: min(order.after, len(answer) - 1)])
        elif isinstance(order, Garbage):
            await self._client.send_all(order.data)
        else:
            await self._drip(answer, order.seconds_per_byte / self._time_scale)
            await self._client.aclose()

    def _reset(self) -> None:
        # Closing with a linger time of zero sends RST. Windows has a shorter struct, and reads its part of this one.
        self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._wire.socket.close()

    async def _drip(self, answer: bytes, seconds_per_byte: float) -> None:
        for at in range(len(answer)):
            await self._client.send_all(answer[at : at + 1])
            await trio.sleep(seconds_per_byte)


@asynccontextmanager
async def _closing(stream: trio.SocketStream) -> AsyncIterator[None]:
    # Forcefully, as nobody waits for a polite end: the next thing may be that the whole server is being left.
    try:
        yield
    finally:
        stream.socket.close()
