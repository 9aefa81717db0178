"""The byte streams below a WebSocket, TCP and TLS: what they pass on, how they end, and what interrupts a read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio
from throwaway_tls import client_tls, server_tls
from trio.testing import wait_all_tasks_blocked

from trio_listenkey.connectors._tcp import InterruptedReadError, InterruptibleStream, TCPStream
from trio_listenkey.connectors._tls import TLSStream
from trio_listenkey.connectors._wire import Wire

MUCH = bytes(range(256)) * 16 * 1024  # more than what the system's buffers hold


@asynccontextmanager
async def a_tcp_pair() -> AsyncIterator[tuple[TCPStream, trio.SocketStream]]:
    ours, theirs = (trio.socket.from_stdlib_socket(each) for each in socket.socketpair())
    stream = TCPStream(trio.SocketStream(ours))
    async with stream, trio.SocketStream(theirs) as peer:
        yield stream, peer


@asynccontextmanager
async def a_tls_pair() -> AsyncIterator[tuple[TLSStream, trio.SSLStream[trio.SocketStream]]]:
    async with a_tcp_pair() as (below, peer_below), trio.open_nursery() as nursery:
        stream = TLSStream(below, client_tls(), "localhost")
        peer = trio.SSLStream(peer_below, server_tls(), server_side=True, https_compatible=True)
        nursery.start_soon(peer.do_handshake)
        await stream.do_handshake()
        yield stream, peer


Pair = Callable[[], AbstractAsyncContextManager[tuple[InterruptibleStream, trio.abc.Stream]]]

PAIRS = pytest.mark.parametrize("a_pair", [a_tcp_pair, a_tls_pair])


async def read_until(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    data = b""
    with trio.fail_after(10):
        while len(data) < count:
            data += await stream.receive_some(50_000)
    return data


# --- What is sent and received


@PAIRS
async def test_all_of_it_comes_in_both_directions(a_pair: Pair) -> None:
    """Much more than the system takes at once: who sends waits, and nothing is lost."""
    async with a_pair() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, MUCH)
        await wait_all_tasks_blocked()
        assert await read_until(peer, len(MUCH)) == MUCH
        nursery.start_soon(peer.send_all, MUCH)
        assert await read_until(stream, len(MUCH)) == MUCH
        await stream.wait_send_all_might_not_block()
        await stream.send_all(b"")


@PAIRS
async def test_the_default_timeout_of_sockets_does_not_matter(a_pair: Pair) -> None:
    """Programs set one for other libraries. Ours waits in trio and never in a call, which would stop the loop."""
    socket.setdefaulttimeout(4)
    try:
        async with a_pair() as (stream, peer), trio.open_nursery() as nursery:
            start = trio.current_time()
            nursery.start_soon(stream.send_all, MUCH)
            await wait_all_tasks_blocked()
            assert trio.current_time() - start < 3
            assert await read_until(peer, len(MUCH)) == MUCH
    finally:
        socket.setdefaulttimeout(None)


@PAIRS
async def test_no_more_is_received_than_was_asked_for(a_pair: Pair) -> None:
    """What is left comes next, without another byte from the peer."""
    async with a_pair() as (stream, peer):
        await peer.send_all(b"0123456789")
        with trio.fail_after(5):
            pieces = [await stream.receive_some(4) for _ in range(3)]
    assert pieces == [b"0123", b"4567", b"89"]


@PAIRS
async def test_an_end_stays_an_end(a_pair: Pair) -> None:
    """What was sent before it comes first; TLS's own goodbye is not waited for."""
    async with a_pair() as (stream, peer):
        await peer.send_all(b"last")
        await peer.aclose()
        with trio.fail_after(5):
            assert await stream.receive_some() == b"last"
            assert await stream.receive_some() == b""
            assert await stream.receive_some() == b""


async def test_goodbye_of_tls_is_an_end() -> None:
    """A peer may say it, and leave the connection open."""
    async with a_tls_pair() as (stream, peer), trio.open_nursery() as nursery:
        await peer.send_all(b"last")
        nursery.start_soon(peer.unwrap)
        assert await read_until(stream, 4) == b"last"
        with trio.fail_after(5):
            assert await stream.receive_some() == b""
        nursery.cancel_scope.cancel()


async def test_what_is_not_tls_is_told_after_what_was() -> None:
    """A record that was changed on its way ends the stream, and nothing can be sent on it any more."""
    async with a_tls_pair() as (stream, peer):
        await peer.send_all(b"good")
        await peer.transport_stream.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        with trio.fail_after(5):
            assert await stream.receive_some() == b"good"
            for _ in range(2):
                with pytest.raises(trio.BrokenResourceError) as caught:
                    await stream.receive_some()
                assert isinstance(caught.value.__cause__, ssl.SSLError)


async def test_nothing_is_said_before_the_handshake() -> None:
    """To OpenSSL that is an error; to a stream, one that is broken."""
    async with a_tcp_pair() as (below, peer):
        stream = TLSStream(below, client_tls(), "localhost")
        await peer.send_all(b"no TLS")
        with trio.fail_after(5):
            with pytest.raises(trio.BrokenResourceError):
                await stream.do_handshake()
            with pytest.raises(trio.BrokenResourceError):
                await stream.send_all(b"something")


async def test_an_end_in_the_handshake_breaks_it() -> None:
    """In OpenSSL's own words."""
    async with a_tcp_pair() as (below, peer), trio.open_nursery() as nursery:
        nursery.start_soon(end_after_the_first_words, peer)
        with trio.fail_after(5), pytest.raises(trio.BrokenResourceError) as caught:
            await TLSStream(below, client_tls(), "localhost").do_handshake()
        assert isinstance(caught.value.__cause__, ssl.SSLError)


async def end_after_the_first_words(peer: trio.SocketStream) -> None:
    await peer.receive_some()
    await peer.send_eof()


# --- How it ends on this side


@PAIRS
async def test_who_receives_hears_of_a_close(a_pair: Pair) -> None:
    """And so does everyone who comes later. Closing twice is nothing."""
    async with a_pair() as (stream, _):
        async with trio.open_nursery() as nursery:

            async def receive() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await stream.receive_some()

            nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            await stream.aclose()
        await stream.aclose()
        stream.interrupt()
        for attempt in (stream.receive_some, lambda: stream.send_all(b"x"), stream.wait_send_all_might_not_block):
            with pytest.raises(trio.ClosedResourceError):
                await attempt()


async def test_a_reset_breaks_it() -> None:
    """Reading and writing alike, with the system's own words as the cause."""
    async with a_tcp_pair() as (stream, peer):
        await stream.send_all(b"never read")
        await peer.aclose()  # with something unread, which is a reset
        with pytest.raises(trio.BrokenResourceError) as caught:
            await stream.receive_some()
        assert isinstance(caught.value.__cause__, OSError)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await stream.send_all(b"x")
        assert isinstance(caught.value.__cause__, OSError)


# --- What interrupts a read


@PAIRS
async def test_an_interrupted_read_has_lost_nothing(a_pair: Pair) -> None:
    """Also where half of it had come: the next read has all."""
    async with a_pair() as (stream, peer):
        async with trio.open_nursery() as nursery:

            async def receive() -> None:
                with pytest.raises(InterruptedReadError):
                    await stream.receive_some()

            nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            stream.interrupt()
        await peer.send_all(b"all")
        assert await read_until(stream, 3) == b"all"


@PAIRS
async def test_a_cancelled_read_has_lost_nothing(a_pair: Pair) -> None:
    """At whichever step: what it did not return, the next one does."""
    sent, received = b"", b""
    async with a_pair() as (stream, peer):
        for steps in range(30):
            sent += b"%d " % steps
            async with trio.open_nursery() as nursery:
                with trio.CancelScope() as scope:
                    nursery.start_soon(peer.send_all, b"%d " % steps)
                    nursery.start_soon(cancel_after, scope, steps)  # noqa: ASYNC111 - it does nothing afterwards
                    received += await stream.receive_some()
        received += await read_until(stream, len(sent) - len(received))
    assert received == sent


async def cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


@PAIRS
async def test_who_sends_is_not_interrupted(a_pair: Pair) -> None:
    """The same sign wakes who waits to send; that one goes on."""
    async with a_pair() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, MUCH)
        await wait_all_tasks_blocked()
        stream.interrupt()
        await wait_all_tasks_blocked()
        assert await read_until(peer, len(MUCH)) == MUCH


async def test_waking_for_nothing_is_no_data() -> None:
    """What woke who waits may be gone when it looks; here somebody else was woken by it, too, and was first."""
    async with a_tcp_pair() as (stream, peer):
        thief = socket.socket(fileno=socket.dup(stream._socket.fileno()))
        stolen = False
        with thief:
            while not stolen:  # trio runs the two in any order
                received: list[bytes] = []
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(receive_into, stream, received)
                    await wait_all_tasks_blocked()
                    nursery.start_soon(peer.send_all, b"some")
                    await trio.lowlevel.wait_readable(thief)
                    stolen = not received and thief.recv(100) == b"some"
                    if stolen:
                        await wait_all_tasks_blocked(0.01)
                        assert not received
                        await peer.send_all(b"more")
                assert received == [b"more" if stolen else b"some"]


async def receive_into(stream: TCPStream, received: list[bytes]) -> None:
    received.append(await stream.receive_some())


@pytest.mark.parametrize("is_interruptible", [True, False])
async def test_a_wire_can_be_read_until_interrupted(*, is_interruptible: bool) -> None:
    """Over the library's own streams as over anybody's, which know no interruption."""
    async with a_tcp_pair() as (stream, peer):
        below: trio.abc.Stream = stream if is_interruptible else trio.StapledStream(stream, stream)
        assert isinstance(below, InterruptibleStream) is is_interruptible
        wire = Wire(below)
        results: list[bytes | None] = []

        async def receive() -> None:
            results.append(await wire.receive_interruptibly())

        for interrupted in (True, False):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive)
                await wait_all_tasks_blocked()
                if interrupted:
                    wire.interrupt()
                else:
                    await peer.send_all(b"some")
    assert results == [None, b"some"]
