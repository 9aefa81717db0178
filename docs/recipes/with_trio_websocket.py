"""An account's events through trio-websocket: for one key, socket after socket."""

import logging

import trio
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    open_websocket_url,
)

from trio_listenkey import ListenKey

PING_EVERY = 20.0
CHECK_KEY_EVERY = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
EXPIRED = '"listenKeyExpired"'
SOCKET_ERRORS = (
    ConnectionClosed,
    HandshakeError,
    OSError,
    trio.BrokenResourceError,
    trio.TooSlowError,
)

log = logging.getLogger(__name__)
# At DEBUG it logs URLs, and so the listen key.
logging.getLogger("trio-websocket").setLevel(logging.INFO)


async def read_account(
    key: ListenKey, news: trio.MemorySendChannel[str | None]
) -> None:
    """Send events to ``news``, and ``None`` first and wherever some may be missing."""
    pause = FIRST_PAUSE
    while True:
        opened_at = trio.current_time()
        try:
            await read_one_socket(key, news)
        except* SOCKET_ERRORS as lost:
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
        open_websocket_url(
            url, connect_timeout=10, disconnect_timeout=1, message_queue_size=1000
        ) as socket,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ping, socket)
        nursery.start_soon(doubt, key)
        nursery.start_soon(leave_when_replaced, key, generation, nursery.cancel_scope)
        await news.send(None)
        while True:
            message = await socket.get_message()
            event = message if isinstance(message, str) else message.decode()
            if EXPIRED in event:  # ask at once which key there is, and not in a minute
                nursery.start_soon(key.check)
            await news.send(event)


async def ping(socket: WebSocketConnection) -> None:
    """Find out that the peer is dead: trio-websocket does not ping by itself."""
    while True:
        await trio.sleep(PING_EVERY)
        with trio.fail_after(PING_EVERY):
            await socket.ping()


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
