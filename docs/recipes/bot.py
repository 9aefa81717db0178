"""A bot that knows its open orders, and knows when it cannot rely on that."""

import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from client import Client

from trio_listenkey import (
    Credentials,
    DeadManSwitch,
    Gap,
    UserEvent,
    UserStream,
    Venue,
    dead_man_switch,
    open_user_stream,
)
from trio_listenkey.events import usdm
from trio_listenkey.resync import (
    BinanceQueries,
    Changes,
    OrderQueries,
    Orders,
    catch_up,
)
from trio_listenkey.transports import Transport

SYMBOL = "BTCUSDT"
CLEAN_UP_WITHIN = 10.0  # seconds
log = logging.getLogger("bot")


class Bot:
    """Places orders, and knows what became of them."""

    def __init__(
        self,
        stream: UserStream[usdm.Event],
        switch: DeadManSwitch,
        client: Client,
        queries: OrderQueries,
    ) -> None:
        self.orders = Orders()
        self._stream = stream
        self._switch = switch
        self._client = client
        self._queries = queries
        self._gap: Gap | None = None  # the latest; a stream begins with one
        self._is_caught_up = False

    def may_trade(self) -> bool:
        """Whether orders are known, a fill is heard of, and somebody minds them."""
        is_minded = self._switch.statistics().state == "holding"
        return self._is_caught_up and is_minded and self._stream.statistics().is_live

    async def place(self, side: str, quantity: str, price: str) -> None:
        """Place an order."""
        try:
            order = await self._client.place(SYMBOL, side, quantity, price)
        except OSError as error:
            # It may have been placed all the same. If so, the stream says it.
            log.warning("an order was not confirmed: %s", error)
        else:
            self.tell(self.orders.learn(order))

    async def follow(self) -> None:
        """Keep the orders up to date until cancelled."""
        async for item in self._stream:
            await self.take(item)

    async def take(self, item: UserEvent[usdm.Event] | Gap) -> None:
        """Learn from one item of the stream."""
        match item:
            case Gap():
                log.warning("events may be missing (%s)", item.cause)
                await self.catch_up(item)
            case UserEvent(type="ORDER_TRADE_UPDATE", parsed=None) if self._gap:
                log.warning("an order's event is of a form that is not known")
                await self.catch_up(self._gap)
            case _:
                self.tell(self.orders.take(item))

    async def catch_up(self, gap: Gap) -> None:
        """Ask what has changed, however long that takes. Events wait meanwhile."""
        self._gap, self._is_caught_up = gap, False
        changes = await catch_up(self.orders, gap, self._queries, symbols=[SYMBOL])
        self._is_caught_up = True
        self._switch.resynchronised(gap)
        self.tell(changes)
        log.info("caught up: %d open orders", len(self.orders.open()))

    def tell(self, changes: Changes) -> None:
        """Say what became of orders. A strategy would act on it here."""
        for change in changes.orders:
            log.info("order %d is %s", change.after.id, change.after.status)

    async def clean_up(self) -> None:
        """Cancel every open order, and read on until the stream has said so of all."""
        try:
            await self._client.cancel_all(SYMBOL)
        except OSError as error:
            log.warning("the orders were not cancelled: %s", error)
        if self._gap and not self._is_caught_up:  # it may have been cut short
            await self.catch_up(self._gap)
        while self.orders.open():
            await self.take(await self._stream.receive())


async def run(
    venue: Venue[usdm.Event],
    credentials: Credentials,
    client: Client,
    trade: Callable[[Bot], Awaitable[None]],
    transport: Transport,
    **options: Any,
) -> None:
    """Trade until ``trade`` returns or this is cancelled, and leave no order open."""
    queries = BinanceQueries(venue, credentials, transport=transport)
    async with (
        open_user_stream(venue, credentials, transport=transport, **options) as stream,
        dead_man_switch(stream, [SYMBOL], on_exit="run") as switch,
    ):
        bot = Bot(stream, switch, client, queries)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bot.follow)
                await trade(bot)
                nursery.cancel_scope.cancel("trading is over")
        finally:
            with trio.move_on_after(CLEAN_UP_WITHIN, shield=True):
                await bot.clean_up()
            if bot.orders.open():
                log.error("orders are left to the exchange's countdown")


async def stop_on_signal(scope: trio.CancelScope) -> None:
    """Cancel ``scope`` on Ctrl-C and SIGTERM; a second Ctrl-C does not wait."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            log.info("stopping")
            scope.cancel("a signal came")
            break
