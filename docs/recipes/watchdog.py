"""Pull the orders when the stream cannot be relied upon."""

from collections.abc import Awaitable, Callable

import trio

from trio_listenkey import UserStream


async def guard(
    stream: UserStream, act: Callable[[], Awaitable[None]], *, patience: float = 10.0
) -> None:
    """Call ``act`` each time that the stream was not live for ``patience`` seconds."""
    live_at = trio.current_time()
    while True:
        await trio.sleep(patience / 10)
        if stream.statistics().is_live:
            live_at = trio.current_time()
        elif trio.current_time() - live_at >= patience:
            await act()
            live_at = trio.current_time()
