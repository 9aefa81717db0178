"""What a client may say on its socket."""

from __future__ import annotations

import ssl
import time
from functools import partial

import pytest
import trio
import trio.testing
from connector_kits import Make, receive, why_over
from socket_server import TEXT, Peer, close, frame, serve
from steps import at_step

from trio_listenkey.connectors import Connection, SocketError
from trio_listenkey.connectors._wire import Wire


async def test_a_text_arrives_as_it_was_sent(make: Make, tls: ssl.SSLContext | None) -> None:
    """It is one frame, in UTF-8."""
    async with serve(tls=tls) as server, make().connect(server.url()) as connection:
        await connection.send("first")
        await connection.send('{"second": "\N{EURO SIGN}"}')
        await server.until(lambda: len(server.frames) == 2)
    assert server.frames[:2] == [(TEXT, b"first"), (TEXT, '{"second": "\N{EURO SIGN}"}'.encode())]


async def test_sending_and_receiving_do_not_wait_for_each_other(make: Make, tls: ssl.SSLContext | None) -> None:
    """A task that receives hears the answer to what another one has sent."""

    async def echo(peer: Peer) -> None:
        while True:
            await peer.send(frame((await peer.read_frame())[1]))

    async with (
        serve(echo, tls) as server,
        make().connect(server.url()) as connection,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(receive, connection, 2)
        await trio.testing.wait_all_tasks_blocked()
        await connection.send("one")
        await connection.send("two")


async def test_nothing_is_sent_when_the_connection_is_over(make: Make) -> None:
    """The error is the one that receiving gives."""

    async def leave(peer: Peer) -> None:
        await peer.send(close(1001))

    async with serve(leave) as server, make().connect(server.url()) as connection:
        assert (await why_over(connection)).code == 1001
        with pytest.raises(SocketError, match="1001") as caught:
            await connection.send("too late")
    assert caught.value.code == 1001


async def test_a_peer_that_takes_nothing_ends_the_connection(make: Make) -> None:
    """It is told within a moment, and to the receiver, too."""

    async def stuck(peer: Peer) -> None:
        await trio.sleep_forever()

    async with serve(stuck) as server, make().connect(server.url()) as connection:
        with pytest.raises(SocketError), trio.fail_after(5):
            while True:
                await connection.send("x" * 60_000)
        with pytest.raises(SocketError), trio.fail_after(2):
            await connection.receive()


async def test_cancelled_at_any_step_it_sends_a_whole_text_or_none(make: Make) -> None:
    """The connection can be used afterwards."""

    async def echo(peer: Peer) -> None:
        while True:
            await peer.send(frame((await peer.read_frame())[1]))

    async with serve(echo) as server, make().connect(server.url()) as connection:
        step = 0
        while await _send_and_cancel_at(step, connection):
            step += 1
        assert step
        await connection.send("last")
        heard: list[bytes] = []
        with trio.fail_after(5):
            while b"last" not in heard:
                heard += await connection.receive()
    assert set(heard) <= {b"maybe", b"last"}


async def _send_and_cancel_at(step: int, connection: Connection) -> bool:
    with trio.CancelScope() as scope:
        return await at_step(step, scope.cancel, partial(connection.send, "maybe"))
    return True


@pytest.mark.parametrize("steps", range(6))
async def test_our_own_lateness_is_no_verdict(steps: int, make: Make, tls: ssl.SSLContext | None) -> None:
    """A program that computes while something is being sent, a pong for example, loses no connection by it (S4)."""

    async def compute() -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        time.sleep(0.45)  # noqa: ASYNC251 - it lets nobody else run, for longer than sending may take

    async with serve(tls=tls) as server, make().connect(server.url()) as connection:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.send, "first")
            nursery.start_soon(compute)
        await connection.send("second")
        await server.until(lambda: len(server.frames) == 2)
    assert server.frames[:2] == [(TEXT, b"first"), (TEXT, b"second")]


async def test_what_a_stream_raises_that_none_should_comes_out_alone() -> None:
    """A dial may be anyone's: its mistake is not hidden, and in no group."""

    ours, _ = trio.testing.memory_stream_pair()
    ours.send_stream.send_all_hook = _mistake
    with pytest.raises(LookupError) as caught:
        await Wire(ours).send(b"x")
    assert caught.value.__context__ is None


async def _mistake() -> None:
    raise LookupError
