"""A connector that runs websockets' own connections for trio, tasks and all: to compare with, and in case of doubt.

``websockets.trio`` calls itself experimental. What is used of it is its connection; how it connects, redirects
included, is not.
"""

from __future__ import annotations

import itertools
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, final

from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import OPEN, Event
from websockets.trio.client import ClientConnection

from ._base import Connection, SocketError
from ._dial import USER_AGENT, Address, Dials
from ._hosted import HostedConnection, HostedConnector, ReadGate
from ._protocol import new_protocol, why_over

__all__ = ["WebSocketsTrioConnector"]

_CLOSE_LIMIT = 0.1  # seconds that its calls may take once the connection is over


class WebSocketsTrioConnector(Dials):
    """Opens WebSockets with ``websockets.trio``; the arguments are those of :class:`WebSocketConnector`.

    A text that is not valid UTF-8 is passed on unchanged: decoding it fails.
    """

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        """Open a WebSocket to ``url`` for as long as the block.

        Raises:
            SocketError: It could not be opened.
        """
        return HostedConnector(self._dial, url, partial(_attach, self._max_message))


async def _attach(max_message: int, tasks: Any, gate: ReadGate, address: Address) -> HostedConnection:
    client = _Client(
        tasks,
        gate,
        new_protocol(address, max_message),
        ping_interval=None,
        close_timeout=_CLOSE_LIMIT,
        max_queue=None,  # the gate sees to it that there is no more in it than one read has brought
    )
    await client.handshake(user_agent_header=USER_AGENT)
    return _Connection(gate, client)


class _Client(ClientConnection):
    """Counts the messages in its queue, for it cannot be asked for them without waiting."""

    waiting = 0

    def process_event(self, event: Event) -> None:
        super().process_event(event)
        if isinstance(event, Frame) and event.fin and event.opcode in DATA_OPCODES:
            self.waiting += 1


@final
class _Connection(HostedConnection):
    def __init__(self, gate: ReadGate, client: _Client) -> None:
        super().__init__(gate)
        self._client = client
        self._numbers = itertools.count()

    @property
    def is_over(self) -> bool:
        return self._gate.has_ended or self._client.protocol.state is not OPEN

    def _library_says(self) -> SocketError:
        return why_over(self._client.protocol)

    async def _gather(self) -> None:
        await self._gate.idle.wait()
        with suppress(ConnectionClosed):  # a message in more pieces than the library takes
            while self._client.waiting:
                self._messages.append(await self._client.recv(decode=False))
                self._client.waiting -= 1

    async def _ping(self) -> None:
        payload = next(self._numbers).to_bytes(8)
        try:
            await (await self._client.ping(payload)).wait()
        finally:
            self._client.pending_pings.pop(payload, None)  # it would keep what was cancelled

    async def _send(self, message: str) -> None:
        with suppress(ConnectionClosed):
            await self._client.send(message)
