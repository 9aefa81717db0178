"""Without extras: a key over HTTP and its events over a WebSocket, and no library that an extra would bring."""

from __future__ import annotations

from importlib.util import find_spec

import trio
from loopback import KEY, an_exchange, asked

from trio_listenkey import Credentials, Gap, UserEvent, open_listen_key, open_user_stream

OTHERS = {"anyio", "asks", "click", "python_socks", "rich", "trio_websocket", "trustme", "wsproto"}


async def main() -> None:
    credentials = Credentials("the-api-key-of-alice")
    async with an_exchange() as venue:
        async with open_listen_key(venue, credentials) as key:
            assert key.value == KEY
        assert asked == ["POST", "DELETE"]
        async with open_user_stream(venue, credentials) as stream:
            assert isinstance(await stream.receive(), Gap)  # as each stream begins
            item = await stream.receive()
            assert isinstance(item, UserEvent)
            assert (item.type, item.time) == ("executionReport", 1)
        assert asked == ["POST", "DELETE"] * 2


assert [name for name in OTHERS if find_spec(name) is not None] == []
trio.run(main)
