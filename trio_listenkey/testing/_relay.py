"""A relay between a client and the HTTP server, which does to the connection what HTTP cannot say.

An HTTP server is made to answer well. To reset, to cut off or to drip, and to say what is not HTTP at all, there
has to be something nearer to the wire. The relay passes bytes both ways until it has an order; then it waits for the
answer's end and passes on as much of it, and as, the order says.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

import trio

from ._effects import Drip, Garbage, Reset, Truncate

__all__ = ["Order", "Relay", "Upgrade"]

Order = Drip | Garbage | Reset | Truncate

# A stream's ways to say that the other side is not there any more.
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True, repr=False)
class Upgrade:
    """A WebSocket handshake that is still to be answered. Without a repr: the target may have a listen key in it.

    Attributes:
        target: Path and query.
        headers: Those that a handshake consists of.
    """

    target: str
    headers: list[tuple[bytes, bytes]]


class Relay:
    """One client, and the connection to the server that is its own.

    Args:
        wire: The client's TCP connection.
        client: What to speak with the client through: the same, or TLS on it.
        time_scale: How many seconds of the exchange's time pass in one of ours.

    Attributes:
        order: What to do to the connection from the next byte of the answer on. The server has to close its side
            after this answer, so that its end is known.
        upgrade: The handshake that ended the relay's work: whoever runs it goes on with the client from there.
    """

    def __init__(self, wire: trio.SocketStream, client: trio.abc.Stream, time_scale: float) -> None:
        self.order: Order | None = None
        self.upgrade: Upgrade | None = None
        self._wire = wire
        self._client = client
        self._time_scale = time_scale
        self._passing = trio.CancelScope()

    def hand_over(self, upgrade: Upgrade) -> None:
        """Stop here: what the client sends from now on, and what it gets, is no HTTP any more."""
        self.upgrade = upgrade
        self._passing.cancel()

    async def run(self, server: trio.abc.HalfCloseableStream) -> None:
        """Pass bytes until either side is done, or the client is handed over."""
        with self._passing:
            await self._pass(server)

    async def _pass(self, server: trio.abc.HalfCloseableStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_requests, server, nursery.cancel_scope)
            await self._pass_answers(server)
            nursery.cancel_scope.cancel()

    async def _pass_requests(self, server: trio.abc.HalfCloseableStream, both: trio.CancelScope) -> None:
        try:
            async for data in self._client:
                await server.send_all(data)
            await server.send_eof()
        except _BROKEN:
            both.cancel()

    async def _pass_answers(self, server: trio.abc.ReceiveStream) -> None:
        with suppress(*_BROKEN):
            async for data in server:
                if self.order is not None:
                    await self._carry_out(self.order, bytes(data), server)
                    return
                await self._client.send_all(data)
            await self._client.aclose()

    async def _carry_out(self, order: Order, answer: bytes, server: trio.abc.ReceiveStream) -> None:
        if isinstance(order, Reset):
            self.reset()
            return
        async for data in server:
            answer += data
        if isinstance(order, Truncate):
            await self._client.send_all(answer[: min(order.after, len(answer) - 1)])
        elif isinstance(order, Garbage):
            await self._client.send_all(order.data)
        else:
            await self._drip(answer, order.seconds_per_byte / self._time_scale)
            await self._client.aclose()

    def reset(self) -> None:
        """End the client's connection with RST."""
        # Closing with a linger time of zero sends RST. Windows has a shorter struct, and reads its part of this one.
        self._wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._wire.socket.close()

    async def _drip(self, answer: bytes, seconds_per_byte: float) -> None:
        for at in range(len(answer)):
            await self._client.send_all(answer[at : at + 1])
            await trio.sleep(seconds_per_byte)
