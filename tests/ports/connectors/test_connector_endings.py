"""How a connection ends, by whichever side, and that leaving is prompt whatever the other side does."""

from __future__ import annotations

import socket
import ssl

import pytest
import trio
from connector_kits import Make, receive, why_over
from socket_server import CLOSE, PING, Peer, close, frame, serve

from trio_listenkey.connectors import SocketError

GOODBYE = (CLOSE, (1000).to_bytes(2))


class BoomError(Exception):
    """What a block raises."""


async def dead(peer: Peer) -> None:
    """Neither read nor answer nor close."""
    await trio.sleep_forever()


async def stuffed(peer: Peer) -> None:
    """Read nothing, and let pings come until what answers them no longer fits anywhere."""
    peer.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    while True:
        await peer.send(frame(b"x" * 125, PING) * 400)


async def test_left_normally_it_says_goodbye(make: Make, tls: ssl.SSLContext | None) -> None:
    """A close frame is sent, and the connection is closed without waiting for the answer."""
    async with serve(tls=tls) as server:
        async with make().connect(server.url()):
            began = trio.current_time()
        assert trio.current_time() - began < 0.2
        await server.wait_all_closed()
    assert server.frames == [GOODBYE]
    assert server.ends == ["end"]


@pytest.mark.parametrize(
    "error", [BoomError(), KeyError(1), ExceptionGroup("of two", [BoomError(), BoomError()]), GeneratorExit()]
)
async def test_left_by_an_exception_it_says_nothing(
    make: Make, error: BaseException, tls: ssl.SSLContext | None
) -> None:
    """The connection is closed without another byte, and the exception leaves as the object it was."""
    async with serve(tls=tls) as server:
        caught: BaseException | None = None
        try:
            async with make().connect(server.url()):
                raise error
        except BaseException as exc:  # noqa: ASYNC103 - it is looked at, and is no cancellation
            caught = exc
        await server.wait_all_closed()
    assert caught is error
    assert error.__context__ is None
    assert server.frames == []


async def test_an_exception_is_not_replaced_by_a_cancellation(make: Make, tls: ssl.SSLContext | None) -> None:
    """What the block raises in a cancelled scope leaves that scope, as the object it was."""
    error = BoomError()
    async with serve(tls=tls) as server:
        with pytest.raises(BoomError) as caught, trio.CancelScope() as scope:
            async with make().connect(server.url()):
                scope.cancel()
                raise error
        await server.wait_all_closed()
    assert caught.value is error


async def test_cancelled_it_says_nothing(make: Make) -> None:
    """A cancelled block leaves at once."""
    async with serve() as server:
        with trio.CancelScope() as scope:
            async with make().connect(server.url()) as connection:
                scope.cancel()
                await connection.receive()
        assert scope.cancelled_caught
        await server.wait_all_closed()
    assert server.frames == []


async def test_left_normally_in_a_cancelled_scope_it_says_goodbye(make: Make) -> None:
    """A block that ends by itself ends normally, whatever awaits its caller."""
    async with serve() as server:
        with trio.CancelScope() as scope:
            async with make().connect(server.url()):
                scope.cancel()
        await server.wait_all_closed()
    assert server.frames == [GOODBYE]


async def test_an_error_of_ours_leaves_as_it_is(make: Make) -> None:
    """Also the error that a dead connection raises in the block."""

    async def script(peer: Peer) -> None:
        await peer.hang_up()

    caught = raised = None
    async with serve(script) as server:
        try:
            async with make().connect(server.url()) as connection:
                try:
                    await connection.receive()
                except Exception as error:
                    raised = error
                    raise
        except Exception as error:
            caught = error
    assert caught is raised
    assert caught is not None


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 3000, 4999])
async def test_the_server_closes(make: Make, code: int, tls: ssl.SSLContext | None) -> None:
    """Its code is told once all messages before it were; the close frame is answered, its words are not repeated."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"last"), close(code, b"listen key SECRET"), frame(b"too late"))

    async with serve(script, tls) as server:
        async with make().connect(server.url()) as connection:
            assert await receive(connection, 1) == [b"last"]
            error = await why_over(connection)
            await server.until(lambda: bool(server.frames))
        await server.wait_all_closed()
    assert error.code == code
    assert str(error) == f"closed by the other side with code {code}"
    assert len(server.frames) == 1
    assert server.frames[0][1][:2] == code.to_bytes(2)


async def test_the_server_closes_without_a_code(make: Make) -> None:
    """That is what 1005 stands for."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"", CLOSE))

    async with serve(script) as server, make().connect(server.url()) as connection:
        assert (await why_over(connection)).code == 1005


async def test_the_server_closes_within_a_message(make: Make) -> None:
    """What was not finished is not a message."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"whole"), frame(b"half", fin=False), close(1001))

    async with serve(script) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"whole"]
        assert (await why_over(connection)).code in {1001, None}


@pytest.mark.parametrize("last", [b"", frame(b"unfinished")[:5], frame(b"half", fin=False)])
async def test_the_server_hangs_up(make: Make, last: bytes, tls: ssl.SSLContext | None) -> None:
    """An end without a close frame is an end, and what was not finished is not a message."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"whole"), last)
        await peer.hang_up()

    async with serve(script, tls) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"whole"]
        error = await why_over(connection)
    assert error.code is None
    assert str(error) in {"connection closed without a close frame", "TLS connection closed by the other side"}


async def test_the_server_resets(make: Make, tls: ssl.SSLContext | None) -> None:
    """The system's own words tell of it."""
    over = trio.Event()

    async def script(peer: Peer) -> None:
        await over.wait()
        await peer.reset()

    async with serve(script, tls) as server, make().connect(server.url()) as connection:
        over.set()
        error = await why_over(connection)
    assert (str(error), error.code) == ("connection reset by peer", None)


async def test_messages_before_a_reset_are_received(make: Make) -> None:
    """Also where a ping among them can no longer be answered."""
    sent = trio.Event()

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"one"), frame(b"", PING), frame(b"two"))
        await peer.hang_up()
        sent.set()

    async with serve(script) as server, make().connect(server.url()) as connection:
        await sent.wait()
        assert await receive(connection, 2) == [b"one", b"two"]
        await why_over(connection)


async def test_after_the_block_it_is_over(make: Make) -> None:
    """Who still holds a connection gets errors of ours."""
    async with serve() as server:
        async with make().connect(server.url()) as connection:
            pass
        await why_over(connection)
        with pytest.raises(Exception, match="clos") as caught, trio.fail_after(2):
            await connection.ping()
    assert type(caught.value).__name__ == "SocketError"


@pytest.mark.parametrize("how", ["normally", "by an exception", "cancelled"])
async def test_leaving_a_peer_that_is_dead_is_prompt(make: Make, how: str, tls: ssl.SSLContext | None) -> None:
    """It neither reads nor answers nor closes; the block is left all the same."""
    async with serve(dead, tls) as server:
        with trio.CancelScope() as scope:
            try:
                async with make().connect(server.url()):
                    began = trio.current_time()
                    if how == "by an exception":
                        raise BoomError
                    if how == "cancelled":
                        scope.cancel()
                        await trio.sleep_forever()
            except BoomError:
                pass
        assert trio.current_time() - began < 0.5


async def test_a_peer_that_does_not_read(make: Make, tls: ssl.SSLContext | None) -> None:
    """Pongs that nobody takes do not hold up the receiver for ever, nor the way out."""
    async with serve(stuffed, tls) as server:
        with trio.fail_after(20):
            async with make().connect(server.url()) as connection:
                with pytest.raises(SocketError, match="the other side no longer reads"):
                    while True:
                        await connection.receive()
                with pytest.raises(Exception, match="no longer reads"):
                    await connection.ping()
                began = trio.current_time()
        assert trio.current_time() - began < 0.5


class Stuck(trio.abc.Stream):
    """A stream that at some time takes nothing any more."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        self.inner = inner
        self.is_stuck = self.is_closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_stuck:
            await trio.sleep_forever()
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        raise AssertionError

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.is_closed = True
        await self.inner.aclose()


async def test_leaving_where_nothing_can_be_sent_is_prompt(make: Make) -> None:
    """Where even the close frame finds no room, the connection is closed without it, also while a ping has the turn."""
    async with serve() as server, trio.open_nursery() as nursery:
        stream = Stuck(await trio.open_tcp_stream("localhost", server.port))

        async def dial(url: str) -> trio.abc.Stream:
            return stream

        async def ping() -> None:
            with pytest.raises(SocketError, match="no longer reads"):
                await connection.ping()

        async with make(dial=dial).connect(server.url()) as connection:
            stream.is_stuck = True
            stuck_at = trio.current_time()
            nursery.start_soon(ping)
            await trio.sleep(0.01)
        # It is given its time, some 0.4 s; a busy machine makes more of it.
        assert 0.3 < trio.current_time() - stuck_at < 3
        assert stream.is_closed
        await server.wait_all_closed()
    assert server.frames == []
