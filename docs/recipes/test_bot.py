"""The bot is right in the end, whatever happened on the way."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from bot import Bot, run
from desk import Desk
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, Venue
from trio_listenkey.events import usdm
from trio_listenkey.testing import (
    USDM,
    Exchange,
    MemoryConnector,
    MemoryTransport,
    Reset,
    ServedExchange,
)


def desk_at(exchange: Exchange, now: Callable[[], float] = trio.current_time) -> Desk:
    """The stand-in for order endpoints, at this exchange."""

    async def tell(fields: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        kind = "ORDER_TRADE_UPDATE"
        exchange.emit("test", now(), kind=kind, data=fields, dialect=USDM)

    return Desk(tell, lambda: int(exchange.unix_time(now()) * 1000))


# In memory, where hours take no time.


@pytest.mark.trio
@pytest.mark.listen_key_faults("connect@3500..4200=service_unavailable")
async def test_an_outage_of_ten_minutes(
    autojump_clock: MockClock,
    listen_key_exchange: Exchange,
    listen_key_transport: MemoryTransport,
    listen_key_venue: Venue[usdm.Event],
    listen_key_credentials: Credentials,
) -> None:
    """The orders are cancelled after a while, and one was filled before that."""
    exchange, desk = listen_key_exchange, desk_at(listen_key_exchange)

    async def trade(bot: Bot) -> None:
        for number in (1, 2):
            await desk.change(number, "NEW")
        await trio.sleep(3590)
        assert bot.may_trade()
        assert bot.orders.keys() == {1, 2}

        exchange.strike_sockets(Reset(), trio.current_time())
        await desk.change(1, "FILLED")  # nobody hears of it
        await trio.sleep(5)
        assert not bot.may_trade()
        assert desk.open == {2}
        await trio.sleep(10)
        assert desk.open == set()  # by the supervisor
        assert bot.orders.keys() == {1, 2}  # what the bot knows is old
        await trio.sleep(700)
        assert bot.may_trade()  # the outage is over
        assert bot.orders == {}

    await run(
        listen_key_venue,
        listen_key_credentials,
        desk,
        trade,
        transport=listen_key_transport,
        connector=MemoryConnector(exchange),
    )
    assert exchange.open_keys(trio.current_time()) == ()


@pytest.mark.trio
async def test_somebody_closes_the_key(
    autojump_clock: MockClock,
    listen_key_exchange: Exchange,
    listen_key_transport: MemoryTransport,
    listen_key_venue: Venue[usdm.Event],
    listen_key_credentials: Credentials,
) -> None:
    """The socket stays open and silent. A fill is known within about a minute."""
    exchange, desk = listen_key_exchange, desk_at(listen_key_exchange)

    async def trade(bot: Bot) -> None:
        await desk.change(1, "NEW")
        await trio.sleep(600)
        exchange.kill_key("test", trio.current_time())
        await desk.change(1, "FILLED")
        await trio.sleep(65)
        assert bot.may_trade()
        assert bot.orders == {}

    await run(
        listen_key_venue,
        listen_key_credentials,
        desk,
        trade,
        transport=listen_key_transport,
        connector=MemoryConnector(exchange),
    )


@pytest.mark.trio
async def test_an_event_of_another_form(
    autojump_clock: MockClock,
    listen_key_exchange: Exchange,
    listen_key_transport: MemoryTransport,
    listen_key_venue: Venue[usdm.Event],
    listen_key_credentials: Credentials,
) -> None:
    """What it says is fetched, as if it had been missed."""
    exchange, desk = listen_key_exchange, desk_at(listen_key_exchange)

    async def trade(bot: Bot) -> None:
        await desk.change(1, "NEW")
        await trio.sleep(1)
        now = trio.current_time()
        desk.known[1] = int(exchange.unix_time(now) * 1000), 1, "FILLED"
        exchange.emit("test", now, kind="ORDER_TRADE_UPDATE", data={"o": "filled"})
        await trio.sleep(1)
        assert bot.orders == {}

    await run(
        listen_key_venue,
        listen_key_credentials,
        desk,
        trade,
        transport=listen_key_transport,
        connector=MemoryConnector(exchange),
    )


@pytest.mark.trio
@pytest.mark.parametrize("is_catching_up", [False, True])
async def test_stopping_leaves_no_order_open(
    is_catching_up: bool,
    autojump_clock: MockClock,
    listen_key_exchange: Exchange,
    listen_key_transport: MemoryTransport,
    listen_key_venue: Venue[usdm.Event],
    listen_key_credentials: Credentials,
) -> None:
    """It is cancelled in quiet times, or while it fetches after a gap."""
    exchange, desk = listen_key_exchange, desk_at(listen_key_exchange)

    async def trade(bot: Bot) -> None:
        for number in (1, 2, 3):
            await desk.change(number, "NEW")
        await trio.sleep(60)
        if is_catching_up:
            desk.reachable = False
            exchange.strike_sockets(Reset(), trio.current_time())
            await desk.change(3, "FILLED")
            await desk.change(4, "NEW")
            await trio.sleep(5)
            desk.reachable = True
        await trio.sleep_forever()

    with trio.move_on_after(65.5) as limit:
        await run(
            listen_key_venue,
            listen_key_credentials,
            desk,
            trade,
            transport=listen_key_transport,
            connector=MemoryConnector(exchange),
        )
    assert limit.cancelled_caught
    assert desk.open == set()
    assert exchange.open_keys(trio.current_time()) == ()


# On a loopback port, over real sockets and in real time: so durations are short.

QUICK = Timing(retry_base=0.05, retry_cap=0.2, ping_every=0.5, silence_check_every=0.5)


@pytest.mark.trio
@pytest.mark.listen_key_faults("connect#2*3=Reset", "keepalive#1=bad_gateway_html")
async def test_over_real_sockets(
    listen_key_exchange: Exchange,
    served_listen_key_exchange: ServedExchange,
    listen_key_venue: Venue[usdm.Event],
    listen_key_credentials: Credentials,
) -> None:
    """A socket is reset, three handshakes fail, and then somebody closes the key."""
    exchange, served = listen_key_exchange, served_listen_key_exchange
    desk = desk_at(exchange, served.now)

    async def becomes(bot: Bot, *numbers: int) -> None:
        with trio.fail_after(10):
            while True:
                await trio.sleep(0.01)
                if bot.may_trade() and bot.orders.keys() == set(numbers):
                    return

    async def trade(bot: Bot) -> None:
        await desk.change(1, "NEW")
        await becomes(bot, 1)
        exchange.strike_sockets(Reset(), served.now())
        await desk.change(2, "NEW")
        await becomes(bot, 1, 2)
        exchange.kill_key("test", served.now())
        await desk.change(1, "FILLED")
        await becomes(bot, 2)

    venue = served.venue_at(listen_key_venue)
    await run(venue, listen_key_credentials, desk, trade, timing=QUICK)
    assert desk.open == set()
    assert exchange.open_keys(served.now()) == ()
