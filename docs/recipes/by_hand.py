"""What takes the news from either, and re-syncs where events may be missing."""

from collections.abc import Awaitable, Callable

import trio
from with_trio_websocket import read_account  # or from with_websockets

from trio_listenkey import Credentials, Venue, open_listen_key


async def follow(
    venue: Venue,
    credentials: Credentials,
    handle: Callable[[str], Awaitable[None]],
    resync: Callable[[], Awaitable[None]],
) -> None:
    """Keep one key and one socket after the other, until cancelled."""
    events, news = trio.open_memory_channel[str | None](10_000)
    async with (
        open_listen_key(venue, credentials) as key,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(read_account, key, events)
        async for event in news:
            await (resync() if event is None else handle(event))
