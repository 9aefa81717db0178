"""What a program sees of an event that its stream delivers: a struct of its venue's, or nothing and a count of that."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import trio
from trio.testing import MockClock

from trio_listenkey import AnyVenue, Credentials, StreamStatistics, UserEvent, open_user_stream, venues
from trio_listenkey.events import coinm, spot, usdm
from trio_listenkey.testing import BINGX, COINM, SPOT, USDM, Dialect, Exchange, MemoryConnector, MemoryTransport

ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")


async def events_of(
    venue: AnyVenue, dialect: Dialect, *emitted: tuple[str, Mapping[str, Any] | None], asked: int = 1
) -> tuple[list[Any], StreamStatistics]:
    """What is parsed of the events that happen on a stream, asked for so many times, and the stream's statistics."""
    exchange = Exchange(seed=1, dialects=[dialect], epoch=time.time() - trio.current_time())
    exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    async with open_user_stream(venue, ALICE, transport=transport, connector=connector) as stream:
        for kind, data in emitted:
            exchange.emit("alice", trio.current_time(), kind=kind, data=data)
        found: list[Any] = []
        async for item in stream:
            if isinstance(item, UserEvent):
                found += [item.parsed for _ in range(asked)]
            if len(found) == len(emitted) * asked:
                break
        return found, stream.statistics()


async def test_events_are_what_their_venue_says(autojump_clock: MockClock) -> None:
    """In order, and none of them is counted as unread."""
    found, statistics = await events_of(
        venues.BINANCE_USDM, USDM, ("ORDER_TRADE_UPDATE", None), ("ACCOUNT_UPDATE", None)
    )
    match found:
        case [usdm.OrderTradeUpdate(order=order), usdm.AccountUpdate(update_data=update)]:
            assert (order.client_order_id, order.status) == ("n-1", "FILLED")
            assert (update.reason, update.positions[0].symbol) == ("ORDER", "BTCUSDT")
        case _:
            raise AssertionError(found)
    assert statistics.unparsed == 0


async def test_events_of_a_subscription_are_read_out_of_their_envelope(autojump_clock: MockClock) -> None:
    """As those of Binance spot are; and with decimals, if that was asked for."""
    venue = venues.BINANCE_SPOT.with_events(spot.DECIMALS)
    found, statistics = await events_of(venue, SPOT, ("executionReport", None), ("balanceUpdate", None))
    match found:
        case [spot.ExecutionReport(last_executed_price=price), spot.BalanceUpdate(balance_delta=delta)]:
            assert (price, delta) == (Decimal(60000), Decimal(2))
        case _:
            raise AssertionError(found)
    assert statistics.unparsed == 0


async def test_what_is_not_known_is_counted_and_does_no_harm(autojump_clock: MockClock) -> None:
    """An event that is new, and one of which a price is no text: once each, however often they are asked for."""
    spoiled = {"o": {"s": "BTCUSD_PERP", "p": 60000}}
    found, statistics = await events_of(
        venues.BINANCE_COINM,
        COINM,
        ("NEW_EVENT", {"a": 1}),
        ("ORDER_TRADE_UPDATE", spoiled),
        ("ORDER_TRADE_UPDATE", None),
        asked=2,
    )
    assert found[:4] == [None] * 4
    assert isinstance(found[4], coinm.OrderTradeUpdate)
    assert found[4] is found[5]
    assert statistics.unparsed == 2


async def test_a_venue_without_types_has_nothing_to_count(autojump_clock: MockClock) -> None:
    """Its events are in ``data`` alone."""
    found, statistics = await events_of(venues.BINGX, BINGX, ("ORDER_TRADE_UPDATE", None))
    assert (found, statistics.unparsed, statistics.events) == ([None], 0, 1)
