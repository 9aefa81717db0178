"""Two sockets of an account may be served by two gateways, one behind the other: nothing is lost untold, or doubled."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, Timing, UserEvent, UserStream, open_user_stream, venues
from trio_listenkey.connectors import Connection, SocketError
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport, Reset, event_number

ALICE = Credentials("the-api-key-of-alice")
RATE = 200  # events a second
LIFETIME = 5.0


class Gateway:
    """A connection whose feed of events is behind by ``lag``, and begins ``late``; its pongs are neither.

    Args:
        inner: The connection to the exchange.
        lag: Seconds.
        late: Seconds after the handshake.
        recent: What all gateways have had lately, with the time: one that is behind sends what was before its own
            handshake.
    """

    def __init__(self, inner: Connection, lag: float, late: float, recent: deque[tuple[float, bytes]]) -> None:
        self.send, self.ping, self._inner = inner.send, inner.ping, inner
        self._lag, self._recent = lag, recent
        now = trio.current_time()
        self._begins_at = now + late
        self._feed = deque((at + lag, raw) for at, raw in recent if at + lag > self._begins_at)
        self._over: SocketError | None = None
        self._news = trio.Event()

    async def pump(self) -> None:
        while self._over is None:
            try:
                batch = await self._inner.receive()
            except SocketError as error:
                self._over, batch = error, []
            now = trio.current_time()
            for raw in batch:
                if not self._recent or self._recent[-1][1] != raw:
                    self._recent.append((now, raw))
                if now + self._lag >= self._begins_at:
                    self._feed.append((now + self._lag, raw))
            while self._recent and self._recent[0][0] < now - 2:
                self._recent.popleft()
            self._news.set()
            self._news = trio.Event()

    async def receive(self) -> Sequence[bytes]:
        await trio.lowlevel.checkpoint()
        while True:
            due: list[bytes] = []
            while self._feed and self._feed[0][0] <= trio.current_time():
                due.append(self._feed.popleft()[1])
            if due:
                return due
            if self._over is not None:  # and with it what it had not sent yet
                raise SocketError(str(self._over))
            with trio.move_on_at(self._feed[0][0] if self._feed else trio.current_time() + 3600):
                await self._news.wait()


class Gateways(MemoryConnector):
    """One after the other, each as far behind as it is said."""

    def __init__(self, exchange: Exchange, lags: Sequence[float], late: float) -> None:
        super().__init__(exchange)
        self._lags, self._late = cycle(lags), late
        self._recent: deque[tuple[float, bytes]] = deque()

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        async with super().connect(url) as inner, trio.open_nursery() as nursery:
            gateway = Gateway(inner, next(self._lags), self._late, self._recent)
            nursery.start_soon(gateway.pump)
            yield gateway
            nursery.cancel_scope.cancel()


def books_balance(items: Sequence[UserEvent[Any] | Gap], emitted: list[float]) -> tuple[int, int]:
    """Each event once, in order, or within a gap that was told in its place; how many are missing, and gaps."""
    last, missing, told, gaps = 0, 0, list[Gap](), 0
    for item in items:
        if isinstance(item, Gap):
            told.append(item)
            gaps += 1
            continue
        number = event_number(item.data)
        assert number > last, "twice, or out of order"
        for lost in range(last + 1, number):
            when = emitted[lost - 1]
            assert any(gap.started_at <= when <= gap.ended_at for gap in told), f"{lost} is missing, and not told"
            missing += 1
        told, last = [], number
    assert last == len(emitted)
    return missing, gaps


async def play(
    exchange: Exchange, connector: Gateways, seconds: float, *resets_at: float
) -> tuple[UserStream[Any], int, int]:
    emitted: list[float] = []
    timing = Timing(socket_lifetime=LIFETIME, ping_every=3)
    resets = deque(resets_at)
    async with open_user_stream(
        venues.BINANCE_USDM,
        ALICE,
        transport=MemoryTransport(exchange),
        connector=connector,
        timing=timing,
        buffer=100_000,
    ) as stream:
        await trio.sleep(1.5)  # what the first one has missed is in the gap that the stream begins with
        begins_at = trio.current_time()
        for step in range(int(seconds * RATE)):
            if resets and trio.current_time() - begins_at >= resets[0]:
                resets.popleft()
                exchange.strike_sockets(Reset(), trio.current_time())
            exchange.emit("alice", trio.current_time())
            emitted.append(trio.current_time())
            await trio.sleep_until(begins_at + (step + 1) / RATE)
        await trio.sleep(3)
        exchange.emit("alice", trio.current_time())
        emitted.append(trio.current_time())
        await trio.sleep(2)
        items = await stream.receive_batch()
    return stream, *books_balance(items, emitted)


def an_exchange() -> Exchange:
    exchange = Exchange(seed=1, log_size=100)
    exchange.add_account(ALICE.api_key, name="alice")
    return exchange


@pytest.mark.parametrize(
    ("lags", "late"),
    [((0.0, 0.01), 0.0), ((0.0, 0.1), 0.01), ((0.0, 1.0), 0.0), ((1.0, 0.0, 0.3), 0.0)],
    ids=["10 ms", "100 ms, and late", "a second", "from far behind"],
)
async def test_moves_lose_nothing_and_double_nothing(
    lags: tuple[float, ...], late: float, autojump_clock: MockClock
) -> None:
    """Five of them, at 200 events a second, and gateways that differ by up to ``feed_lag`` (S1, S3)."""
    exchange = an_exchange()
    stream, missing, gaps = await play(exchange, Gateways(exchange, lags, late), 26)
    statistics = stream.statistics()
    assert statistics.moves >= 5
    assert (missing, gaps) == (0, 1), "the one that the stream begins with"


@pytest.mark.parametrize("lags", [(0.0, 1.0), (1.0, 0.0)], ids=["falls back", "gets ahead"])
async def test_drops_double_nothing_and_tell_what_they_lose(lags: tuple[float, ...], autojump_clock: MockClock) -> None:
    """The next gateway is a second behind the one that was lost, or ahead of it (S1, S2, S10)."""
    exchange = an_exchange()
    stream, missing, gaps = await play(exchange, Gateways(exchange, lags, 0.0), 14, 2.0, 6.0, 10.0)
    assert stream.statistics().disconnects >= 3
    assert gaps >= 4
    assert missing < 3 * 2 * RATE
