"""Gateways between a stream and the exchange in memory: what they do to an account's feed, and not to pongs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle

import trio

from trio_listenkey.connectors import Connection, SocketError
from trio_listenkey.testing import Exchange, MemoryConnector, event_number


@dataclass(frozen=True, kw_only=True)
class Feed:
    """How gateways pass on what the exchange says; times in seconds.

    Attributes:
        lags: By how much the feed of one socket after the other is behind, and again from the first.
        late: From the handshake until sending begins.
        rewrites: Whether every other gateway writes events otherwise: members in another order, spaces, escapes.
    """

    lags: tuple[float, ...] = (0.0,)
    late: float = 0.0
    rewrites: bool = False


class FeedConnector(MemoryConnector):
    """Each socket goes by a gateway of its own.

    Args:
        exchange: Who answers.
        feed: What the gateways do.
        nursery: Where they run.
        when: The time at which the event of this number was emitted.
        latency: As of the connector in memory.
    """

    def __init__(
        self,
        exchange: Exchange,
        feed: Feed,
        nursery: trio.Nursery,
        when: Callable[[int], float],
        *,
        latency: float = 0.0,
    ) -> None:
        super().__init__(exchange, latency=latency)
        self._nursery = nursery
        self.opened_after = latency
        self._feed, self.when = feed, when
        self._lags, self._rewrites = cycle(feed.lags), cycle([False, feed.rewrites])
        self.recent: dict[int, bytes] = {}
        """The events that any gateway has had lately: one whose feed is behind sends those of before its own begin."""

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        async with super().connect(url) as inner:
            lag, rewrites = next(self._lags), next(self._rewrites)
            begins_at = trio.current_time() - self.opened_after + self._feed.late
            gateway = _Gateway(self, inner, lag, begins_at, rewrites=rewrites)
            self._nursery.start_soon(gateway.pump)
            try:
                yield gateway
            finally:
                gateway.scope.cancel()

    def remember(self, number: int, raw: bytes) -> None:
        self.recent.setdefault(number, raw)
        while len(self.recent) > 1 and self.when(min(self.recent)) < trio.current_time() - max(self._feed.lags):
            del self.recent[min(self.recent)]


class _Gateway:
    def __init__(
        self, gateways: FeedConnector, inner: Connection, lag: float, begins_at: float, *, rewrites: bool
    ) -> None:
        self.send, self.ping, self._inner = inner.send, inner.ping, inner
        self._gateways, self._lag, self._begins_at, self._rewrites = gateways, lag, begins_at, rewrites
        self._last = 0  # what comes from the exchange as well was on its way at the handshake
        self._due: deque[tuple[float, bytes]] = deque()
        self._over: SocketError | None = None
        self._news = trio.Event()
        self.scope = trio.CancelScope()
        for number, raw in sorted(gateways.recent.items()):
            self._put(number, raw)

    def _put(self, number: int, raw: bytes) -> None:
        at = self._gateways.when(number) + self._lag
        if number > self._last and at > self._begins_at:
            self._last = number
            self._put_at(at, raw)

    def _put_at(self, when: float, raw: bytes) -> None:
        # Whatever is said on one socket stays in order.
        self._due.append(
            (max(when, self._due[-1][0] if self._due else 0.0), _rewritten(raw) if self._rewrites else raw)
        )

    async def pump(self) -> None:
        with self.scope:
            while self._over is None:
                try:
                    batch = await self._inner.receive()
                except SocketError as error:
                    self._over, batch = error, []
                for raw in batch:
                    self._take(raw)
                self._news.set()
                self._news = trio.Event()

    def _take(self, raw: bytes) -> None:
        message = json.loads(raw)
        try:
            number = event_number(message)
        except KeyError:  # what the exchange says of keys and sockets has no number, nor have answers
            self._put_at(trio.current_time() + (0.0 if "id" in message else self._lag), raw)
        else:
            self._gateways.remember(number, raw)
            self._put(number, raw)

    async def receive(self) -> Sequence[bytes]:
        await trio.lowlevel.checkpoint()
        while True:
            due: list[bytes] = []
            while self._due and self._due[0][0] <= trio.current_time():
                due.append(self._due.popleft()[1])
            if due:
                return due
            if self._over is not None:  # and with it what it had not sent yet
                raise self._over
            with trio.move_on_at(self._due[0][0] if self._due else trio.current_time() + 3600):
                await self._news.wait()


def _rewritten(raw: bytes) -> bytes:
    message = json.loads(raw)
    if isinstance(message, dict):
        message = dict(reversed(message.items()))
    return json.dumps(message, indent=1).replace("ORDER", "\\u004fRDER").encode()
