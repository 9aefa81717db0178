"""Many streams, many moves and large messages, through the public face: nobody hammers, and nothing comes twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    Gap,
    RateLimitedError,
    Timing,
    UserEvent,
    UserStream,
    Venue,
    open_user_stream,
    venues,
)
from trio_listenkey._shell._run_context import current_context
from trio_listenkey.connectors import Connection
from trio_listenkey.testing import (
    SPOT_CLASSIC,
    USDM as DIALECT_USDM,
    Dialect,
    Exchange,
    MemoryConnector,
    MemoryTransport,
    Reset,
    event_number,
)

USDM = venues.BINANCE_USDM
CLASSIC = venues.BINANCE_SPOT_CLASSIC
"""Has ``serverShutdown``."""


def accounts(number: int, dialect: Dialect = DIALECT_USDM) -> tuple[Exchange, list[Credentials]]:
    exchange = Exchange(seed=1, dialects=[dialect])
    keys = [Credentials(f"the-api-key-of-account-{place}") for place in range(number)]
    for place, credentials in enumerate(keys):
        exchange.add_account(credentials.api_key, name=f"account-{place}")
    return exchange, keys


class Connector(MemoryConnector):
    """Notes when sockets are opened, and for whom; and has the end of each announced as soon as it is open."""

    def __init__(self, exchange: Exchange, *, announces: bool = False) -> None:
        super().__init__(exchange)
        self._shuts_down, self.announces = exchange.shut_down_sockets, announces
        self.connects: list[tuple[float, str]] = []

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        self.connects.append((trio.current_time(), url))
        async with super().connect(url) as connection:
            if self.announces:
                self._shuts_down(trio.current_time(), after=600.0)
            yield connection


async def hold(
    venue: Venue,
    exchange: Exchange,
    connector: Connector,
    keys: list[Credentials],
    streams: list[UserStream],
    nursery: trio.Nursery,
) -> None:
    """Have a stream for each account, until the nursery is cancelled."""

    async def one(credentials: Credentials) -> None:
        async with open_user_stream(
            venue, credentials, transport=transport, connector=connector, timing=Timing(jitter=0)
        ) as stream:
            streams.append(stream)
            await trio.sleep_forever()

    transport = MemoryTransport(exchange)
    for credentials in keys:
        nursery.start_soon(one, credentials)
    while len(streams) < len(keys):
        await trio.sleep(0.1)


async def test_a_hundred_that_fall_together_are_followed_one_after_the_other(autojump_clock: MockClock) -> None:
    """Neither the requests about their keys nor the handshakes come all at once; and it does not take long."""
    exchange, keys = accounts(100)
    connector, streams = Connector(exchange), list[UserStream]()
    async with trio.open_nursery() as nursery:
        await hold(USDM, exchange, connector, keys, streams, nursery)
        await trio.sleep(40)
        fell_at = trio.current_time()
        exchange.strike_sockets(Reset(), fell_at)
        await trio.sleep(15)
        assert all(stream.statistics().is_live for stream in streams)
        nursery.cancel_scope.cancel()
    requests = [entry.when for entry in exchange.log if entry.verb == "keepalive" and entry.when >= fell_at]
    handshakes = [at for at, _ in connector.connects if at >= fell_at]
    assert len(handshakes) == 100
    for times in (requests, handshakes):
        assert max(sum(at <= other < at + 0.5 for other in times) for at in times) <= 20
        assert max(sum(at <= other < at + 1.0 for other in times) for at in times) <= 25, "what docs/survival.rst says"
        assert max(times) <= fell_at + 10


async def test_announcements_on_every_new_socket_make_no_loop(autojump_clock: MockClock) -> None:
    """Twenty streams: some moves each in half a minute, at least five seconds apart, and no event is lost by them."""
    exchange, keys = accounts(20, SPOT_CLASSIC)
    connector, streams = Connector(exchange), list[UserStream]()
    async with trio.open_nursery() as nursery:
        await hold(CLASSIC, exchange, connector, keys, streams, nursery)
        await trio.sleep(100)
        connector.announces = True
        began = trio.current_time()
        exchange.shut_down_sockets(began, after=600.0)
        await trio.sleep(30)
        nursery.cancel_scope.cancel()
    moves = [(at, url) for at, url in connector.connects if at >= began]
    assert 20 <= len(moves) <= 100
    for url in {url for _, url in moves}:
        times = [at for at, each in moves if each == url]
        assert min(later - earlier for earlier, later in pairwise(times)) >= 5, [at - began for at in times]


async def test_our_own_limit_is_told_as_that(autojump_clock: MockClock) -> None:
    """The error says so, and when it goes on; statistics of one that waits say it, too."""
    exchange, (alice, bob) = accounts(2)
    connector, transport = Connector(exchange), MemoryTransport(exchange)
    async with open_user_stream(USDM, alice, transport=transport, connector=connector) as stream:
        limiter = current_context().connect_limiter(USDM, connector, exchange)
        for _ in range(239):
            limiter.record_attempt(current_context().clock.now())
        with pytest.raises(RateLimitedError, match="own") as caught:
            async with open_user_stream(USDM, bob, transport=transport, connector=connector):
                raise AssertionError
        assert 299 <= caught.value.retry_after <= 300
        assert "reachable" not in str(caught.value)
        await trio.sleep(40)
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(1)
        statistics = stream.statistics()
        assert (statistics.waits_for, statistics.is_live) == ("own_limit", False)
        assert statistics.next_connect_at is not None
        assert 255 < statistics.next_connect_at - trio.current_time() < 265
        await trio.sleep(270)
        assert stream.statistics().is_live


async def test_the_buffer_is_bounded_in_bytes(autojump_clock: MockClock) -> None:
    """However few events these are."""
    exchange, (alice,) = accounts(1)
    async with open_user_stream(
        USDM,
        alice,
        transport=MemoryTransport(exchange),
        connector=Connector(exchange),
        buffer_bytes=3_000,
        on_full="drop_oldest",
    ) as stream:
        await stream.receive()
        exchange.emit("account-0", trio.current_time(), count=50)
        await trio.sleep(1)
        gap, *events = await stream.receive_batch()
    assert isinstance(gap, Gap)
    assert gap.cause == "overflow"
    assert gap.missed == 50 - len(events)
    raws = [event.raw for event in events if isinstance(event, UserEvent)]
    assert 1 < len(raws) == len(events)
    assert sum(map(len, raws)) <= 3_000 < sum(map(len, raws)) + len(raws[0])


class Gateways(MemoryConnector):
    """Every other gateway writes events in a way of its own."""

    connects = 0

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        self.connects += 1
        async with super().connect(url) as connection:
            yield Gateway(connection) if self.connects % 2 else connection


class Gateway:
    """Members in another order, spaces, escapes."""

    def __init__(self, inner: Connection) -> None:
        self.send, self.ping, self._receive = inner.send, inner.ping, inner.receive

    async def receive(self) -> Sequence[bytes]:
        return [self._written(json.loads(raw)) for raw in await self._receive()]

    def _written(self, event: dict[str, object]) -> bytes:
        return json.dumps(dict(reversed(event.items())), indent=1).replace("ORDER", "\\u004fRDER").encode()


async def test_however_gateways_write_an_event_it_comes_once(autojump_clock: MockClock) -> None:
    """Five moves from one kind of gateway to the other, with ten events a second: none twice, none lost (S1, S3)."""
    exchange, (alice,) = accounts(1)
    timing = Timing(socket_lifetime=20, ping_every=3)
    numbers: list[int] = []
    async with open_user_stream(
        USDM, alice, transport=MemoryTransport(exchange), connector=Gateways(exchange), timing=timing
    ) as stream:
        await stream.receive()
        for _ in range(1100):
            exchange.emit("account-0", trio.current_time())
            await trio.sleep(0.1)
        await trio.sleep(2)
        for item in await stream.receive_batch():
            assert isinstance(item, UserEvent)
            numbers.append(event_number(item.data))
        statistics = stream.statistics()
    assert numbers == list(range(1, 1101))
    assert statistics.moves >= 5
    assert statistics.duplicates > 50
