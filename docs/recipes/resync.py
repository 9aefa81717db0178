"""A book of orders that is right again after every gap."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from trio_listenkey import Gap, UserEvent, UserStream

Order = dict[str, Any]
WEEK = 7 * 86_400_000  # milliseconds: what Binance's allOrders answers at most
CLOCKS_DIFFER_BY = (
    5_000  # milliseconds that this machine's clock may be off by, at most
)


class Orders:
    """The newest word on every order, whether an event or a query brought it."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[int, Order]] = {}

    def learn(self, number: int, changed_at: int, order: Order) -> None:
        """Take ``order`` unless something newer is known."""
        if number not in self.known or self.known[number][0] <= changed_at:
            self.known[number] = changed_at, order


# Returns each order that is open, or has changed since a time (milliseconds): its
# number, when it changed, and itself in the shape of events. At Binance it asks for
# openOrders, and for allOrders with startTime.
Fetch = Callable[[int], Awaitable[list[tuple[int, int, Order]]]]


async def follow(stream: UserStream, orders: Orders, fetch: Fetch) -> None:
    """Keep ``orders`` up to date until cancelled."""
    async for item in stream:
        match item:
            case Gap():
                own_clock = int(item.unix_started_at * 1000) - CLOCKS_DIFFER_BY
                earliest = int(time.time() * 1000) - WEEK
                since = item.last_event_time or max(own_clock, earliest)
                await catch_up(orders, fetch, since=since)
            case UserEvent(type="ORDER_TRADE_UPDATE"):
                event = item.data
                orders.learn(event["o"]["i"], event["T"], event["o"])
            case _:
                pass  # of no interest here


async def catch_up(orders: Orders, fetch: Fetch, *, since: int) -> None:
    """Fetch until it works. Events wait in the stream's buffer meanwhile."""
    pause = 1.0
    while True:
        try:
            changed = await fetch(since)
            break
        except OSError:  # whatever your client raises when it has no answer
            await trio.sleep(pause)
            pause = min(2 * pause, 30.0)
    for number, changed_at, order in changed:
        orders.learn(number, changed_at, order)
