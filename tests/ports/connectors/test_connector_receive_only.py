"""``receive_only``: whoever comes by may read. It loses nothing, sends nothing, and leaves the rest to ``receive``."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from connector_kits import why_over
from socket_server import PING, PONG, Peer, Server, close, frame, serve
from throwaway_tls import client_tls
from trio.testing import wait_all_tasks_blocked

from trio_listenkey.connectors import SocketError, WebSocketConnector
from trio_listenkey.connectors._base import OpenToAll
from trio_listenkey.connectors._dial import Dialer


async def dial_as_a_user_may(url: str) -> trio.abc.Stream:
    """A stream that is none of the library's own, and knows no interruption."""
    stream = await Dialer(client_tls(), None)(url)
    return trio.StapledStream(stream, stream)


@pytest.fixture(params=["own-stream", "any-stream"])
def connector(request: pytest.FixtureRequest) -> WebSocketConnector:
    if request.param == "any-stream":
        return WebSocketConnector(dial=dial_as_a_user_may)
    return WebSocketConnector(ssl_context=client_tls())


class Script:
    """Sends what the test says, when it says so."""

    def __init__(self) -> None:
        self.peer: Peer

    async def __call__(self, peer: Peer) -> None:
        self.peer = peer


@asynccontextmanager
async def an_open_one(
    connector: WebSocketConnector, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[OpenToAll, Script, Server]]:
    script = Script()
    async with serve(script, tls) as server, connector.connect(server.url()) as connection:
        assert isinstance(connection, OpenToAll)
        while not hasattr(script, "peer"):
            await trio.sleep(0.001)
        yield connection, script, server


async def test_messages_come_to_whoever_reads(connector: WebSocketConnector, tls: ssl.SSLContext | None) -> None:
    """By either method, in any turn, whole and in order; what is cut anywhere goes on in the next read."""
    stream = b"".join(frame(b"message %d" % number) for number in range(40))
    received: list[bytes] = []
    async with an_open_one(connector, tls) as (connection, script, _), trio.open_nursery() as nursery:

        async def send() -> None:
            for start in range(0, len(stream), 7):
                await script.peer.send(stream[start : start + 7])

        nursery.start_soon(send)
        with trio.fail_after(5):
            while len(received) < 40:
                method = connection.receive if len(received) % 3 else connection.receive_only
                received += await method()
    assert received == [b"message %d" % number for number in range(40)]


async def test_cancelled_it_has_lost_nothing(connector: WebSocketConnector, tls: ssl.SSLContext | None) -> None:
    """At whichever step: what it did not return, the next one does."""
    received: list[bytes] = []
    async with an_open_one(connector, tls) as (connection, script, _):
        for steps in range(30):
            async with trio.open_nursery() as nursery:
                with trio.CancelScope() as scope:
                    nursery.start_soon(script.peer.send, frame(b"%d" % steps))
                    nursery.start_soon(cancel_after, scope, steps)  # noqa: ASYNC111 - it does nothing afterwards
                    received += await connection.receive_only()
        with trio.fail_after(5):
            while len(received) < 30:
                received += await connection.receive_only()
    assert received == [b"%d" % steps for steps in range(30)]


async def cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_interrupted_it_returns_nothing(connector: WebSocketConnector, tls: ssl.SSLContext | None) -> None:
    """And has lost nothing."""
    results: list[Any] = []
    async with an_open_one(connector, tls) as (connection, script, _):

        async def read() -> None:
            results.append(list(await connection.receive_only()))

        for interrupted in (True, False):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await wait_all_tasks_blocked()
                if interrupted:
                    connection.interrupt()
                else:
                    await script.peer.send(frame(b"after"))
    assert results == [[], [b"after"]]


async def test_pings_are_answered_by_receive_alone(connector: WebSocketConnector) -> None:
    """What came with the ping is returned; then it returns nothing at once, until ``receive`` has sent the pong."""
    async with an_open_one(connector) as (connection, script, server):
        await script.peer.send(frame(b"one"), frame(b"are you there?", PING))
        with trio.fail_after(5):
            assert list(await connection.receive_only()) == [b"one"]
            assert list(await connection.receive_only()) == []
            await wait_all_tasks_blocked(0.02)
            assert server.frames == []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.receive)
                await server.until(lambda: (PONG, b"are you there?") in server.frames)
                nursery.cancel_scope.cancel()
            await script.peer.send(frame(b"two"))
            assert list(await connection.receive_only()) == [b"two"]


async def test_pongs_are_seen(connector: WebSocketConnector) -> None:
    """Who pings is told when its answer was read, and that has all that came before it."""
    received: list[bytes] = []
    async with an_open_one(connector) as (connection, script, server), trio.open_nursery() as nursery:

        async def read() -> None:
            while not received:
                received.extend(await connection.receive_only())

        async def ping() -> None:
            await connection.ping()
            assert received == [b"before"]

        nursery.start_soon(read)
        nursery.start_soon(ping)
        await server.until(lambda: bool(server.frames))
        await script.peer.send(frame(b"before"), frame(server.frames[0][1], PONG))


@pytest.mark.parametrize("end", ["close", "hang-up", "reset"])
async def test_an_end_is_told_by_receive_alone(
    connector: WebSocketConnector, end: str, tls: ssl.SSLContext | None
) -> None:
    """After the last message it returns nothing, again and again; ``receive`` says why."""
    async with an_open_one(connector, tls) as (connection, script, _):
        await script.peer.send(frame(b"last"))
        with trio.fail_after(5):
            assert list(await connection.receive_only()) == [b"last"]
            if end == "close":
                await script.peer.send(close(1001))
            else:
                await (script.peer.hang_up() if end == "hang-up" else script.peer.reset())
            assert list(await connection.receive_only()) == []
            assert list(await connection.receive_only()) == []
            with pytest.raises(SocketError) as caught:
                await connection.receive()
        assert caught.value.code == (1001 if end == "close" else None)
        assert (await why_over(connection)).reason == caught.value.reason


async def test_what_came_with_the_handshake_is_for_receive(connector: WebSocketConnector) -> None:
    """It is there without a wait, and ``receive`` has it first."""

    async def script(peer: Peer) -> None:
        await peer.send(peer.acceptance(), frame(b"first"))

    async with serve(script, shakes=False) as server, connector.connect(server.url()) as connection:
        assert isinstance(connection, OpenToAll)
        with trio.fail_after(5):
            assert [*await connection.receive_only(), *await connection.receive()] == [b"first"]
