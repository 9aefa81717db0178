"""WebSockets on a loopback port: the real clock, real TCP, and clients that mean harm."""

from __future__ import annotations

import random
import sys
from functools import partial
from typing import Any

import pytest
import trio
from asking import ask
from plain_socket import connected, eventually, http, read, read_one, send
from websocket_peer import Peer, closed, joined, new_key, open_exchange, shake
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Ping, Pong, Request, TextMessage

from trio_listenkey.testing import (
    COINM,
    SPOT_CLASSIC,
    USDM,
    CloseSocket,
    Dialect,
    Effect,
    Freeze,
    HalfOpen,
    KillKey,
    Session,
    connect_in_memory,
    serve_exchange,
)

TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@TLS
@pytest.mark.parametrize(
    ("dialect", "form"),
    [
        (SPOT_CLASSIC, "/ws/{}"),
        (SPOT_CLASSIC, "/stream?streams={}"),
        (COINM, "/ws/{}"),
        (USDM, "/private/ws/{}"),
        (USDM, "/private/ws?listenKey={}&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"),
        (USDM, "/private/stream?listenKey={}"),
    ],
)
async def test_a_form_on_the_wire(tls: bool, dialect: Dialect, form: str) -> None:
    """The key comes over HTTP, and the account's events over the WebSocket on the same port."""
    exchange = open_exchange()
    async with serve_exchange(exchange, tls=tls) as served:
        await send(served, http("POST", dialect))
        (key,) = exchange.open_keys(served.now())
        async with joined(served, form.format(key)) as peer:
            exchange.emit("alice", served.now(), count=3, dialect=dialect)
            assert await peer.numbers(patience=0.1) == [1, 2, 3]
            await peer.send(CloseConnection(1000))
            assert closed(await peer.next())[0] == 1000
            assert await peer.next() == "end"
        await eventually(lambda: exchange.sockets(served.now()) == ())


async def test_time_scale_holds_for_sockets() -> None:
    """At a thousand to one, the first ping of the exchange comes after 180 milliseconds, and the end soon after."""
    exchange = open_exchange(dialects=[COINM])
    async with serve_exchange(exchange, time_scale=1000) as served:
        began = served.now()
        async with joined(served, "/ws/x", answers_pings=False) as peer:
            assert isinstance(await peer.next(), Ping)
            assert 180 <= served.now() - began < 700
            while isinstance(got := await peer.next(), Ping):
                pass
            assert closed(got) == (1008, "Pong timeout")
            assert 780 <= served.now() - began < 2000


async def test_an_hour_passes_with_events() -> None:
    """A key expires and is told of in a second, at a rate of events that is counted in the exchange's own time."""
    exchange = open_exchange(dialects=[COINM])
    async with serve_exchange(exchange, time_scale=3600) as served:
        key = new_key(exchange, COINM, served.now())
        async with joined(served, f"/ws/{key}") as peer:
            exchange.emit_rate("alice", 0.1, served.now())
            got: list[Any] = []
            while "listenKeyExpired" not in got:
                event = await peer.next()
                if not isinstance(event, Ping):
                    got.append(event["o"]["t"] if "o" in event else event["e"])
            assert got == [*range(1, len(got)), "listenKeyExpired"]
            # The key was a little older than the rate.
            assert 300 < len(got) <= 361


async def test_a_connection_may_have_had_requests_before() -> None:
    """A client that keeps its connection may open the WebSocket on it."""
    exchange = open_exchange()
    async with serve_exchange(exchange) as served, connected(served) as stream:
        await stream.send_all(http(keep_open=True))
        await read_one(stream)
        (key,) = exchange.open_keys(served.now())
        peer = Peer(stream)
        assert await peer.shake_hands(f"/private/ws/{key}") == 101
        exchange.emit("alice", served.now())
        assert await peer.numbers() == [1]


@TLS
async def test_leaving_is_prompt_while_sockets_are_open(tls: bool) -> None:
    """Open, half-open, frozen, late and unread sockets do not hold the exit up."""
    exchange = open_exchange(dialects=[COINM])
    async with trio.open_nursery() as nursery:
        async with serve_exchange(exchange, tls=tls) as served:
            key = new_key(exchange, COINM, served.now())

            async def stay() -> None:
                async with joined(served, f"/ws/{key}"):
                    await done.wait()

            done = trio.Event()
            for _ in range(20):
                nursery.start_soon(stay)
            await eventually(lambda: len(exchange.sockets(served.now())) == 20)
            exchange.emit("alice", served.now(), count=2000)
            await trio.sleep(0.1)
            exchange.strike_sockets(HalfOpen(), served.now())
            exchange.strike_sockets(Freeze(1e6), served.now())
            began = trio.current_time()
        assert trio.current_time() - began < 1
        done.set()
    assert exchange.sockets(exchange.latest) == ()


async def test_another_clock_breaks_the_socket_alone() -> None:
    """An exchange that is told a later time by hand breaks its sockets, as it does requests, and goes on."""
    exchange = open_exchange(dialects=[COINM])
    async with serve_exchange(exchange) as served:
        async with joined(served, "/ws/x") as peer:
            exchange.freeze(0.1, served.now() + 1)
            await peer.send(Ping(b""))
            assert await peer.next() in {"end", "reset"}
        await trio.sleep(1)
        assert (await shake(served, "/ws/x")).status == 101


def test_a_missing_extra_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without wsproto the error says what to install."""
    monkeypatch.delitem(sys.modules, "trio_listenkey.testing._frontends._ws_server", raising=False)
    monkeypatch.setitem(sys.modules, "wsproto", None)
    with pytest.raises(ImportError, match=r"pip install 'trio-listenkey\[testing\]'"):
        connect_in_memory(open_exchange())


# --- Clients that mean harm


def handshake(target: str = "/ws/x") -> bytes:
    return WSConnection(ConnectionType.CLIENT).send(Request(host="exchange.test", target=target))


HEAD = b"GET /ws/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
HOSTILE = {
    "no key": HEAD + b"Sec-WebSocket-Version: 13\r\n\r\n",
    "no version": HEAD + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "an odd key": HEAD + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xff\r\n\r\n",
    "an odd host": handshake().replace(b"exchange.test", b"\xff..\xfe"),
    "an odd target": handshake().replace(b"/ws/x", b"/ws?streams=%ff%00&&=&listenKey"),
    "two protocols": handshake().replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"),
    "extensions": handshake().replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate; x=1\r\n\r\n"),
    "a long target": handshake("/ws/" + "a" * 60_000),
    "frames at once": handshake() + b"\x81\x80\0\0\0\0" * 100,
}
FRAMES = {
    "masks missing": b"\x81\x05hello",
    "a reserved bit": b"\xc1\x80\0\0\0\0",
    "a huge length": b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    "a negative length": b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    "a fragmented ping": b"\x09\x80\0\0\0\0",
    "a long ping": b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256,
    "a continuation of nothing": b"\x80\x80\0\0\0\0",
    "a close of one byte": b"\x88\x81\0\0\0\0x",
    "a close with a bad code": b"\x88\x82\0\0\0\0\x03\xed",
    "no UTF-8": b"\x81\x82\0\0\0\0\xff\xff",
    "two closes and a text": b"\x88\x80\0\0\0\0" * 2 + b"\x81\x80\0\0\0\0",
    "tiny fragments": b"\x01\x81\0\0\0\0x" + b"\x00\x81\0\0\0\0x" * 10_000,
    "a flood of pings": b"\x89\x80\0\0\0\0" * 10_000,
    "a flood of pongs": b"\x8a\x80\0\0\0\0" * 10_000,
    "garbage": random.Random(3).randbytes(10_000),
}


@TLS
async def test_handshakes_that_are_none(tls: bool) -> None:
    """They get some answer or none; the next client is served."""
    async with serve_exchange(open_exchange(), tls=tls) as served:
        async with trio.open_nursery() as nursery:
            for data in HOSTILE.values():
                nursery.start_soon(partial(send, served, data, patience=0.1))
        assert (await shake(served, "/ws/x")).status == 101


async def test_frames_that_are_none() -> None:
    """Each ends its own connection at most; a neighbour gets its events all the while."""
    exchange = open_exchange(dialects=[COINM])
    async with serve_exchange(exchange) as served:
        key = new_key(exchange, COINM, served.now())
        async with joined(served, f"/ws/{key}") as neighbour:
            for number, frames in enumerate(FRAMES.values(), 1):
                async with joined(served, "/ws/x") as peer:
                    await harm(peer, frames)
                exchange.emit("alice", served.now())
                assert (await neighbour.next())["o"]["t"] == number


async def harm(peer: Peer, frames: bytes) -> None:
    try:
        await peer.stream.send_all(frames)
        await peer.stream.send_all(frames)
    except trio.BrokenResourceError:
        pass
    await read(peer.stream, patience=0.02)


async def test_random_frames_in_memory(autojump_clock: trio.testing.MockClock) -> None:
    """Whatever valid and invalid frames are sent in whatever order, the exchange goes on."""
    dice = random.Random(11)
    effects: list[Effect] = [CloseSocket(), Freeze(1), KillKey()]
    exchange = open_exchange(dialects=[COINM])
    for _ in range(150):
        async with joined(exchange, "/ws/x") as peer:
            for _ in range(dice.randrange(1, 6)):
                data = dice.choice([*FRAMES.values(), dice.randbytes(dice.randrange(1, 50))])[: dice.randrange(1, 200)]
                try:
                    await peer.stream.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    break
                if dice.random() < 0.3:
                    exchange.strike_sockets(dice.choice(effects), trio.current_time())
                if dice.random() < 0.5:
                    await trio.sleep(dice.choice([0, 0.5]))
    await trio.testing.wait_all_tasks_blocked()
    assert exchange.sockets(trio.current_time()) == ()


def test_a_flood_that_is_not_looked_at() -> None:
    """Pongs beyond the limit are not looked at, and two ends are one."""
    exchange = open_exchange(dialects=[COINM])
    session = exchange.connect("/ws/x", 0)
    assert isinstance(session, Session)
    for _ in range(20):
        session.receive_pong(b"", 0)
    assert session.state == "closing"
    exchange.strike_sockets(CloseSocket(), 0)
    assert len(session.due(0)) == 1


def test_killing_an_old_key_spares_the_new_one() -> None:
    """What strikes a socket's key does not strike the account's next."""
    exchange = open_exchange(dialects=[COINM])
    old = new_key(exchange, COINM, 0)
    exchange.connect(f"/ws/{old}", 0)
    new = new_key(exchange, COINM, 1)
    exchange.strike_sockets(KillKey(), 2)
    assert exchange.open_keys(2) == (new,)
    assert exchange.handle(ask("PUT", COINM), 2).status == 200


async def test_the_exchange_may_close_while_the_client_does(autojump_clock: trio.testing.MockClock) -> None:
    """Close frames that cross are one close, also behind an event that is still to come."""
    exchange = open_exchange(dialects=[COINM])
    key = new_key(exchange, COINM, 0)
    async with joined(exchange, f"/ws/{key}") as peer:
        exchange.strike_sockets(Freeze(5), 0)
        exchange.emit("alice", 0)
        exchange.shut_down_sockets(0)
        await peer.send(TextMessage("no JSON"))
        await peer.send(CloseConnection(3001))
        await peer.stream.send_all(b"\x8a\x80\0\0\0\0")
        assert closed(await peer.next(patience=6))[0] == 3001
        assert await peer.next() == "end"


async def test_unread_sockets_hold_nobody_up(autojump_clock: trio.testing.MockClock) -> None:
    """Who does not read gets it all later; his neighbour gets it now."""
    exchange = open_exchange(dialects=[COINM])
    key = new_key(exchange, COINM, 0)
    async with joined(exchange, f"/ws/{key}") as lazy, joined(exchange, f"/ws/{key}") as eager:
        exchange.emit("alice", 0, count=2000)
        assert await eager.numbers() == list(range(1, 2001))
        assert await lazy.numbers() == list(range(1, 2001))
        await eager.send(Pong(b""))
