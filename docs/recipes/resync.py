"""Orders, balances and positions that are right again after every gap."""

from collections.abc import Awaitable, Callable, Iterable

from trio_listenkey import Gap, UserStream
from trio_listenkey.resync import Changes, OrderQueries, Orders, catch_up

Act = Callable[[Changes], Awaitable[None]]


async def follow(
    stream: UserStream,
    orders: Orders,
    queries: OrderQueries,
    symbols: Iterable[str],
    act: Act,
) -> None:
    """Keep ``orders`` up to date until cancelled, and hand on what changes."""
    async for item in stream:
        match item:
            case Gap():
                # The first item, and whenever something may have been missed.
                changes = await catch_up(orders, item, queries, symbols=symbols)
            case _:
                changes = orders.take(item)
        if changes:
            await act(changes)
