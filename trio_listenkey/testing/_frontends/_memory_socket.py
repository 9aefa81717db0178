"""A connection to the exchange in memory: for any WebSocket library, under a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from .._exchange import Exchange

if TYPE_CHECKING:
    from ._ws_server import WebSocketServer

__all__ = ["connect_in_memory"]

# Bytes that the connection holds for a client that does not read, as the buffers of a TCP connection do.
_WINDOW = 1024 * 1024


def connect_in_memory(exchange: Exchange) -> trio.abc.Stream:
    """Connect to ``exchange`` as over TCP, without sockets and by trio's clock, for one WebSocket.

    What goes over the stream is RFC 6455 from the handshake on, so that whatever can be run over a trio stream can be
    run over this one; which path it asks for is said in the handshake::

        stream = connect_in_memory(exchange)
        ws = await trio_websocket.wrap_client_stream(nursery, stream, "exchange.test", f"/private/ws/{key}")

    The exchange's side runs until the stream is closed, or trio's run is over.

    Raises:
        ImportError: The extra ``testing`` is not installed.
    """
    try:
        from ._ws_server import WebSocketServer  # noqa: PLC0415 - only who opens a WebSocket needs wsproto
    except ImportError as error:
        raise ImportError("for WebSockets, run: pip install 'trio-listenkey[testing]'") from error
    near, far = trio.testing.memory_stream_pair()
    ours = _ServerStream(near)
    client = _ClientStream(far, ours.taken)
    line = WebSocketServer(ours, client.reset, exchange, trio.current_time, 1.0)
    # The task is trio's own, for a nursery of ours would have to outlive our caller.
    trio.lowlevel.spawn_system_task(_serve, line, ours, client)
    return client


async def _serve(line: WebSocketServer, ours: trio.abc.Stream, client: _ClientStream) -> None:
    try:
        await line.accept()
    except Exception as error:  # noqa: BLE001 - it would be taken for a fault of trio itself; the client raises it
        client.error = error
    await trio.aclose_forcefully(ours)


class _ServerStream(trio.abc.Stream):
    """A memory stream that can be sent no more on while the other side has not read what is there."""

    def __init__(self, inner: trio.StapledStream[Any, Any]) -> None:
        self._inner = inner
        self._unread = 0
        self._taken = trio.Event()

    def taken(self, size: int) -> None:
        """The client has read so many bytes."""
        self._unread -= size
        self._taken.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.wait_send_all_might_not_block()
        self._unread += len(data)
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        # A client that is gone frees nothing; but whoever sends is cancelled when its end of stream is read.
        while self._unread > _WINDOW:
            self._taken = trio.Event()
            await self._taken.wait()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data: bytes | bytearray = await self._inner.receive_some(max_bytes)
        return data

    async def aclose(self) -> None:
        await self._inner.aclose()


class _ClientStream(trio.abc.HalfCloseableStream):
    """A memory stream that can be reset from the other side.

    Attributes:
        error: What receiving raises once there is nothing more to receive.
    """

    def __init__(self, inner: trio.StapledStream[Any, Any], taken: Callable[[int], None]) -> None:
        self.error: Exception | None = None
        self._inner = inner
        self._taken = taken

    def reset(self) -> None:
        self.error = trio.BrokenResourceError("connection reset")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data: bytes | bytearray = await self._inner.receive_some(max_bytes)
        self._taken(len(data))
        if not data and self.error is not None:
            raise self.error
        return data

    async def aclose(self) -> None:
        await self._inner.aclose()
