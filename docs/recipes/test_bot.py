"""The bot is right in the end, whatever happened on the way."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest
import trio
from bot import SYMBOL, Bot, run
from client import Client
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, venues
from trio_listenkey.testing import (
    USDM,
    Exchange,
    MemoryConnector,
    MemoryTransport,
    Reset,
    ServedExchange,
)
from trio_listenkey.transports import HTTPCore2Transport

CREDENTIALS = Credentials("test-api-key", "test-api-secret")


def open_at(exchange: Exchange) -> set[int]:
    """The numbers of the orders that are open: the truth."""
    return {each.number for each in exchange.book.orders(open_only=True)}


def known_to(bot: Bot) -> set[int]:
    """The same as the bot believes it."""
    return {each.id for each in bot.orders.open()}


# In memory, where hours take no time.


async def run_at(exchange: Exchange, trade: Callable[[Bot], Awaitable[None]]) -> None:
    """Run the bot at an exchange in memory."""
    venue, transport = venues.BINANCE_USDM, MemoryTransport(exchange)

    def clock() -> float:
        return exchange.unix_time(trio.current_time())

    client = Client(venue, CREDENTIALS, transport, clock)
    connector = MemoryConnector(exchange)
    await run(venue, CREDENTIALS, client, trade, transport, connector=connector)


@pytest.mark.trio
@pytest.mark.listen_key_faults("connect@3500..4200=service_unavailable")
async def test_an_outage_of_ten_minutes(
    autojump_clock: MockClock, listen_key_exchange: Exchange
) -> None:
    """The exchange cancels the orders after a while; one was filled before that."""
    exchange = listen_key_exchange

    async def trade(bot: Bot) -> None:
        for _ in range(2):
            await bot.place("BUY", "1", "50000")
        await trio.sleep_until(3590)
        assert bot.may_trade()
        assert known_to(bot) == {1, 2}

        exchange.strike_sockets(Reset(), trio.current_time())
        exchange.book.fill(1, trio.current_time())  # nobody hears of it
        await trio.sleep(5)
        assert not bot.may_trade()
        assert open_at(exchange) == {2}
        await trio.sleep(130)
        assert open_at(exchange) == set()  # by the countdown
        assert known_to(bot) == {1, 2}  # what the bot knows is old
        await trio.sleep(600)
        assert bot.may_trade()  # the outage is over
        assert known_to(bot) == set()
        assert bot.orders.position(SYMBOL) == 1

    await run_at(exchange, trade)


@pytest.mark.trio
async def test_somebody_closes_the_key(
    autojump_clock: MockClock, listen_key_exchange: Exchange
) -> None:
    """The socket stays open and silent. A fill is known within about a minute."""
    exchange = listen_key_exchange

    async def trade(bot: Bot) -> None:
        await bot.place("BUY", "1", "50000")
        await trio.sleep(600)
        exchange.kill_key("test", trio.current_time())
        exchange.book.fill(1, trio.current_time())
        assert known_to(bot) == {1}
        await trio.sleep(65)
        assert bot.may_trade()
        assert known_to(bot) == set()

    await run_at(exchange, trade)


@pytest.mark.trio
async def test_an_event_of_another_form(
    autojump_clock: MockClock, listen_key_exchange: Exchange
) -> None:
    """What it may have said is asked for, as if it had been missed."""
    exchange = listen_key_exchange

    def times_asked() -> int:
        return sum(each.path.endswith("/openOrders") for each in exchange.log)

    async def trade(bot: Bot) -> None:
        await trio.sleep(3)
        assert times_asked() == 1  # after the first gap
        now, kind = trio.current_time(), "ORDER_TRADE_UPDATE"
        exchange.emit("test", now, kind=kind, data={"o": "filled"}, dialect=USDM)
        await trio.sleep(1)
        assert times_asked() == 2
        assert bot.may_trade()

    await run_at(exchange, trade)


@pytest.mark.trio
@pytest.mark.parametrize("is_catching_up", [False, True])
@pytest.mark.listen_key_faults("order@60..65=service_unavailable")
async def test_stopping_leaves_no_order_open(
    is_catching_up: bool, autojump_clock: MockClock, listen_key_exchange: Exchange
) -> None:
    """It is cancelled in quiet times, or while it asks after a gap."""
    exchange = listen_key_exchange

    async def trade(bot: Bot) -> None:
        for _ in range(3):
            await bot.place("BUY", "1", "50000")
        await trio.sleep_until(60)
        if is_catching_up:
            exchange.strike_sockets(Reset(), trio.current_time())
            exchange.book.fill(3, trio.current_time())
        await trio.sleep(4.9)
        assert bot.may_trade() is not is_catching_up
        await trio.sleep_forever()

    with trio.move_on_after(65) as limit:
        await run_at(exchange, trade)
    assert limit.cancelled_caught
    assert trio.current_time() < 70  # nothing was left to wait for
    assert open_at(exchange) == set()
    assert exchange.open_keys(trio.current_time()) == ()


@pytest.mark.trio
@pytest.mark.listen_key_faults("order@60..65=service_unavailable")
async def test_stopping_while_orders_cannot_be_cancelled(
    autojump_clock: MockClock, listen_key_exchange: Exchange
) -> None:
    """Then the exchange's countdown goes on, and will."""
    exchange = listen_key_exchange

    async def trade(bot: Bot) -> None:
        await bot.place("BUY", "1", "50000")
        await trio.sleep_until(60)

    await run_at(exchange, trade)
    assert open_at(exchange) == {1}
    assert [each.symbol for each in exchange.book.countdowns()] == [SYMBOL]


# On a loopback port, over real sockets and in real time: so durations are short.

QUICK = Timing(retry_base=0.05, retry_cap=0.2, ping_every=0.5, silence_check_every=0.5)


@pytest.mark.trio
@pytest.mark.listen_key_faults("connect#2*3=Reset", "keepalive#1=bad_gateway_html")
async def test_over_real_sockets(
    listen_key_exchange: Exchange, served_listen_key_exchange: ServedExchange
) -> None:
    """A socket is reset, three handshakes fail, and then somebody closes the key."""
    exchange, served = listen_key_exchange, served_listen_key_exchange

    async def becomes(bot: Bot, *numbers: int) -> None:
        with trio.fail_after(10):
            while True:
                await trio.sleep(0.01)
                if bot.may_trade() and known_to(bot) == set(numbers):
                    return

    async def trade(bot: Bot) -> None:
        await becomes(bot)
        for _ in range(2):
            await bot.place("BUY", "1", "50000")
        exchange.strike_sockets(Reset(), served.now())
        exchange.book.fill(1, served.now())
        await becomes(bot, 2)
        exchange.kill_key("test", served.now())
        exchange.book.fill(2, served.now())
        await becomes(bot)
        await bot.place("BUY", "1", "50000")

    venue = served.venue_at(venues.BINANCE_USDM)
    async with aclosing(HTTPCore2Transport()) as transport:
        client = Client(venue, CREDENTIALS, transport)
        await run(venue, CREDENTIALS, client, trade, transport, timing=QUICK)
    assert open_at(exchange) == set()
    assert exchange.open_keys(served.now()) == ()
