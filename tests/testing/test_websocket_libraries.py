"""Libraries that no one here wrote run over the stream in memory, under virtual time, and on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from websocket_peer import new_key, open_exchange

from trio_listenkey.testing import USDM, connect_in_memory, event_number, serve_exchange


async def test_trio_websocket_in_memory(autojump_clock: MockClock) -> None:
    """Events come, pings are answered for ten hours, and closing is clean."""
    library: Any = pytest.importorskip("trio_websocket")
    exchange = open_exchange(validity=1e6)
    key = new_key(exchange, USDM, 0)
    async with trio.open_nursery() as nursery:
        socket = await library.wrap_client_stream(
            nursery, connect_in_memory(exchange), "exchange.test", f"/private/ws/{key}"
        )
        for hour in range(1, 11):
            await trio.sleep(3600)
            exchange.emit("alice", trio.current_time())
            assert event_number(json.loads(await socket.get_message())) == hour
        await socket.aclose()
    assert exchange.sockets(trio.current_time()) == ()


async def test_websockets_without_io_in_memory(autojump_clock: MockClock) -> None:
    """Its core shakes hands, reads events and pings, and its pongs are good."""
    client: Any = pytest.importorskip("websockets.client")
    uri: Any = pytest.importorskip("websockets.uri")
    frames: Any = pytest.importorskip("websockets.frames")
    exchange = open_exchange(validity=1e6)
    key = new_key(exchange, USDM, 0)
    stream = connect_in_memory(exchange)
    protocol = client.ClientProtocol(uri.parse_uri(f"ws://exchange.test/private/ws?listenKey={key}"))
    protocol.send_request(protocol.connect())
    texts: list[str] = []
    emitted = False
    with trio.move_on_after(10_000):
        while True:
            for data in protocol.data_to_send():
                await stream.send_all(data)
            if protocol.state.name == "OPEN" and not emitted:
                emitted = bool(exchange.emit("alice", trio.current_time(), count=3))
            protocol.receive_data(await stream.receive_some())
            texts += [
                event.data.decode()
                for event in protocol.events_received()
                if getattr(event, "opcode", None) is frames.Opcode.TEXT
            ]
    assert [event_number(json.loads(text)) for text in texts] == [1, 2, 3]
    assert exchange.sockets(trio.current_time())[0].state == "open"
    await stream.aclose()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_websockets_on_loopback(tls: bool) -> None:
    """A client of another library gets its events over TCP."""
    library: Any = pytest.importorskip("websockets.trio.client")
    exchange = open_exchange()
    async with serve_exchange(exchange, tls=tls) as served:
        key = new_key(exchange, USDM, served.now())
        context = {"ssl": served.ssl_context()} if tls else {}
        async with library.connect(f"{served.stream_url}/private/stream?listenKey={key}", **context) as socket:
            exchange.emit("alice", served.now())
            assert event_number(json.loads(await socket.recv())["data"]) == 1
