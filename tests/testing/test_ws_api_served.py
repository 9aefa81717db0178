"""The WebSocket API on loopback, for whoever comes over a real socket."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import trio
import websockets.trio.client
from asking import API_KEY
from plain_socket import eventually
from websocket_peer import Peer, closed, joined

from trio_listenkey.testing import MARGIN, SPOT, CloseSocket, Exchange, Reset, event_number, serve_exchange

SECRET = "the-secret-of-alice"
URL = "/ws-api/v3?returnRateLimits=false"


def open_exchange() -> Exchange:
    exchange = Exchange()
    exchange.add_account(API_KEY, name="alice", secret=SECRET)
    return exchange


def subscribe() -> dict[str, Any]:
    timestamp = int(time.time() * 1000)
    payload = f"apiKey={API_KEY}&timestamp={timestamp}"
    signature = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    params = {"apiKey": API_KEY, "timestamp": timestamp, "signature": signature}
    return {"id": "first", "method": "userDataStream.subscribe.signature", "params": params}


async def subscribed(peer: Peer) -> None:
    await peer.say(subscribe())
    assert await peer.next() == {"id": "first", "status": 200, "result": {"subscriptionId": 0}}


async def test_events_over_tcp() -> None:
    """A client that is nothing but wsproto on a socket."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served, joined(served, URL) as peer:
        await subscribed(peer)
        exchange.emit("alice", served.now(), count=3, dialect=SPOT)
        assert [event_number((await peer.next())["event"]) for _ in range(3)] == [1, 2, 3]
        assert exchange.strike_sockets(CloseSocket(1012, "restart"), served.now(), account="alice") == 1
        assert closed(await peer.next()) == (1012, "restart")


async def test_a_reset_over_tls() -> None:
    """The connection breaks, and the exchange knows it."""
    exchange = open_exchange()
    async with serve_exchange(exchange, tls=True) as served, joined(served, URL) as peer:
        await subscribed(peer)
        exchange.strike_sockets(Reset(), served.now())
        assert await peer.next() == "reset"
        await eventually(lambda: exchange.sockets(served.now()) == ())


async def test_somebody_elses_client() -> None:
    """The websockets library gets a token's events, and their end."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served:
        request = f"POST {MARGIN.path}?validity=1000 HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {API_KEY}\r\n"
        stream = await trio.open_tcp_stream("127.0.0.1", int(served.rest_url.rpartition(":")[2]))
        async with stream:
            await stream.send_all(f"{request}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            token = json.loads(b"".join([data async for data in stream]).partition(b"\r\n\r\n")[2])["token"]
        async with websockets.trio.client.connect(served.stream_url + "/ws-api/v3") as ws:
            params = {"listenToken": token}
            await ws.send(json.dumps({"id": 7, "method": "userDataStream.subscribe.listenToken", "params": params}))
            with trio.fail_after(10):
                answer = json.loads(await ws.recv())
                assert (answer["id"], answer["status"], answer["result"]["subscriptionId"]) == (7, 200, 0)
                assert answer["rateLimits"]
                exchange.emit("alice", served.now(), dialect=MARGIN)
                assert event_number(json.loads(await ws.recv())["event"]) == 1
                assert json.loads(await ws.recv())["event"]["e"] == "eventStreamTerminated"
