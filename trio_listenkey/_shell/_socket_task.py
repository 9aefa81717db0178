"""One socket of a stream, from before its handshake: its scopes, and what is said on it.

Events take one of two ways from here: this task reads them, or a consumer that waits does while this task stands by.
See ``_user_stream``, and ``_standby`` for who reads when. All that is sent goes through this task, or one beside it.
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
    """One socket's task, and how others speak to it."""

    def __init__(self, socket: StreamSocket, url: str, protocol: SocketProtocol | None) -> None:
        self.socket = socket
        self.url = url
        self.protocol = protocol
        self._connection: ProtocolConnection | None = None
        self.whole = trio.CancelScope(shield=True)
        """Cancel it to have the socket closed at once."""
        self.open = trio.CancelScope()
        """Cancel it to have the socket closed with a goodbye."""
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
        """Say what has to be said before events come; what to read them from."""
        if self.protocol is None:
            return connection
        if isinstance(connection, OpenToAll):
            self._connection = OpenProtocolConnection(connection, self.protocol, clock)
        else:
            self._connection = ProtocolConnection(connection, self.protocol, clock)
        await self._connection.begin()
        return self._connection

    @enable_ki_protection
    async def go_on_speaking(self) -> None:
        """Say whatever there comes to be to say."""
        assert self._connection is not None
        with suppress(Exception):  # the reader gets the same error
            await self._connection.speak()

    def speak(self) -> None:
        """There may be something to say: only a socket that is open is asked on."""
        assert self._connection is not None
        self._connection.wake()

    async def sleep_until(self, to_trio: Any, socket: StreamSocket) -> None:
        """Sleep until the next ping is due; that may come to be earlier meanwhile."""
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
        """Look at the clock again: it may have leapt."""
        if self._ping_wait is not None:
            self._ping_wait.cancel()
