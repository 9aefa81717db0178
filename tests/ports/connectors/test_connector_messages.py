"""What the server sends is what is received: all of it, in order, whatever it was cut into."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest
import trio
from connector_kits import Make, receive, why_over
from socket_server import BINARY, CLOSE, PING, PONG, Peer, close, frame, serve

from trio_listenkey.connectors import SocketError, WebSocketConnector

TEXTS = [f'{{"number": {number}}}'.encode() for number in range(200)]


async def test_many_messages_come_in_order(make: Make, tls: ssl.SSLContext | None) -> None:
    """Nothing is lost, doubled or swapped, and what one read brought comes at once."""

    async def script(peer: Peer) -> None:
        await peer.send(*map(frame, TEXTS))

    async with serve(script, tls) as server, make().connect(server.url()) as connection:
        batches: list[Sequence[bytes]] = []
        with trio.fail_after(5):
            while sum(len(batch) for batch in batches) < len(TEXTS):
                batches.append(await connection.receive())
    assert [message for batch in batches for message in batch] == TEXTS
    assert len(batches) <= 3


async def test_messages_of_every_length_come_whole(make: Make, tls: ssl.SSLContext | None) -> None:
    """The three ways to say a length, at their borders; nothing is a length, too."""
    lengths = [0, 1, 2, 125, 126, 127, 65535, 65536, 200_000]
    messages = [b"x" * length for length in lengths]

    async def script(peer: Peer) -> None:
        await peer.send(*map(frame, messages))

    async with serve(script, tls) as server, make().connect(server.url()) as connection:
        assert await receive(connection, len(messages)) == messages


async def test_bytes_that_dribble_make_messages(make: Make) -> None:
    """A message may come byte by byte."""

    async def script(peer: Peer) -> None:
        for byte in b"".join([frame(b"one"), frame(b"y" * 130), frame(b"", PING), frame(b"three")]):
            await peer.send(bytes([byte]))
            await trio.lowlevel.checkpoint()

    async with serve(script) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 3) == [b"one", b"y" * 130, b"three"]


async def test_messages_that_come_with_the_handshake(make: Make, tls: ssl.SSLContext | None) -> None:
    """What is in the same read as the answer to the handshake is not lost, and a ping in it is answered."""

    async def script(peer: Peer) -> None:
        await peer.send(peer.acceptance(), frame(b"early"), frame(b"hello?", PING))

    async with serve(script, tls, shakes=False) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"early"]
        await server.until(lambda: server.frames == [(PONG, b"hello?")])


async def test_binary_messages_are_messages(make: Make) -> None:
    """Text and binary alike come as bytes."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"\x00\xff", BINARY), frame("ü".encode()))

    async with serve(script) as server, make().connect(server.url()) as connection:
        messages = await receive(connection, 2)
    assert messages == [b"\x00\xff", "ü".encode()]
    assert {type(message) for message in messages} == {bytes}


async def test_fragments_are_put_together(make: Make, tls: ssl.SSLContext | None) -> None:
    """Fragments make one message, with pings and pongs between them, and cut within a character."""
    letter = "ü".encode()
    pieces = [
        frame(b"one"),
        frame(b"tw" + letter[:1], fin=False),
        frame(b"here?", PING),
        frame(letter[1:], 0, fin=False),
        frame(b"who asked", PONG),
        frame(b"o", 0),
        frame(b"three"),
    ]

    async def script(peer: Peer) -> None:
        for piece in pieces:
            await peer.send(piece)
            await trio.sleep(0.001)

    async with serve(script, tls) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 3) == [b"one", b"tw" + letter + b"o", b"three"]
        await server.until(lambda: server.frames == [(PONG, b"here?")])


async def test_a_message_in_many_pieces(make: Make) -> None:
    """A thousand fragments, empty ones among them, are one message."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"", fin=False), *[frame(b"ab", 0, fin=False), frame(b"", 0, fin=False)] * 500)
        await peer.send(frame(b"", 0))

    async with serve(script) as server, make().connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"ab" * 500]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in fragments"])
async def test_a_message_that_is_too_long(make: Make, whole: bool, tls: ssl.SSLContext | None) -> None:
    """One byte too many ends the connection, with all messages before it; as many as allowed do not."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"x" * 1000))
        if whole:
            await peer.send(frame(b"z" * 1001))
        else:
            await peer.send(frame(b"z" * 600, fin=False), frame(b"z" * 401, 0))
        await peer.send(frame(b"never seen"))

    async with serve(script, tls) as server:
        async with make(max_message=1000).connect(server.url()) as connection:
            assert await receive(connection, 1) == [b"x" * 1000]
            error = await why_over(connection)
        await server.wait_all_closed()
    assert error.code is None
    assert "a message" in str(error)


async def test_a_message_that_is_too_long_is_not_waited_for(make: Make) -> None:
    """Its length is enough to know: where only that comes, the connection is over all the same."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"first"), frame(b"z" * 5_000_000)[:200_000])

    async with serve(script) as server, make(max_message=100_000).connect(server.url()) as connection:
        assert await receive(connection, 1) == [b"first"]
        await why_over(connection)


async def test_bytes_are_counted_and_not_characters(make: Make) -> None:
    """A message of few characters may have too many bytes."""

    async def script(peer: Peer) -> None:
        await peer.send(frame("ü".encode() * 50), frame("ü".encode() * 51), frame(b"never seen"))

    async with serve(script) as server, make(max_message=100).connect(server.url()) as connection:
        assert await receive(connection, 1) == ["ü".encode() * 50]
        assert "a message" in str(await why_over(connection))


async def test_a_text_that_is_no_text(make: Make) -> None:
    """Invalid UTF-8 is handed on as it came, or ends the connection; it never is changed."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"fine"))
        await trio.sleep(0.01)
        await peer.send(frame(b"\xff\xfe"), frame(b"next"))

    messages: list[bytes] = []
    async with serve(script) as server, make().connect(server.url()) as connection:
        with trio.move_on_after(0.3), pytest.raises(SocketError, match="UTF-8"):
            while True:
                messages += await connection.receive()
    assert messages in ([b"fine", b"\xff\xfe", b"next"], [b"fine"])
    if isinstance(make(), WebSocketConnector):
        assert b"\xff\xfe" in messages


@pytest.mark.parametrize(
    "bad",
    [
        frame(b"masked", masked=True),
        frame(b"reserved bit", rsv=4),
        frame(b"unknown opcode", 3),
        frame(b"continues nothing", 0),
        frame(b"x" * 126, PING),
        frame(b"", PING, fin=False),
        frame(b"begins", fin=False) + frame(b"begins again"),
        frame(b"\x03", CLOSE),
        close(1005),
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9,
    ],
    ids=lambda bad: bad[:24].hex(),
)
async def test_what_is_no_websocket_ends_the_connection(make: Make, bad: bytes) -> None:
    """Messages before it come, nothing after it does."""

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"fine"), bad, frame(b"never seen"))

    async with serve(script) as server:
        async with make().connect(server.url()) as connection:
            assert await receive(connection, 1) == [b"fine"]
            assert (await why_over(connection)).code is None
        await server.wait_all_closed()
