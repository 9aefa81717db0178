"""One socket of a stream, from before its handshake: its scopes, and the protocol on it.

Events are read by this task, or by a consumer that waits for them while this task stands by.
See ``_user_stream``, and ``_standby`` for who reads when. All messages are sent by this task, or by one beside it.
"""

from __future__ import annotations

from contextlib import suppress
from math import inf
from typing import Any, Final

import trio
from trio.lowlevel import enable_ki_protection

from .._core._stream_socket import StreamSocket
from .._protocol._socket_protocol import SocketProtocol
from ..connectors._base import Connection, OpenToAll
from ._clock import SteadyClock
from ._protocol_connection import OpenProtocolConnection, ProtocolConnection

__all__ = ["SocketTask"]

_GOODBYE_LIMIT: Final = 0.5  # seconds; the connectors' contract, but a connector may be anyone's


class SocketTask:
    """The state of one socket's task, and the calls by which others end or wake it."""

    def __init__(self, socket: StreamSocket, url: str, protocol: SocketProtocol | None) -> None:
        self.socket = socket
        self.url = url
        self.protocol = protocol
        self._connection: ProtocolConnection | None = None
        self.whole = trio.CancelScope(shield=True)
        """Cancel it to have the socket closed at once."""
        self.open = trio.CancelScope()
        """Cancel it to have the socket closed with a close frame."""
        self._ping_wait: trio.CancelScope | None = None
        self._ping_wait_until = inf

    def close(self, *, politely: bool) -> None:
        """Have the socket closed."""
        if politely and self.socket.opened_at < inf:
            self.open.cancel(reason="the socket is not needed any more")
            self.whole.deadline = min(self.whole.deadline, trio.current_time() + _GOODBYE_LIMIT)
        else:
            self.whole.cancel(reason="the socket is not wanted any more")

    async def begin(self, connection: Connection, clock: SteadyClock) -> Connection:
        """Start the protocol, if there is one; return the connection to read events from."""
        if self.protocol is None:
            return connection
        if isinstance(connection, OpenToAll):
            self._connection = OpenProtocolConnection(connection, self.protocol, clock)
        else:
            self._connection = ProtocolConnection(connection, self.protocol, clock)
        await self._connection.begin()
        return self._connection

    @enable_ki_protection
    async def send_when_due(self) -> None:
        """Send the messages of the protocol when they are due."""
        assert self._connection is not None
        with suppress(Exception):  # the reader gets the same error
            await self._connection.send_when_due()

    def wake_sender(self) -> None:
        """The protocol may have a message to send. Called on open sockets only."""
        assert self._connection is not None
        self._connection.wake()

    async def sleep_until(self, to_trio: Any, socket: StreamSocket) -> None:
        """Sleep until the next ping is due, which may become earlier meanwhile."""
        while to_trio(socket.ping_at) > trio.current_time():
            self._ping_wait_until = socket.ping_at
            with trio.CancelScope(deadline=to_trio(socket.ping_at)) as self._ping_wait:
                await trio.sleep_forever()
            self._ping_wait = None

    def recheck_ping(self) -> None:
        """The next ping may have become due earlier."""
        if self.socket.ping_at < self._ping_wait_until:
            self.wake()

    def wake(self) -> None:
        """Read the clock again: the machine may have slept."""
        if self._ping_wait is not None:
            self._ping_wait.cancel()
