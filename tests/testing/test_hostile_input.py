"""Nothing that a client sends takes the exchange down."""

from __future__ import annotations

import random
import socket
import struct
from typing import Literal

import pytest
import trio
from asking import API_KEY
from hypothesis import given, settings, strategies as st
from plain_socket import connected, http, read, send

from trio_listenkey._http import Request
from trio_listenkey.testing import COINM, SPOT_CLASSIC, USDM, Exchange, serve_exchange

UPGRADE = b"GET /ws/key HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
WEBSOCKET = UPGRADE + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

HOSTILE = {
    "nothing": b"",
    "zeros": b"\0" * 5000,
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x01" * 500,
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.0": b"POST /fapi/v1/listenKey HTTP/1.0\r\n\r\n",
    "HTTP/9.9": b"POST / HTTP/9.9\r\nHost: x\r\n\r\n",
    "HTTP/2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
    "HTTP/2, other preface": b"PRI * HTTP/2.0\r\n\r\nxx\r\n\r\n",
    "HTTP/2 by upgrade": UPGRADE + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "HTTP/2 by upgrade, no settings": UPGRADE + b"Upgrade: h2c\r\n\r\n",
    "HTTP/2 by upgrade, bad settings": UPGRADE + b"Upgrade: h2c\r\nHTTP2-Settings: !!!\r\n\r\n",
    "WebSocket": WEBSOCKET + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + b"\x81\x00" * 50,
    "WebSocket, no key": WEBSOCKET + b"\r\n",
    "WebSocket, nothing": UPGRADE + b"Upgrade: websocket\r\n\r\n",
    "WebSocket on 1.0": b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a URL of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "10,000 headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "length that is none": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length of a terabyte": http().replace(b"Content-Length: 0", b"Content-Length: 1000000000000"),
    "chunk that is none": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "continue": http().replace(b"Content-Length: 0", b"Content-Length: 9\r\nExpect: 100-continue"),
    "connect": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "percent": b"GET /%ff%fe%00%2f%zz?%ff=%00&&&= HTTP/1.1\r\nHost: a\r\n\r\n",
    "pipeline": http(keep_open=True) * 20,
    "pipeline, then junk": http(keep_open=True) + b"\0\1\2",
    "more than the length": http() + b"x" * 1000,
}
Leaving = Literal["politely", "half-closing", "by reset"]
LEAVING: list[Leaving] = ["politely", "half-closing", "by reset"]


def open_exchange() -> Exchange:
    exchange = Exchange()
    exchange.add_account(API_KEY, name="alice")
    return exchange


async def attack(port: int, data: bytes, leaving: Leaving) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    try:
        await stream.send_all(data)
        if leaving == "by reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if leaving == "half-closing":
            await stream.send_eof()
        await read(stream, patience=0.05)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        stream.socket.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_bytes_that_are_no_request(tls: bool) -> None:
    """Protocol errors, other protocols and random bytes, left in three ways: the next client is served."""
    dice = random.Random(7)
    noise = [dice.randbytes(dice.choice([1, 10, 100, 10_000])) for _ in range(30)]
    cut = [http()[: dice.randrange(1, 100)] for _ in range(10)]
    async with serve_exchange(open_exchange(), tls=tls) as served:
        port = int(served.rest_url.rpartition(":")[2])
        async with trio.open_nursery() as nursery:
            for data in [*HOSTILE.values(), *noise, *cut]:
                for leaving in LEAVING:
                    nursery.start_soon(attack, port, data, leaving)
        assert (await send(served, http())).status == 200


async def test_hostile_bytes_inside_tls() -> None:
    """The same after a proper handshake."""
    async with serve_exchange(open_exchange(), tls=True) as served:
        for data in HOSTILE.values():
            await send(served, data, patience=0.02)
        assert (await send(served, http())).status == 200


async def test_a_flood_of_half_open_connections() -> None:
    """Hundreds of connections that say nothing, or little, and slowly, leave room for one that does."""
    async with serve_exchange(open_exchange()) as served, trio.open_nursery() as nursery:

        async def stay(data: bytes) -> None:
            async with connected(served) as stream:
                await stream.send_all(data)
                await trio.sleep_forever()

        for n in range(200):
            nursery.start_soon(stay, http()[: n % 40])
        await trio.sleep(0.2)
        assert (await send(served, http())).status == 200
        nursery.cancel_scope.cancel()


paths = st.one_of(st.sampled_from([each.path for each in (SPOT_CLASSIC, USDM, COINM)]), st.text(max_size=30))
names = st.sampled_from(["X-MBX-APIKEY", "Content-Type", "x-mbx-apikey", ""]) | st.text(max_size=10)
values = st.sampled_from([API_KEY, "application/x-www-form-urlencoded", ""]) | st.text(max_size=30)


@settings(derandomize=True, deadline=None)
@given(
    method=st.sampled_from(["POST", "PUT", "DELETE", "GET", ""]) | st.text(max_size=40),
    origin=st.sampled_from(["https://exchange.test", "", "//", "http://["]),
    path=paths,
    query=st.text(max_size=50),
    headers=st.lists(st.tuples(names, values), max_size=4),
    body=st.binary(max_size=200),
)
def test_any_request_is_answered(
    method: str, origin: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    """Whatever text a request is made of, the exchange has an answer and a line in its log."""
    exchange = open_exchange()
    exchange.handle(Request("POST", USDM.path, (("X-MBX-APIKEY", API_KEY),)), 0)
    reply = exchange.handle(Request(method, f"{origin}{path}?{query}", tuple(headers), body), 0)
    assert 200 <= reply.status < 500
    assert len(exchange.log) == 2
    assert len(exchange.log[1].method) <= 16
