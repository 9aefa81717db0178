"""The extra ``trio-websocket``: events that trio-websocket sends, and receives."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import trio
from loopback import KEY, serve_keys
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from trio_listenkey import Credentials, Gap, UserEvent, open_user_stream, venues
from trio_listenkey.connectors import TrioWebSocketConnector


async def send_one_event(request: WebSocketRequest) -> None:
    assert request.path == f"/ws/{KEY}"
    socket = await request.accept()
    await socket.send_message('{"e": "executionReport", "E": 1}')
    with suppress(ConnectionClosed):
        await socket.get_message()


async def main() -> None:
    async with serve_keys() as url, trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, send_one_event, "127.0.0.1", 0, ssl_context=None))
        venue = venues.BINANCE_US.at(url, f"ws://127.0.0.1:{server.port}")
        connector = TrioWebSocketConnector()
        async with open_user_stream(venue, Credentials("the-api-key-of-alice"), connector=connector) as stream:
            assert isinstance(await stream.receive(), Gap)  # as each stream begins
            item = await stream.receive()
            assert isinstance(item, UserEvent)
            assert item.type == "executionReport"
        nursery.cancel_scope.cancel()


trio.run(main)
