"""Cancelled or interrupted at whatever moment, a connector leaves nothing open, and a connection loses nothing."""

from __future__ import annotations

import gc
import signal
import ssl
from functools import partial

import pytest
import trio
from connector_kits import Make
from socket_server import PING, PONG, Peer, Server, frame, serve
from steps import at_step

from trio_listenkey.connectors import Connection

ENOUGH = 400
"""Steps. The longest of these lives has some hundred."""


async def chatty(peer: Peer) -> None:
    """Send messages, and answer pings between two of them."""
    await peer.send(frame(b"0"), frame(b"are you there?", PING))
    number = 1
    while True:
        opcode, payload = await peer.read_frame()
        if opcode == PING:
            await peer.send(*[frame(b"%d" % each) for each in (number, number + 1)], frame(payload, PONG))
            number += 2


async def receive_for_ever(connection: Connection, received: list[bytes]) -> None:
    while True:
        received.extend(await connection.receive())


async def life(make: Make, server: Server) -> None:
    """Everything that a connection is for: connect, receive, ping, and leave."""
    async with make().connect(server.url()) as connection:
        received: list[bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive_for_ever, connection, received)
            await connection.ping()
            nursery.cancel_scope.cancel()


async def test_cancelled_at_every_step(make: Make, tls: ssl.SSLContext | None) -> None:
    """The scope gets its cancellation, promptly and alone, and the server sees the connection close."""
    async with serve(chatty, tls) as server:
        for step in range(ENOUGH):
            began = trio.current_time()
            with trio.CancelScope() as scope:
                await at_step(step, scope.cancel, partial(life, make, server))
            assert trio.current_time() - began < 2
            await server.wait_all_closed()
            if not scope.cancel_called:
                break
    assert not scope.cancel_called
    assert step > 15


async def test_a_receive_cancelled_at_every_step_loses_nothing(make: Make, tls: ssl.SSLContext | None) -> None:
    """Whatever was cancelled, the next receives bring every message, once and in order."""
    async with serve(chatty, tls) as server, make().connect(server.url()) as connection:
        received: list[bytes] = []
        for step in range(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.ping)
                await trio.sleep(0.001)

                async def some(scope: trio.CancelScope) -> None:
                    with scope:
                        received.extend(await connection.receive())

                scope = trio.CancelScope()
                await at_step(step % 6, scope.cancel, partial(some, scope))
                nursery.start_soon(receive_for_ever, connection, received)
                with trio.fail_after(5):
                    await connection.ping()
                nursery.cancel_scope.cancel()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive_for_ever, connection, received)
            with trio.fail_after(5):
                await connection.ping()
            nursery.cancel_scope.cancel()
    assert len(received) > 120
    assert received == [b"%d" % number for number in range(len(received))]


async def test_a_ping_cancelled_at_every_step_leaves_the_connection_whole(
    make: Make, tls: ssl.SSLContext | None
) -> None:
    """What it had begun to send is sent whole: the server understands all that comes after it."""
    async with serve(chatty, tls) as server, make().connect(server.url()) as connection:
        received: list[bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive_for_ever, connection, received)
            for step in range(30):
                with trio.CancelScope() as scope:
                    await at_step(step % 6, scope.cancel, connection.ping)
            with trio.fail_after(5):
                await connection.ping()
            nursery.cancel_scope.cancel()
    assert received == [b"%d" % number for number in range(len(received))]


def interrupted(make: Make, step: int) -> tuple[bool, bool]:
    """Run a life that Ctrl-C comes into after ``step``: whether it came, and whether it was told."""
    came = False

    async def main() -> None:
        nonlocal came
        async with serve(chatty) as server:
            came = await at_step(step, lambda: signal.raise_signal(signal.SIGINT), partial(life, make, server))

    try:
        trio.run(main)
    except KeyboardInterrupt:
        return came, True
    except BaseExceptionGroup as group:  # out of the server's nursery
        interrupts, rest = group.split(KeyboardInterrupt)
        assert interrupts is not None
        assert rest is None
        return True, True
    return came, False


def test_ctrl_c_at_every_step(make: Make) -> None:
    """It always comes out, alone, and whatever socket there was is closed: or it would warn when it is collected."""
    for step in range(ENOUGH):
        came, told = interrupted(make, step)
        gc.collect()
        if not (came or told):
            break
        assert told
    assert not came
    assert step > 15


@pytest.mark.parametrize("lines", ["aenter", "aexit"])
async def test_ctrl_c_does_not_come_between_two_lines(make: Make, lines: str) -> None:
    """A stream that is asked, while the connector works on it, says that Ctrl-C is kept out of there."""
    looks: list[bool] = []

    class Looking(trio.abc.Stream):
        def __init__(self, inner: trio.abc.Stream) -> None:
            self.inner = inner

        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            looks.append(trio.lowlevel.currently_ki_protected())
            return await self.inner.receive_some(max_bytes)

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            looks.append(trio.lowlevel.currently_ki_protected())
            await self.inner.send_all(data)

        async def wait_send_all_might_not_block(self) -> None:
            raise AssertionError

        async def aclose(self) -> None:
            looks.append(trio.lowlevel.currently_ki_protected())
            await self.inner.aclose()

    async def dial(url: str) -> trio.abc.Stream:
        looks.append(trio.lowlevel.currently_ki_protected())
        return Looking(await trio.open_tcp_stream("localhost", server.port))

    async with serve() as server:
        async with make(dial=dial).connect(server.url()):
            if lines == "aexit":
                looks.clear()
            else:
                found = set(looks)
        if lines == "aexit":
            found = set(looks)
    assert found == {True}
