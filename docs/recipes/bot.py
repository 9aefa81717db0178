"""A bot that keeps its open orders in a dict, and knows when it cannot rely on that."""

import logging
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from trio_listenkey import (
    Credentials,
    Gap,
    UserEvent,
    UserStream,
    Venue,
    open_user_stream,
)
from trio_listenkey.events import usdm

OPEN = {"NEW", "PARTIALLY_FILLED"}
CLOCKS_DIFFER_BY = 5_000  # milliseconds that this machine's clock may be off by
WEEK = 7 * 86_400_000  # milliseconds: what Binance's allOrders answers at most
CLEAN_UP_WITHIN = 10.0  # seconds
log = logging.getLogger("bot")


class Client(Protocol):
    """Your client for orders. Both raise OSError if there is no answer."""

    async def fetch(self, since: int) -> list[tuple[int, int, str]]:
        """Each order that is open, or has changed since: when, its id, its status."""
        ...

    async def cancel(self, order_id: int) -> None:
        """Cancel an order; that it is cancelled is for the stream to say."""
        ...


class Bot:
    """Knows the account's open orders."""

    def __init__(self, stream: UserStream[usdm.Event], client: Client) -> None:
        self.orders: dict[int, str] = {}  # the status of each, by its id
        self._stream = stream
        self._client = client
        self._changed_at: dict[int, int] = {}
        # Since when changes may be missing, in milliseconds; None if none are. The
        # stream begins with a gap: before that, everything may.
        self._missing_since: int | None = 0

    def may_trade(self) -> bool:
        """Whether the orders are known, and a fill would be heard of."""
        return self._missing_since is None and self._stream.statistics().is_live

    async def follow(self) -> None:
        """Keep the orders up to date until cancelled."""
        async for item in self._stream:
            await self.take(item)

    async def take(self, item: UserEvent[usdm.Event] | Gap) -> None:
        """Learn from one item of the stream."""
        match item:
            case Gap():
                own_clock = int(item.unix_started_at * 1000) - CLOCKS_DIFFER_BY
                earliest = int(time.time() * 1000) - WEEK
                log.warning("events may be missing (%s)", item.cause)
                await self.miss(item.last_event_time or max(own_clock, earliest))
            case UserEvent(parsed=usdm.OrderTradeUpdate(order=order)):
                self.learn(order.trade_time, order.order_id, order.status)
                log.info("order %d is %s", order.order_id, order.status)
            case UserEvent(type="ORDER_TRADE_UPDATE"):
                log.warning("an order's event is of a form that is not known")
                now = item.time or int(time.time() * 1000)
                await self.miss(now - CLOCKS_DIFFER_BY)
            case _:
                pass  # of no interest here

    async def miss(self, since: int) -> None:
        """Fetch what has changed since."""
        self._missing_since = min(since, self._missing_since or since)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Fetch what is missing, however long that takes. Events wait meanwhile."""
        pause = 1.0
        while self._missing_since is not None:
            try:
                changed = await self._client.fetch(self._missing_since)
            except OSError:
                await trio.sleep(pause)
                pause = min(2 * pause, 30.0)
            else:
                for order in changed:
                    self.learn(*order)
                self._missing_since = None
                log.info("caught up: %d open orders", len(self.orders))

    def learn(self, changed_at: int, order_id: int, status: str) -> None:
        """Take this for an order's status unless something newer is known of it."""
        if changed_at < self._changed_at.get(order_id, 0):
            return
        self._changed_at[order_id] = changed_at
        if status in OPEN:
            self.orders[order_id] = status
        else:
            self.orders.pop(order_id, None)

    async def cancel_all(self) -> None:
        """Ask for the end of every open order."""
        for order_id in list(self.orders):
            try:
                await self._client.cancel(order_id)
            except OSError as error:
                log.warning("order %d was not cancelled: %s", order_id, error)

    async def clean_up(self) -> None:
        """Cancel every open order, and read on until the stream has said so of all."""
        await self.cancel_all()
        if self._missing_since is not None:  # catching up may have been cut short
            await self.catch_up()
            await self.cancel_all()
        while self.orders:
            await self.take(await self._stream.receive())


async def supervise(bot: Bot, *, patience: float = 10.0) -> None:
    """Cancel the orders whenever the bot was deaf for so long: nobody minds them."""
    fine_at = trio.current_time()
    while True:
        await trio.sleep(patience / 10)
        if bot.may_trade():
            fine_at = trio.current_time()
        elif trio.current_time() - fine_at >= patience:
            log.error("deaf for %g s: the orders are cancelled", patience)
            await bot.cancel_all()
            fine_at = trio.current_time()


async def run(
    venue: Venue[usdm.Event],
    credentials: Credentials,
    client: Client,
    trade: Callable[[Bot], Awaitable[None]],
    **options: Any,
) -> None:
    """Trade until ``trade`` returns or this is cancelled, and leave no order open."""
    async with open_user_stream(venue, credentials, **options) as stream:
        bot = Bot(stream, client)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bot.follow)
                nursery.start_soon(supervise, bot)
                await trade(bot)
                nursery.cancel_scope.cancel("trading is over")
        finally:
            with trio.move_on_after(CLEAN_UP_WITHIN, shield=True):
                await bot.clean_up()
            if bot.orders:
                log.error("orders left open: %s", sorted(bot.orders))


async def stop_on_signal(scope: trio.CancelScope) -> None:
    """Cancel ``scope`` on Ctrl-C and SIGTERM; a second Ctrl-C does not wait."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            log.info("stopping")
            scope.cancel("a signal came")
            break
