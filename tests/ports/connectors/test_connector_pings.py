"""Pings both ways, and what a pong proves."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from connector_kits import Make, receive
from socket_server import PING, PONG, Peer, close, frame, serve

from trio_listenkey.connectors import Connection, SocketError


async def pongs(peer: Peer) -> None:
    """Answer each ping."""
    while True:
        opcode, payload = await peer.read_frame()
        if opcode == PING:
            await peer.send(frame(payload, PONG))


async def dead(peer: Peer) -> None:
    """Neither read nor answer nor close."""
    await trio.sleep_forever()


@asynccontextmanager
async def receiving(connection: Connection) -> AsyncIterator[list[bytes]]:
    """A task that receives until the connection is over, and what it has received."""
    received: list[bytes] = []

    async def work() -> None:
        try:
            while True:
                received.extend(await connection.receive())
        except SocketError:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        yield received
        nursery.cancel_scope.cancel()


async def test_pings_are_answered_while_receiving(make: Make, tls: ssl.SSLContext | None) -> None:
    """Each is answered with its own payload, in order."""
    payloads = [b"", b"one", b"x" * 125]

    async def script(peer: Peer) -> None:
        await peer.send(*[frame(payload, PING) for payload in payloads], frame(b"after"))

    async with serve(script, tls) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"after"]
        await server.until(lambda: server.frames == [(PONG, payload) for payload in payloads])


async def test_a_ping_returns_with_its_pong(make: Make, tls: ssl.SSLContext | None) -> None:
    """And each has a payload of its own."""
    async with serve(pongs, tls) as server, make().connect(server.url()) as connection, receiving(connection):
        with trio.fail_after(5):
            for _ in range(5):
                await connection.ping()
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(connection.ping)
        sent = [payload for opcode, payload in server.frames if opcode == PING]
    assert len(set(sent)) == len(sent) == 10


async def test_other_pongs_are_nobodys(make: Make) -> None:
    """A pong that answers no ping of ours is not taken for one that does."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"unasked", PONG))
        await peer.read_frame()
        await peer.send(frame(b"wrong", PONG))

    async with serve(script) as server, make().connect(server.url()) as connection, receiving(connection):
        with trio.move_on_after(0.1) as scope:
            await connection.ping()
        assert scope.cancelled_caught


async def test_the_latest_pong_answers_all_pings_before_it(make: Make) -> None:
    """A server may answer the latest ping only."""

    async def script(peer: Peer) -> None:
        for _ in range(3):
            _, payload = await peer.read_frame()
        await peer.send(frame(payload, PONG))

    async with serve(script) as server, make().connect(server.url()) as connection, receiving(connection):
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(connection.ping)


async def test_nobody_receives_so_no_pong_is_seen(make: Make) -> None:
    """A ping waits until somebody receives."""
    done = trio.Event()

    async def ping() -> None:
        await connection.ping()
        done.set()

    async with serve(pongs) as server, make().connect(server.url()) as connection, trio.open_nursery() as nursery:
        nursery.start_soon(ping)
        await server.until(lambda: bool(server.frames))
        await trio.sleep(0.05)
        assert not done.is_set()
        async with receiving(connection):
            with trio.fail_after(5):
                await done.wait()


@pytest.mark.parametrize("together", [True, False], ids=["in one read", "in many reads"])
async def test_a_pong_proves_that_all_before_it_was_received(
    make: Make, together: bool, tls: ssl.SSLContext | None
) -> None:
    """When ping returns, the receiver has every message that was sent before the pong."""
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        while True:
            opcode, payload = await peer.read_frame()
            if opcode == PONG:
                continue
            pieces = [frame(b"message %d" % number) for number in range(sent, sent + 50)]
            sent += 50
            pieces += [frame(b"late"), frame(payload, PONG), frame(b"me, too", PING)]
            sent += 1
            for data in [b"".join(pieces)] if together else pieces:
                await peer.send(data)

    async with (
        serve(script, tls) as server,
        make().connect(server.url()) as connection,
        receiving(connection) as received,
    ):
        for turn in range(1, 21):
            with trio.fail_after(5):
                await connection.ping()
            assert len(received) == 51 * turn == sent


async def test_a_pong_seen_while_the_receiver_pauses(make: Make) -> None:
    """A receiver that was cancelled in between gets the messages before the ping returns."""
    go = trio.Event()

    async def script(peer: Peer) -> None:
        _, payload = await peer.read_frame()
        await go.wait()
        await peer.send(frame(b"one"), frame(b"two"), frame(payload, PONG))

    returned = trio.Event()

    async def ping() -> None:
        await connection.ping()
        returned.set()

    async with serve(script) as server, make().connect(server.url()) as connection, trio.open_nursery() as nursery:
        nursery.start_soon(ping)
        await server.until(lambda: bool(server.frames))
        with trio.move_on_after(0.02):
            await connection.receive()
        go.set()
        await trio.sleep(0.1)
        assert not returned.is_set()
        async with receiving(connection) as received:
            with trio.fail_after(5):
                await returned.wait()
            assert received == [b"one", b"two"]


async def test_a_ping_that_is_cancelled_leaves_nothing(make: Make) -> None:
    """Its late pong is nobody's; the next ping works, and no list of pings grows."""
    answering = trio.Event()

    async def script(peer: Peer) -> None:
        _, first = await peer.read_frame()
        await answering.wait()
        await peer.send(frame(first, PONG))
        await pongs(peer)

    async with serve(script) as server, make().connect(server.url()) as connection, receiving(connection):
        with trio.move_on_after(0.05) as scope:
            await connection.ping()
        assert scope.cancelled_caught
        assert kept_pings(connection) == []
        answering.set()
        with trio.fail_after(5):
            await connection.ping()
        assert kept_pings(connection) == []


def kept_pings(connection: Connection) -> list[object]:
    """All that is kept of pings anywhere in it."""
    inner = (getattr(connection, "_socket", None), getattr(connection, "_client", None), connection)
    lists = [vars(each).get(name, ()) for each in inner if each for name in ("_pings", "pending_pings")]
    return [ping for pings in lists for ping in pings]


@pytest.mark.parametrize("how", ["close", "hang_up", "reset"])
async def test_a_ping_whose_connection_ends(make: Make, how: str, tls: ssl.SSLContext | None) -> None:
    """It raises once the receiver has seen the end, and so does every later one."""

    async def script(peer: Peer) -> None:
        await peer.read_frame()
        if how == "close":
            await peer.send(close(1001))
        else:
            await getattr(peer, how)()

    async with serve(script, tls) as server, make().connect(server.url()) as connection, receiving(connection):
        codes = []
        for _ in range(2):
            with pytest.raises(SocketError) as caught, trio.fail_after(5):
                await connection.ping()
            codes.append(caught.value.code)
            assert caught.value.__context__ is None
    assert codes == ([1001, 1001] if how == "close" else [None, None])


async def test_a_pong_before_the_end_counts(make: Make) -> None:
    """Where pong and close frame come together, the ping was answered."""

    async def script(peer: Peer) -> None:
        _, payload = await peer.read_frame()
        await peer.send(frame(b"last"), frame(payload, PONG), close(1001))

    async with serve(script) as server, make().connect(server.url()) as connection, receiving(connection) as received:
        with trio.fail_after(5):
            await connection.ping()
        assert received == [b"last"]


async def test_a_half_open_peer_answers_no_ping(make: Make, tls: ssl.SSLContext | None) -> None:
    """The caller's own limit tells, and leaving is prompt."""
    async with serve(dead, tls) as server:
        async with make().connect(server.url()) as connection, receiving(connection):
            with trio.move_on_after(0.1) as scope:
                await connection.ping()
            assert scope.cancelled_caught
            began = trio.current_time()
        assert trio.current_time() - began < 0.5
