"""A bot loses its socket, its orders are filled in the gap, and it is right again: in memory and on sockets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, Timing, UserStream, open_user_stream, venues
from trio_listenkey.resync import BinanceQueries, Changes, Orders, catch_up
from trio_listenkey.testing import (
    COINM,
    SPOT,
    USDM,
    Dialect,
    Exchange,
    Fault,
    MemoryConnector,
    MemoryTransport,
    PastOrdersRule,
    Reset,
    Status,
    serve_exchange,
)

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")
MARKETS = [
    pytest.param(venues.BINANCE_USDM, USDM, "BTCUSDT", id="usdm"),
    pytest.param(venues.BINANCE_COINM, COINM, "BTCUSD_PERP", id="coinm"),
    pytest.param(venues.BINANCE_SPOT, SPOT, "BTCUSDT", id="spot"),
]
QUICK = Timing(request_timeout=5, retry_base=0.05, retry_cap=0.2, ping_every=0.5, silence_check_every=0.5, feed_lag=0)


def an_exchange(**kwargs: Any) -> Exchange:
    exchange = Exchange(seed=1, **kwargs)
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    return exchange


@dataclass
class Bot:
    """Follows its orders, as the pages recommend."""

    queries: BinanceQueries
    symbol: str
    orders: Orders = field(default_factory=Orders)
    caught_up: list[Changes] = field(default_factory=list)

    async def follow(self, stream: UserStream) -> None:
        async for item in stream:
            if isinstance(item, Gap):
                self.caught_up.append(await catch_up(self.orders, item, self.queries, symbols=[self.symbol]))
            else:
                self.orders.take(item)


@dataclass
class Story:
    """What happens at the exchange, and what the bot makes of it."""

    exchange: Exchange
    dialect: Dialect
    bot: Bot
    now: Callable[[], float]

    def place(self, price: int = 50_000, quantity: int = 4) -> int:
        symbol = self.bot.symbol
        placed = self.exchange.book.place(
            "alice", symbol, "BUY", quantity, self.now(), price=price, dialect=self.dialect
        )
        return placed.number

    def is_right(self) -> bool:
        """Whether the bot knows what the exchange knows: each order, each balance, each position."""
        book, orders, symbol = self.exchange.book, self.bot.orders, self.bot.symbol
        truth = {each.number: (each.status, each.filled, _cut(each.average)) for each in book.orders("alice")}
        known = {number: orders.get(symbol, number) for number in truth}
        believed = {n: (each.status, each.executed, _cut(each.average_price)) for n, each in known.items() if each}
        owned = {asset: book.balance("alice", asset, dialect=self.dialect) for asset in ("USDT", "BTC")}
        held = {each.asset: (each.amount, each.locked) for each in orders.balances()}
        amount = Decimal(0)
        if self.dialect is not SPOT:
            amount, _ = book.position("alice", symbol, dialect=self.dialect)
        owned = {asset: (_cut(free), _cut(locked)) for asset, (free, locked) in owned.items() if free or locked}
        return believed == truth and owned == held and orders.position(symbol) == amount

    async def until_right(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            while not self.is_right():
                await trio.sleep(0.01)
        assert self.is_right(), (self.bot.orders.open(), self.exchange.book.orders("alice"))

    async def run(self, wait: Callable[[], Awaitable[None]]) -> None:
        """The whole of it."""
        book = self.exchange.book
        for asset in ("USDT", "BTC"):
            book.deposit("alice", asset, 1_000_000, self.now(), dialect=self.dialect)
        await wait()
        assert len(self.bot.caught_up) == 1  # a stream begins with a gap
        stays, is_filled, is_cancelled = self.place(), self.place(), self.place()
        await wait()
        assert len(self.bot.orders.open()) == 3
        # No socket can be had for a while, and things happen.
        self.exchange.add_faults(Fault(verb="connect", effect=Status(503), count=2))
        gaps = len(self.bot.caught_up)
        self.exchange.strike_sockets(Reset(), self.now())
        book.fill(stays, self.now(), quantity=1)
        book.fill(is_filled, self.now(), price=49_000)
        book.cancel(is_cancelled, self.now())
        lived_and_died = self.place()
        book.fill(lived_and_died, self.now(), quantity=2)
        book.cancel(lived_and_died, self.now())
        is_new = self.place()
        with trio.fail_after(30):
            while len(self.bot.caught_up) == gaps:
                await trio.sleep(0.01)
        await wait()
        assert [each.id for each in self.bot.orders.open()] == [stays, is_new]
        changed = {change.after.id: change.after.status for change in self.bot.caught_up[-1].orders}
        assert changed == {
            stays: "PARTIALLY_FILLED",
            is_filled: "FILLED",
            is_cancelled: "CANCELED",
            lived_and_died: "CANCELED",
            is_new: "NEW",
        }
        book.fill(stays, self.now())
        await wait()
        assert [each.id for each in self.bot.orders.open()] == [is_new]


@pytest.mark.parametrize(
    "reading", [PastOrdersRule(), PastOrdersRule(times="updated", keeps="earliest")], ids=["one", "other"]
)
@pytest.mark.parametrize(("venue", "dialect", "symbol"), MARKETS)
async def test_in_memory(
    venue: Any, dialect: Dialect, symbol: str, reading: PastOrdersRule, autojump_clock: MockClock
) -> None:
    """In virtual time, under both readings of what the documents leave open, and with pages that are cut."""
    exchange = an_exchange(epoch=time.time() - trio.current_time())
    exchange.book.past_orders = reading
    transport = MemoryTransport(exchange)
    queries = BinanceQueries(venue, ALICE, transport=transport)
    queries.page = 4
    story = Story(exchange, dialect, Bot(queries, symbol), trio.current_time)

    async def wait() -> None:
        await trio.sleep(1.0)
        await story.until_right(60)

    await trio.sleep(1)
    async with (
        open_user_stream(venue, ALICE, transport=transport, connector=MemoryConnector(exchange)) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(story.bot.follow, stream)
        await story.run(wait)
        nursery.cancel_scope.cancel()
    assert exchange.requests_during_bans == 0


async def test_over_real_sockets() -> None:
    """The same once with HTTP and WebSockets on loopback, by the transport that is used where none is said."""
    exchange = an_exchange()
    async with serve_exchange(exchange) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        bot = Bot(BinanceQueries(venue, ALICE), "BTCUSDT")
        story = Story(exchange, USDM, bot, served.now)

        async def wait() -> None:
            await trio.sleep(0.05)
            await story.until_right(30)

        async with open_user_stream(venue, ALICE, timing=QUICK) as stream, trio.open_nursery() as nursery:
            nursery.start_soon(bot.follow, stream)
            await story.run(wait)
            nursery.cancel_scope.cancel()


def _cut(number: Decimal) -> Decimal:
    """As many digits as an exchange sends."""
    return round(number, 8)
