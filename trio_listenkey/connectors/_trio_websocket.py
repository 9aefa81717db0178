"""A connector for those who know trio-websocket.

Its connections cannot be left before the peer has answered, waits for a handshake that has failed do not end, and
messages that wait in its queue are lost when a later one is too long. ``_hosted`` and a queue of no length see to it.
"""

from __future__ import annotations

import itertools
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, final

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from .._redaction import hide_from_logs
from ._base import Connection, SocketError
from ._dial import USER_AGENT, Address, Dials
from ._hosted import HostedConnection, HostedConnector, LibraryNursery, ReadGate
from ._wire import READ

__all__ = ["TrioWebSocketConnector"]

# It uses these for what it found wrong itself, and does not say which side a code comes from.
_OWN_CODES = {
    1002: "bytes that are not WebSocket frames",
    1006: "connection closed without a close frame",
    1007: "a text that is not valid UTF-8",
    1009: "a message that is too long",
}


class TrioWebSocketConnector(Dials):
    """Opens WebSockets with trio-websocket; the arguments are those of :class:`WebSocketConnector`.

    A text that is not valid UTF-8 ends the connection. A close frame with the code 1002, 1007 or 1009 is told without
    its code.
    """

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        """Open a WebSocket to ``url`` for as long as the block.

        Raises:
            SocketError: It could not be opened.
        """
        return HostedConnector(self._dial, url, partial(_attach, self._max_message))


async def _attach(max_message: int, tasks: LibraryNursery, gate: ReadGate, address: Address) -> HostedConnection:
    socket = await wrap_client_stream(
        _as_any(tasks),
        _as_any(gate),
        address.authority,
        address.target,
        extra_headers=[(b"User-Agent", USER_AGENT.encode())],
        message_queue_size=0,
        max_message_size=max_message,
        receive_buffer_size=READ,
    )
    return _Connection(gate, socket, max_message)


def _as_any(what: object) -> Any:
    """The library says that it takes fewer types than it does."""
    return what


@final
class _Connection(HostedConnection):
    def __init__(self, gate: ReadGate, socket: WebSocketConnection, max_message: int) -> None:
        super().__init__(gate)
        self._socket = socket
        self._max_message = max_message
        self._numbers = itertools.count()
        self._is_too_long = False

    @property
    def is_over(self) -> bool:
        return self._gate.has_ended or self._is_too_long or self._socket.closed is not None

    def _library_says(self) -> SocketError:
        if self._is_too_long:
            return SocketError(_OWN_CODES[1009])
        code = 1006 if self._socket.closed is None else int(self._socket.closed.code)
        if code in _OWN_CODES:
            return SocketError(_OWN_CODES[code])
        return SocketError(f"closed by the other side with code {code}", code=code)

    async def _gather(self) -> None:
        await trio.lowlevel.checkpoint()
        # There is no queue: the library's task waits until each message is taken, and is idle after the last.
        with trio.CancelScope() as self._gate.gathering:
            while not self._gate.idle.is_set():
                with suppress(ConnectionClosed):
                    self._take(await self._socket.get_message())
                    continue
                await self._gate.idle.wait()

    def _take(self, message: str | bytes) -> None:
        data = message.encode() if isinstance(message, str) else message
        # The library counts characters.
        self._is_too_long = self._is_too_long or len(data) > self._max_message
        if not self._is_too_long:
            self._messages.append(data)

    async def _ping(self) -> None:
        payload = next(self._numbers).to_bytes(8)
        try:
            with hide_from_logs():
                await self._socket.ping(payload)
        finally:
            self._socket._pings.pop(payload, None)  # noqa: SLF001 - it would keep what was cancelled

    async def _send(self, message: str) -> None:
        with suppress(ConnectionClosed), hide_from_logs():
            await self._socket.send_message(message)
