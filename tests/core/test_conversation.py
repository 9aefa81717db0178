"""What is said on sockets besides events, by each exchange that says something."""

from __future__ import annotations

import gzip
import json
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_listenkey import Venue, venues
from trio_listenkey._core._api_session import ApiSession, subscribe_by_token
from trio_listenkey._core._conversation import Conversation, Manners, needs_manners
from trio_listenkey._core._venue_parts import Heartbeat, StreamShape

TALKING = [venue for venue in venues.known() if isinstance(venue, Venue) and needs_manners(venue.stream)]
PING = 1_596_079_020_000
EVENT = b'{"e":"ORDER_TRADE_UPDATE","E":1596079020000}'


def begun(shape: StreamShape, now: float = 0.0) -> Manners:
    talk = Manners(shape)
    talk.now, talk.unix_ms = now, PING
    talk.begin()
    return talk


def test_who_has_manners() -> None:
    """Those that ping in words, compress, or want to be asked for events; Binance's are none of them."""
    assert {venue.name for venue in TALKING} == {
        *("bingx", "bingx-spot", "bingx-coinm", "mexc", "toobit", "hashkey", "bitrue", "coins-ph", "gmo-coin")
    }
    assert not needs_manners(venues.BINANCE_USDM.stream)


def test_both_kinds_are_conversations() -> None:
    """They have what the port wants, and a key in the URL is asked about elsewhere."""
    both: list[Conversation] = [
        Manners(StreamShape()),
        ApiSession("x", subscribe_by_token("t"), lambda _: None),
    ]
    assert [talk.is_ready for talk in both] == [True, False]
    assert [talk.ask() for talk in both] == [False, True]
    assert [talk.over for talk in both] == [None, None]


# What the exchange says, and what it wants to be answered; from the documents named in venues.py.
PINGS: list[tuple[Venue, Any, Any]] = [
    (venues.BINGX, "Ping", "Pong"),
    (venues.BINGX_COINM, "Ping", "Pong"),
    (
        venues.BINGX_SPOT,
        {"ping": "2177c68e4d0e45679965f482929b59c2", "time": "2022-06-07T16:27:36.323+0800"},
        {"pong": "2177c68e4d0e45679965f482929b59c2", "time": "2022-06-07T16:27:36.323+0800"},
    ),
    (venues.TOOBIT, {"ping": PING}, {"pong": PING}),
    (venues.HASHKEY, {"ping": PING, "channelId": "0242acfffe120002"}, {"pong": PING, "channelId": "0242acfffe120002"}),
    (venues.BITRUE, {"ping": PING}, {"pong": PING}),
    (venues.COINS_PH, {"ping": PING}, {"pong": PING}),
]


def on_the_wire(shape: StreamShape, said: Any) -> bytes:
    raw = (said if isinstance(said, str) else json.dumps(said)).encode()
    return gzip.compress(raw) if shape.compression == "gzip" else raw


@pytest.mark.parametrize(("venue", "ping", "pong"), PINGS, ids=[venue.name for venue, _, _ in PINGS])
def test_pings_are_answered(venue: Venue, ping: Any, pong: Any) -> None:
    """In the exchange's own way, and are no events; an event between them is one, unpacked."""
    talk = begun(venue.stream)
    talk.to_say()
    raw = on_the_wire(venue.stream, ping)
    assert talk.hear([raw, on_the_wire(venue.stream, EVENT.decode()), raw]) == [EVENT]
    said = talk.to_say()
    assert [each if isinstance(pong, str) else json.loads(each) for each in said] == [pong, pong]
    assert talk.to_say() == []


@pytest.mark.parametrize(
    ("venue", "every", "said", "answer"),
    [
        (venues.MEXC, 20, '{"method":"PING"}', {"id": 0, "code": 0, "msg": "PONG"}),
        (venues.TOOBIT, 60, f'{{"ping":{PING}}}', {"pong": PING}),
        (venues.HASHKEY, 10, f'{{"ping":{PING}}}', {"pong": PING}),
        (venues.COINS_PH, 60, f'{{"ping":{PING}}}', {"pong": PING}),
    ],
)
def test_pings_of_our_own(venue: Venue, every: float, said: str, answer: Any) -> None:
    """They are due in time, again and again, and what is answered is no event."""
    talk = begun(venue.stream, now=5)
    talk.to_say()
    for round_ in (1, 2):
        assert talk.say_at == 5 + every * round_
        talk.now = talk.say_at - 0.001
        assert talk.to_say() == []
        talk.now = talk.say_at
        assert talk.to_say() == [said]
        assert talk.hear([on_the_wire(venue.stream, answer)]) == []
        assert talk.to_say() == []


class TestSubscribing:
    @pytest.mark.parametrize(
        "venue", [venue for venue in TALKING if venue.stream.subscribe], ids=lambda venue: venue.name
    )
    def test_what_is_to_be_said_is_said(self, venue: Venue) -> None:
        """Each message once, in order, no faster than the exchange takes them; and each is JSON."""
        talk = begun(venue.stream)
        said: list[tuple[float, str]] = []
        while talk.say_at - talk.now < 10:
            talk.now = max(talk.now, talk.say_at)
            said += [(talk.now, text) for text in talk.to_say()]
        texts = [text for _, text in said if "PING" not in text]
        assert texts == list(venue.stream.subscribe)
        assert all(json.loads(text) for text in texts)
        pause = venue.stream.subscribe_every
        assert [at for at, _ in said] == pytest.approx([pause * n for n in range(len(said))])

    def test_after_a_pause_they_do_not_come_at_once(self) -> None:
        """GMO Coin takes one in a second: a machine that slept keeps to that, too."""
        talk = begun(venues.GMO_COIN.stream)
        assert len(talk.to_say()) == 1
        talk.now = 3600
        assert len(talk.to_say()) == (1 if len(venues.GMO_COIN.stream.subscribe) > 1 else 0)

    def test_none(self) -> None:
        """Where events come by themselves, nothing is ever due."""
        talk = begun(venues.BINGX.stream)
        assert (talk.say_at, talk.to_say()) == (inf, [])


class TestCompression:
    def test_a_bomb_is_not_unpacked(self) -> None:
        """A gigabyte in a megabyte costs nothing, and is shown as it came."""
        talk = begun(venues.BINGX.stream)
        bomb = gzip.compress(b"0" * 50_000_000)
        assert talk.hear([bomb]) == [bomb]

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            EVENT,
            gzip.compress(EVENT)[:-1],
            gzip.compress(EVENT)[:-5] + b"\0\0\0\0\0",
            gzip.compress(EVENT) + gzip.compress(EVENT),
            gzip.compress(EVENT) + b"more",
        ],
        ids=["nothing", "text", "cut", "wrong sum", "two", "more"],
    )
    def test_what_is_not_compressed_as_it_should_be(self, raw: bytes) -> None:
        """It is shown as it came."""
        assert begun(venues.BINGX.stream).hear([raw]) == [raw]

    def test_a_text_ping_without_compression(self) -> None:
        """It is one all the same."""
        talk = begun(venues.BINGX.stream)
        assert talk.hear([b"Ping"]) == []
        assert talk.to_say() == ["Pong"]

    def test_the_largest_message(self) -> None:
        """A megabyte is unpacked, and a byte more is not."""
        talk = begun(venues.BINGX.stream)
        most = b"x" * (1024 * 1024)
        more = gzip.compress(most + b"x")
        assert talk.hear([gzip.compress(most), more]) == [most, more]


@pytest.mark.parametrize(
    "raw",
    [
        EVENT,
        b'{"e":"ping","ping":1}',
        b"[" * 200,
        b"[1]",
        b"\xff",
        b'{"msg":"no pong"}',
        b'{"ping":1,"more":"' + b"x" * 300 + b'"}',
    ],
)
def test_what_is_no_ping(raw: bytes) -> None:
    """Events that speak of pings, nonsense, and what is longer than any ping."""
    talk = begun(venues.TOOBIT.stream)
    assert talk.hear([raw]) == [raw]
    assert talk.to_say() == []


def test_a_ping_with_a_pong_in_it() -> None:
    """What is answered is the ping."""
    talk = begun(venues.TOOBIT.stream)
    assert talk.hear([b'{"pong":2,"ping":1}']) == []
    assert talk.to_say() == ['{"pong":1}']


def test_an_empty_message_is_no_ping() -> None:
    """Not even where the exchange's ping is said to be nothing."""
    talk = begun(StreamShape(heartbeat=Heartbeat(kind="text", answer="Pong")))
    assert talk.hear([b""]) == [b""]
    assert talk.to_say() == []


@pytest.mark.parametrize("venue", TALKING, ids=lambda venue: venue.name)
@given(
    batch=st.lists(
        st.binary(max_size=30)
        | st.dictionaries(
            st.sampled_from(["ping", "pong", "e", "msg", "x"]),
            st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.just("PONG"),
        ).map(lambda said: json.dumps(said).encode()),
        max_size=5,
    ),
    packed=st.booleans(),
)
def test_whatever_comes(venue: Venue, batch: list[bytes], packed: bool) -> None:
    """Nothing raises, events stay in order, and no message is answered more than once."""
    talk = begun(venue.stream)
    talk.to_say()
    events = talk.hear([gzip.compress(raw) for raw in batch] if packed else batch)
    assert len(events) + len(talk.to_say()) <= len(batch)
    assert talk.over is None
