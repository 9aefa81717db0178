"""Every connector against the exchange: on loopback, many at once, and in memory under virtual time."""

from __future__ import annotations

import json

import pytest
import trio
from connector_kits import Make
from trio.testing import MockClock

from trio_listenkey.connectors import SocketError
from trio_listenkey.testing import (
    USDM,
    CloseSocket,
    Exchange,
    Fault,
    HalfOpen,
    Status,
    connect_in_memory,
    event_number,
    serve_exchange,
)

API_KEY = "the-api-key-of-alice"


def open_exchange(*faults: Fault) -> Exchange:
    exchange = Exchange(seed=1, faults=faults, validity=1e6)
    exchange.add_account(API_KEY, name="alice")
    return exchange


def numbers(messages: list[bytes]) -> list[int]:
    return [event_number(json.loads(message)) for message in messages]


@pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
async def test_fifty_at_once(make: Make, tls: bool) -> None:
    """Fifty connections of one connector get all events, each of them, and leave nothing open."""
    exchange = open_exchange()
    got: list[list[int]] = []
    ready = 0

    async with serve_exchange(exchange, tls=tls) as served:
        key = exchange.replace_key("alice", served.now(), dialect=USDM)
        connector = make(ssl_context=served.ssl_context() if tls else None)

        async def listen() -> None:
            nonlocal ready
            async with connector.connect(f"{served.stream_url}/private/ws/{key}") as connection:
                ready += 1
                mine: list[int] = []
                while len(mine) < 20:
                    mine += numbers(list(await connection.receive()))
                got.append(mine)

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(listen)
                while ready < 50:
                    await trio.sleep(0.01)
                for _ in range(4):
                    exchange.emit("alice", served.now(), count=5)
                    await trio.sleep(0.01)
            while exchange.sockets(served.now()):
                await trio.sleep(0.01)
    assert got == [list(range(1, 21))] * 50


async def test_hours_in_memory(make: Make, autojump_clock: MockClock) -> None:
    """Under virtual time a connection lives for most of a day: events come, pings are answered, its own return."""
    exchange = open_exchange()
    key = exchange.replace_key("alice", 0, dialect=USDM)

    async def dial(url: str) -> trio.abc.Stream:
        assert url == f"wss://exchange.test/private/ws/{key}"
        return connect_in_memory(exchange)

    received: list[int] = []
    async with make(dial=dial).connect(f"wss://exchange.test/private/ws/{key}") as connection:

        async def listen() -> None:
            while True:
                received.extend(numbers(list(await connection.receive())))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            for hour in range(1, 24):
                await trio.sleep(3600)
                exchange.emit("alice", trio.current_time())
                await connection.ping()
                assert len(received) == hour
            nursery.cancel_scope.cancel()
    await trio.sleep(5)
    assert received == list(range(1, 24))
    assert exchange.sockets(trio.current_time()) == ()
    assert trio.current_time() == 23 * 3600 + 5


async def test_half_open_in_memory(make: Make, autojump_clock: MockClock) -> None:
    """Where bytes vanish both ways, a ping is not answered, and leaving takes no longer than half a second."""
    exchange = open_exchange(Fault(verb="socket", effect=HalfOpen(), after=10))
    key = exchange.replace_key("alice", 0, dialect=USDM)

    async def dial(url: str) -> trio.abc.Stream:
        return connect_in_memory(exchange)

    async with make(dial=dial).connect(f"ws://exchange.test/private/ws/{key}") as connection:
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.receive)
            with trio.move_on_after(10) as scope:
                await connection.ping()
            assert scope.cancelled_caught
            nursery.cancel_scope.cancel()
        began = trio.current_time()
    assert trio.current_time() - began <= 0.5


async def test_faults_in_memory(make: Make, autojump_clock: MockClock) -> None:
    """A refusal has its status and a close frame its code, as over real sockets."""
    exchange = open_exchange(
        Fault(verb="connect", nth=1, effect=Status(503)), Fault(verb="socket", effect=CloseSocket(1001))
    )
    key = exchange.replace_key("alice", 0, dialect=USDM)

    async def dial(url: str) -> trio.abc.Stream:
        return connect_in_memory(exchange)

    connector = make(dial=dial)
    url = f"ws://exchange.test/private/ws/{key}"
    with pytest.raises(SocketError) as refusal:
        async with connector.connect(url):
            raise AssertionError
    assert refusal.value.status == 503
    async with connector.connect(url) as connection:
        with pytest.raises(SocketError) as end:
            await connection.receive()
    assert end.value.code == 1001
