"""Our own lateness is no verdict on a peer: what lies in the socket's buffer is read first (S4)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from stream_watch import begin
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, UserEvent, open_user_stream, venues
from trio_listenkey.connectors import Connection, Connector, WebSocketConnector
from trio_listenkey.testing import Exchange, HalfOpen, MemoryConnector, MemoryTransport, ServedExchange, serve_exchange

ALICE = Credentials("the-api-key-of-alice")
EVENTS = 50
QUICK = Timing(ping_every=0.5, jitter=0)


def compute(seconds: float) -> None:
    """What a program does that lets nobody else run; one that is stopped and continued looks the same."""
    time.sleep(seconds)


class Busy:
    """A connector in whose program something computes while a ping is under way."""

    def __init__(self, inner: Connector, served: ServedExchange, *, pings: int) -> None:
        self._inner, self._served, self._pings = inner, served, pings
        self.connects = 0

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        self.connects += 1
        async with self._inner.connect(url) as connection:
            self._connection = connection
            yield self

    async def receive(self) -> Sequence[bytes]:
        return await self._connection.receive()

    async def send(self, message: str) -> None:
        await self._connection.send(message)

    async def ping(self) -> None:
        if not self._pings:
            return await self._connection.ping()
        self._pings -= 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._connection.ping)
            await trio.lowlevel.checkpoint()  # it is sent
            await trio.lowlevel.checkpoint()  # and that is known
            self._served.exchange.emit("alice", self._served.now(), count=EVENTS)
            compute(1.3)
        return None


@pytest.mark.parametrize("pings", [1, 3])
async def test_a_program_that_computes_loses_nothing(pings: int) -> None:
    """It is away for longer than a ping may take, again and again: the answers and the events are read, and no gap."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    async with serve_exchange(exchange) as served:
        connector = Busy(WebSocketConnector(), served, pings=pings)
        venue = served.venue_at(venues.BINANCE_USDM)
        async with open_user_stream(venue, ALICE, connector=connector, timing=QUICK) as stream:
            await begin(stream)
            items: list[object] = []
            with trio.fail_after(20):
                while len(items) < pings * EVENTS:
                    items += await stream.receive_batch()
            await trio.sleep(1)
            assert all(isinstance(item, UserEvent) for item in items)
            statistics = stream.statistics()
            assert statistics.is_live
        assert (connector.connects, statistics.disconnects, statistics.gaps) == (1, 0, 1)


async def test_a_dead_peer_is_noticed_all_the_same(autojump_clock: MockClock) -> None:
    """Within two ping intervals."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    async with open_user_stream(
        venues.BINANCE_USDM,
        ALICE,
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        timing=Timing(jitter=0),
    ) as stream:
        await trio.sleep(30)
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        await trio.sleep(30.1)  # the next ping is due at 40
        assert stream.statistics().disconnects == 1
