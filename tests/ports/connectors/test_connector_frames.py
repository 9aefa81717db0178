"""What is cut out of the buffer by hand is what websockets' protocol would have made of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example, given, strategies as st
from socket_server import BINARY, CLOSE, PING, PONG, TEXT, close, frame
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from trio_listenkey.connectors._frames import Inbox

LIMIT = 300


def open_protocol(limit: int = LIMIT) -> ClientProtocol:
    """A protocol whose handshake is over."""
    return ClientProtocol(parse_uri("ws://localhost/"), max_size=limit, state=OPEN)


@dataclass
class Outcome:
    """All that a series of bytes leads to."""

    messages: list[bytes]
    pongs: list[bytes]
    sent: list[tuple[int, bytes]]
    closed: object
    failed: object
    error: str


def unmasked(data: bytes) -> tuple[int, bytes]:
    """Opcode and payload of a short frame that a client sent."""
    payload = bytes(byte ^ data[2 + index % 4] for index, byte in enumerate(data[6:]))
    return data[0] & 0x0F, payload


def outcome(protocol: ClientProtocol, messages: list[bytes], pongs: list[bytes]) -> Outcome:
    return Outcome(
        messages,
        pongs,
        [unmasked(data) for data in protocol.data_to_send() if data],
        protocol.close_rcvd,
        protocol.close_sent,
        repr(protocol.parser_exc),
    )


def by_protocol(chunks: list[bytes]) -> Outcome:
    """What websockets makes of it, alone."""
    protocol = open_protocol()
    messages: list[bytes] = []
    pongs: list[bytes] = []
    parts = b""
    for chunk in chunks:
        protocol.receive_data(chunk)
    protocol.receive_eof()
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode is Opcode.PONG:
            pongs.append(bytes(event.data))
        elif event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            parts += event.data
            if event.fin:
                messages.append(parts)
                parts = b""
    return outcome(protocol, messages, pongs)


def by_inbox(chunks: list[bytes]) -> Outcome:
    """What we make of it."""
    protocol = open_protocol()
    inbox = Inbox(protocol, LIMIT)
    messages = []
    for chunk in chunks:
        messages += inbox.feed(chunk)
        assert len(inbox._held) <= LIMIT + 10
    inbox.end()
    assert {type(message) for message in messages} <= {bytes}
    return outcome(protocol, messages, inbox.pongs)


def payloads(longest: int) -> st.SearchStrategy[bytes]:
    lengths = st.sampled_from([0, 1, 2, 3, 124, 125, 126, 127, 200, 299, 300, 301, 400])
    return lengths.map(lambda length: bytes(range(97, 123))[:length].ljust(min(length, longest), b"z")[:longest])


GOOD = st.one_of(
    payloads(LIMIT).map(frame),
    payloads(LIMIT).map(frame),
    payloads(LIMIT).map(lambda payload: frame(payload, BINARY)),
    payloads(125).map(lambda payload: frame(payload, PING)),
    payloads(125).map(lambda payload: frame(payload, PONG)),
    st.tuples(st.sampled_from([TEXT, BINARY]), st.lists(payloads(80), min_size=1, max_size=3), st.booleans()).map(
        lambda each: (
            frame(b"first", each[0], fin=False)
            + (frame(b"between", PING) if each[2] else b"")
            + b"".join(frame(part, 0, fin=False) for part in each[1][:-1])
            + frame(each[1][-1], 0)
        )
    ),
)
BAD = st.one_of(
    payloads(500).map(frame),
    st.sampled_from([1000, 1001, 3000, 1005, 999]).map(close),
    st.just(frame(b"", CLOSE)),
    st.just(frame(b"begins", fin=False)),
    st.just(frame(b"\x03", CLOSE)),
    st.just(close(1000, b"\xff")),
    st.just(b"\x81\x7f" + (5).to_bytes(8) + b"hello"),  # longer ways to say a short length
    st.just(b"\x81\x7e\x00\x05hello"),
    st.just(b"\x89\x7e\x00\x05hello"),
    st.just(b"\x81\x7f" + b"\xff" * 8),
    st.binary(max_size=12),
    st.builds(
        frame,
        payloads(400),
        st.integers(0, 15),
        fin=st.booleans(),
        rsv=st.integers(0, 7),
        masked=st.booleans(),
    ),
)


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    """A series of frames, most of them good, cut anywhere."""
    frames = draw(st.lists(st.one_of(GOOD, GOOD, GOOD, BAD), max_size=12))
    data = b"".join(frames)
    data = data[: len(data) - draw(st.sampled_from([0, 0, 0, 1, 3, 60]))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=20)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(chunked())
@example([frame(b"x" * 300), frame(b"y" * 301)])
@example([frame(b"begins", fin=False) + frame(b"begins again")])
@example([frame(b"reserved", rsv=1) + frame(b"too late")])
@example([frame(b"a" * 290, fin=False) + frame(b"b" * 11, PING)])
@example([close(1000) + frame(b"too late")])
@example([bytes([byte]) for byte in frame(b"one") + frame(b"y" * 130) + frame(b"three", BINARY)])
def test_the_outcome_is_the_protocols(chunks: list[bytes]) -> None:
    """The same messages in the same order, the same answers, the same end."""
    assert by_inbox(chunks) == by_protocol(chunks)


@pytest.mark.parametrize("length", [301, 65536, 2**62])
def test_what_is_too_long_is_refused_by_its_header(length: int) -> None:
    """The protocol fails as soon as the length is known, and nothing is kept in wait for the rest."""
    protocol = open_protocol()
    inbox = Inbox(protocol, LIMIT)
    header = b"\x81\x7e" + length.to_bytes(2) if length < 65536 else b"\x81\x7f" + length.to_bytes(8)
    assert inbox.feed(frame(b"before") + header) == [b"before"]
    assert protocol.close_sent is not None
    assert protocol.close_sent.code == 1009
    for _ in range(100):
        assert inbox.feed(b"x" * 65536) == []
    assert len(inbox._held) + len(protocol.reader.buffer) + len(inbox._parts) == 0


def test_texts_do_not_pass_through_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what it is for."""
    protocol = open_protocol()
    inbox = Inbox(protocol, LIMIT)
    given_to_it: list[bytes] = []
    monkeypatch.setattr(protocol, "receive_data", given_to_it.append)
    texts = [b"x" * length for length in range(2, LIMIT)]
    assert inbox.feed(b"".join(map(frame, texts))) == texts
    assert given_to_it == []
