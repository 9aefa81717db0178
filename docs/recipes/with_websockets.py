"""An account's events through websockets.trio: for one key, socket after socket."""

import logging

import trio
from websockets.exceptions import WebSocketException
from websockets.trio.client import connect

from trio_listenkey import ListenKey

PING_EVERY = 20.0
CHECK_KEY_EVERY = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
EXPIRED = '"listenKeyExpired"'

log = logging.getLogger(__name__)
# At DEBUG it logs URLs, and so the listen key.
logging.getLogger("websockets").setLevel(logging.INFO)


async def read_account(
    key: ListenKey, news: trio.MemorySendChannel[str | None]
) -> None:
    """Send events to ``news``, and ``None`` first and wherever some may be missing."""
    pause = FIRST_PAUSE
    while True:
        opened_at = trio.current_time()
        try:
            await read_one_socket(key, news)
        except* (WebSocketException, OSError, trio.BrokenResourceError) as lost:
            log.warning(
                "socket lost: %s", [type(each).__name__ for each in lost.exceptions]
            )
        else:
            continue  # there is another key: at once
        if trio.current_time() - opened_at > LONGEST_PAUSE:
            pause = FIRST_PAUSE
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        # A key that died meanwhile would open a socket that stays silent.
        with trio.move_on_after(5):
            await key.check()


async def read_one_socket(
    key: ListenKey, news: trio.MemorySendChannel[str | None]
) -> None:
    """Read until there is another key; what ends the socket is raised, in a group."""
    # No await in between: they belong together.
    generation, url = key.generation, key.stream_url
    async with (
        connect(
            url,
            ping_interval=PING_EVERY,
            ping_timeout=PING_EVERY,
            open_timeout=10,
            close_timeout=1,
            max_queue=1000,
            compression=None,
            proxy=None,  # True would take what the environment says
        ) as socket,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(doubt, key)
        nursery.start_soon(leave_when_replaced, key, generation, nursery.cancel_scope)
        await news.send(None)
        # Not "async for", which ends without a word when the exchange says goodbye.
        while True:
            message = await socket.recv()
            event = message if isinstance(message, str) else message.decode()
            if EXPIRED in event:  # ask at once which key there is, and not in a minute
                nursery.start_soon(key.check)
            await news.send(event)


async def doubt(key: ListenKey) -> None:
    """Find out that someone else closed the key. One request each time."""
    while True:
        await trio.sleep(CHECK_KEY_EVERY)
        await key.check()


async def leave_when_replaced(
    key: ListenKey, known: int, socket: trio.CancelScope
) -> None:
    """End the socket of a key that is dead."""
    await key.wait_replaced(known)
    socket.cancel("the listen key was replaced")
