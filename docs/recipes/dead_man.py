"""Orders that the exchange cancels when nobody hears what becomes of them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

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


async def listen(
    stream: UserStream,
    switch: DeadManSwitch,
    resync: Callable[[Gap], Awaitable[None]],
    handle: Callable[[UserEvent], Awaitable[None]],
) -> None:
    """Take what comes; and only when the state is right again, say so."""
    async for item in stream:
        match item:
            case Gap():
                await resync(item)
                switch.resynchronised(item)
            case UserEvent():
                await handle(item)


async def trade_safely(
    venue: Venue,
    credentials: Credentials,
    symbols: Sequence[str],
    resync: Callable[[Gap], Awaitable[None]],
    handle: Callable[[UserEvent], Awaitable[None]],
    trade: Callable[[DeadManSwitch], Awaitable[None]],
    **options: Any,
) -> None:
    """Trade until ``trade`` returns. Whatever happens, no order is left unminded."""
    async with (
        open_user_stream(venue, credentials) as stream,
        dead_man_switch(stream, symbols, **options) as switch,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(listen, stream, switch, resync, handle)
        await trade(switch)
        nursery.cancel_scope.cancel("trading is over")


def may_trade(switch: DeadManSwitch) -> bool:
    """Whether a new order would be minded."""
    return switch.statistics().state == "holding" and switch.stream.statistics().is_live
