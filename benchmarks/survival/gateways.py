"""Gateways between the players and the exchange's sockets: the feed of an account's events lags, and differently.

Pongs do not lag with it, as behind real gateways: a pong is no proof that every event before it has been sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import trio

__all__ = ["Feed", "serve_gateways"]

_TEXT = 0x1
_EXPIRED = b'"listenKeyExpired"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How what the exchange says on its sockets is passed on. All in seconds.

    Attributes:
        lags: By how much the feed of events is behind, on one socket after the other, and again from the first.
        begins_late: From the handshake until events are sent.
        expiry_late: From the message that the key has expired until it is sent.
    """

    lags: tuple[float, ...] = (0.0,)
    begins_late: float = 0.0
    expiry_late: float = 0.0


async def serve_gateways(
    feed: Feed, stream_url: str, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Pass connections on to the exchange at ``stream_url`` on this machine; where that is had is the status."""
    gateways = _Gateways(feed, int(stream_url.rpartition(":")[2]))
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    task_status.started(f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}")
    await trio.serve_listeners(gateways.pass_on, listeners)


class _Gateways:
    def __init__(self, feed: Feed, port: int) -> None:
        self._feed = feed
        self._port = port
        self._lags = cycle(feed.lags)
        # What was sent on any socket lately, and when: a socket whose feed is behind sends what was before its own.
        self._recent: deque[tuple[float, bytes]] = deque()

    async def pass_on(self, client: trio.SocketStream) -> None:
        """Serve one connection, until either side ends it."""
        try:
            async with (
                client,
                await trio.open_tcp_stream("127.0.0.1", self._port) as exchange,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self._pass_to_exchange, client, exchange)
                await self._pass_to_client(client, exchange)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the other side learns of it by its own connection, which is closed

    async def _pass_to_exchange(self, client: trio.SocketStream, exchange: trio.SocketStream) -> None:
        async for data in client:
            await exchange.send_all(data)
        await exchange.send_eof()

    async def _pass_to_client(self, client: trio.SocketStream, exchange: trio.SocketStream) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            data = await exchange.receive_some()
            if not data:
                return
            received += data
        head, _, rest = received.partition(b"\r\n\r\n")
        await client.send_all(head + b"\r\n\r\n")
        line = _Line(client)
        lag, begins_at = next(self._lags), trio.current_time() + self._feed.begins_late
        for when, frame in self._recent:
            if when + lag > begins_at:
                line.put(when + lag, frame)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.pump)
            frames = _Frames(rest)
            data = b""
            while True:
                for is_text, frame in frames.add(data):
                    if is_text:
                        self._put(line, frame, lag, begins_at)
                    else:
                        await line.send(frame)
                data = bytes(await exchange.receive_some())
                if not data:
                    break
            nursery.cancel_scope.cancel()  # and with it what the feed had not sent yet

    def _put(self, line: _Line, frame: bytes, lag: float, begins_at: float) -> None:
        now = trio.current_time()
        if _EXPIRED in frame:
            line.put(now + lag + self._feed.expiry_late, frame)
            return
        if not any(frame == each for _, each in self._recent):
            self._recent.append((now, frame))
        while self._recent and self._recent[0][0] < now - max(self._feed.lags):
            self._recent.popleft()
        if now + lag >= begins_at:
            line.put(now + lag, frame)


@dataclass(slots=True)
class _Line:
    """What is to be sent to a client, and when."""

    client: trio.SocketStream
    _waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    _news: trio.Event = field(default_factory=trio.Event)
    _lock: trio.Lock = field(default_factory=trio.Lock)

    def put(self, when: float, frame: bytes) -> None:
        # An event of the moment of the handshake comes from the exchange, and from another socket as well.
        if any(frame == each for _, each in self._waiting):
            return
        self._waiting.append((when, frame))
        self._news.set()

    async def send(self, frame: bytes) -> None:
        """Send this at once, between two frames."""
        async with self._lock:
            await self.client.send_all(frame)

    async def pump(self) -> None:
        while True:
            if not self._waiting:
                self._news = trio.Event()
                await self._news.wait()
            await trio.sleep_until(self._waiting[0][0])
            await self.send(self._waiting.popleft()[1])


@dataclass(slots=True)
class _Frames:
    """Splits what a server sends into frames: they are not masked (RFC 6455, 5.2)."""

    _rest: bytes

    def add(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Each frame that is whole, and whether it is text."""
        self._rest += data
        while (size := self._size()) is not None and len(self._rest) >= size:
            frame, self._rest = self._rest[:size], self._rest[size:]
            yield frame[0] & 0x0F == _TEXT, frame

    def _size(self) -> int | None:
        if len(self._rest) < 2:
            return None
        short = self._rest[1] & 0x7F
        extended = {126: 2, 127: 8}.get(short, 0)
        if len(self._rest) < 2 + extended:
            return None
        size = int.from_bytes(self._rest[2 : 2 + extended], "big") if extended else short
        return 2 + extended + size
