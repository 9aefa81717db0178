"""The exchange behind the transport port, without sockets: for tests under a virtual clock."""

from __future__ import annotations

from typing import assert_never

import outcome
import trio

from ..._errors import TransportError
from ..._http import Request, Response
from ...transports._base import MAX_BODY
from .._exchange import Exchange
from .._faults._effects import Drip, Garbage, Hang, Huge, Reset, Truncate
from .._state._reply import Reply

__all__ = ["MemoryTransport"]


class MemoryTransport:
    """Implements the transport port on an :class:`Exchange` in the same process, by trio's clock.

    A request that has been sent is served in a task of its own, as on a real exchange: whether or not its
    client still waits, what it asked for is done. On the way there and back are checkpoints, so that a test
    which cancels at each of them in turn meets the request before it was sent, under way, done, and half
    answered.

    Args:
        exchange: Who answers.
        hops: Checkpoints on each of the four legs: before the request is sent, until it arrives, until the
            answer is back, and while it is read.
        latency: Seconds that request and answer take each.

    Attributes:
        reachable: Whether a connection can be had; a plain attribute. If not, requests fail unsent.
        closed: Whether :meth:`aclose` was called. Requests fail from then on.
        in_flight: How many requests were sent and have not arrived yet. A client that was cancelled may leave
            one behind.
    """

    in_memory = True
    """What it goes to is not on the network: bans there are of no concern to other runs of this process."""

    def __init__(self, exchange: Exchange, *, hops: int = 2, latency: float = 0.0) -> None:
        self.reachable = True
        self.closed: bool = False
        self.in_flight: int = 0
        self._exchange = exchange
        self._hops = hops
        self._latency = latency

    async def request(self, request: Request) -> Response:
        """Send ``request`` and bring back the complete answer.

        Raises:
            TransportError: There is no complete answer.
        """
        await trio.lowlevel.checkpoint()
        if self.closed:
            raise TransportError("this transport is closed", unsent=True)
        if not self.reachable:
            raise TransportError("connection refused", unsent=True)
        await self._hop()
        reply = (await self._send(request)).unwrap()
        await trio.sleep(reply.delay)
        await self._hop()
        return await _receive(reply, request.max_answer)

    async def aclose(self) -> None:
        """Fail every later request."""
        self.closed = True
        await trio.lowlevel.checkpoint()

    async def _send(self, request: Request) -> outcome.Outcome[Reply]:
        # From here on the request is on its way, and nothing that happens to its sender stops it. The task is
        # trio's own, for a nursery of ours would have to outlive our caller; the run's end cancels it.
        mailbox = _Mailbox()
        self.in_flight += 1
        trio.lowlevel.spawn_system_task(self._serve, request, mailbox)
        await mailbox.arrived.wait()
        assert mailbox.content is not None
        return mailbox.content

    async def _serve(self, request: Request, mailbox: _Mailbox) -> None:
        try:
            await trio.sleep(self._latency)
            await self._hop()
            # Captured, as an exception in a system task would be taken for a fault of trio itself.
            mailbox.content = outcome.capture(self._exchange.handle, request, trio.current_time())
        finally:
            self.in_flight -= 1
        await trio.sleep(self._latency)
        await self._hop()
        mailbox.arrived.set()

    async def _hop(self) -> None:
        for _ in range(self._hops):
            await trio.lowlevel.checkpoint()


class _Mailbox:
    def __init__(self) -> None:
        self.arrived = trio.Event()
        self.content: outcome.Outcome[Reply] | None = None


async def _receive(reply: Reply, max_answer: int) -> Response:
    """Do in memory what the reply asks for on the wire."""
    if len(reply.body) > max_answer:
        raise TransportError(f"the answer has more than {max_answer} bytes")
    match reply.wire:
        case None:
            return Response(reply.status, reply.headers, reply.body)
        case Drip(seconds_per_byte):
            await trio.sleep(seconds_per_byte * _size(reply))
            return Response(reply.status, reply.headers, reply.body)
        case Hang():
            await trio.sleep_forever()
        case Reset():
            raise TransportError("connection reset")
        case Truncate():
            raise TransportError("the connection ended before the answer did")
        case Garbage():
            raise TransportError("the answer is not HTTP")
        case Huge(size):
            if size is not None and size <= MAX_BODY:
                return Response(200, reply.headers, b"x" * size)
            raise TransportError(f"the answer has more than {MAX_BODY} bytes")
    assert_never(reply.wire)


def _size(reply: Reply) -> int:
    """About how many bytes the answer has on the wire."""
    head = sum(len(name) + len(value) + 4 for name, value in reply.headers)
    return len("HTTP/1.1 200 OK\r\n\r\n") + head + len(reply.body)
