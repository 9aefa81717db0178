"""Clients that read too slowly, or not at all: memory is bounded, and they are dropped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import trio
from plain_socket import eventually
from trio.testing import MockClock
from websocket_peer import Peer, joined, new_key, open_exchange
from wsproto.events import Ping

from trio_listenkey import UsageError
from trio_listenkey.testing import (
    COINM,
    Dialect,
    Duplicate,
    Exchange,
    Fault,
    Reset,
    Session,
    connect_in_memory,
    serve_exchange,
)
from trio_listenkey.testing._control._control import _BURST
from trio_listenkey.testing._ws._frames import Text


def bounded(size: int, *, messages: int | None = None) -> Dialect:
    rules = replace(COINM.stream, max_unsent=size, messages_per_second=messages)
    return replace(COINM, stream=rules)


def is_gone(exchange: Exchange, now: Callable[[], float]) -> bool:
    return not exchange.sockets(now())


def test_what_waits_is_bounded() -> None:
    """One event too many, and nothing of what waited is sent: the connection is reset."""
    exchange = open_exchange(dialects=[bounded(5000)])
    target = f"/ws/{new_key(exchange, COINM, 0)}"
    full, reader = (exchange.connect(target, 0) for _ in range(2))
    assert isinstance(full, Session)
    assert isinstance(reader, Session)
    for number in range(100):
        exchange.emit("alice", number)
        assert [type(each) for each in reader.due(number)] == [Text]
    assert full.state == "closing"
    assert full.events < 11
    assert full.due(100) == [Reset()]
    assert full.due(100) == []
    assert (reader.state, reader.events) == ("open", 100)


def test_copies_of_an_event_are_bounded() -> None:
    """Those of a fault that are too many are not made."""
    exchange = open_exchange(dialects=[bounded(5000)], faults=[Fault(verb="event", effect=Duplicate(1000))])
    session = exchange.connect(f"/ws/{new_key(exchange, COINM, 0)}", 0)
    assert isinstance(session, Session)
    exchange.emit("alice", 0)
    assert session.events < 11
    assert session.due(0) == [Reset()]


def test_a_burst_of_the_control_api_fits() -> None:
    """What one command may emit is not too much for a client that reads."""
    exchange = open_exchange(dialects=[COINM])
    session = exchange.connect(f"/stream?streams={new_key(exchange, COINM, 0)}", 0)
    assert isinstance(session, Session)
    exchange.emit("alice", 0, count=100)
    exchange.emitted("alice")
    sizes = [len(each.data) + 64 for each in session.due(0) if isinstance(each, Text)]
    assert len(sizes) == 100
    assert max(sizes) * _BURST < COINM.stream.max_unsent


def test_a_frozen_exchange_drops_nobody_before_it_wakes() -> None:
    """The reset comes when anything does."""
    exchange = open_exchange(dialects=[bounded(5000)])
    session = exchange.connect(f"/ws/{new_key(exchange, COINM, 0)}", 0)
    assert isinstance(session, Session)
    exchange.freeze(10, 0)
    exchange.emit("alice", 1, count=100)
    assert session.due(9) == []
    assert session.deadline == 10
    assert session.due(10) == [Reset()]


async def test_pings_that_are_answered_to_nobody_count(autojump_clock: MockClock) -> None:
    """A client may ask for ever, and read nothing of what it is answered."""
    exchange = open_exchange(dialects=[bounded(5000, messages=None)])
    session = exchange.connect(f"/ws/{new_key(exchange, COINM, 0)}", 0)
    assert isinstance(session, Session)
    for _ in range(100):
        session.receive_ping(b"", 0)
    assert session.due(0) == [Reset()]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_on_loopback_it_is_reset(tls: bool) -> None:
    """The system's buffers fill up, then the exchange's. A neighbour who reads misses nothing."""
    exchange = open_exchange(dialects=[bounded(300_000)])
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve_exchange(exchange, tls=tls))
        target = f"/ws/{new_key(exchange, COINM, served.now())}"
        lazy = await stack.enter_async_context(joined(served, target))
        eager = await stack.enter_async_context(joined(served, target))
        with trio.fail_after(60):
            emitted = 0
            while len(exchange.sockets(served.now())) == 2:
                exchange.emit("alice", served.now(), count=200)
                numbers: list[int] = []
                while len(numbers) < 200:
                    numbers += await eager.numbers(patience=0.02)
                assert numbers == list(range(emitted + 1, emitted + 201))
                emitted += 200
            (left,) = exchange.sockets(served.now())
            assert left.events == emitted
            while await lazy.next() not in ("end", "reset"):
                pass


async def test_in_memory_it_is_reset(autojump_clock: MockClock) -> None:
    """No more is held than the window of the connection, and what may wait."""
    exchange = open_exchange(dialects=[bounded(300_000)])
    async with joined(exchange, f"/ws/{new_key(exchange, COINM, 0)}") as lazy:
        emitted = 0
        while exchange.sockets(trio.current_time()):
            exchange.emit("alice", trio.current_time(), count=200)
            emitted += 200
            await trio.sleep(1)
        got = []
        while (each := await lazy.next()) not in ("end", "reset"):
            got.append(each)
        assert each == "reset"
        assert 1024 * 1024 < len(str(got)) < 2 * 1024 * 1024
        assert len(got) < emitted


async def test_in_memory_who_reads_late_gets_it_all(autojump_clock: MockClock) -> None:
    """More than the window of the connection waits at the exchange, and comes when there is room."""
    exchange = open_exchange(dialects=[COINM])
    async with joined(exchange, f"/ws/{new_key(exchange, COINM, 0)}") as late:
        for _ in range(3):
            exchange.emit("alice", trio.current_time(), count=3000)
            await trio.sleep(1)
        assert await late.numbers() == list(range(1, 9001))
        await late.send(Ping(b"still here"))
        assert (await late.next()).payload == b"still here"


async def test_in_memory_a_client_that_leaves_ends_it(autojump_clock: MockClock) -> None:
    """Who sends to it is not left waiting for it to read."""
    exchange = open_exchange(dialects=[COINM])
    stream = connect_in_memory(exchange)
    peer = Peer(stream)
    await peer.shake_hands(f"/ws/{new_key(exchange, COINM, 0)}")
    for _ in range(3):
        exchange.emit("alice", trio.current_time(), count=3000)
        await trio.sleep(1)
    await stream.aclose()
    await eventually(lambda: is_gone(exchange, trio.current_time))


def test_a_bound_is_positive() -> None:
    """Rules with which nothing could be sent are none."""
    with pytest.raises(UsageError, match="no rules"):
        bounded(0)
