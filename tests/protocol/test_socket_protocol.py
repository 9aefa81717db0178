"""What is said on sockets besides events, by each exchange that says something."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from hypothesis import given, strategies as st
from timed import Timed

from trio_listenkey import KeyLostError, UnavailableError, Venue, venues
from trio_listenkey._protocol._socket_protocol import ChannelProtocol, SocketProtocol, needs_channel_protocol
from trio_listenkey._protocol._ws_api import WsApiProtocol, subscribe_by_token
from trio_listenkey._venue._parts import Heartbeat, StreamShape

TALKING = [venue for venue in venues.known() if isinstance(venue, Venue) and needs_channel_protocol(venue.stream)]
MARK = "\ufeff"
PING = 1_596_079_020_000
EVENT = b'{"e":"ORDER_TRADE_UPDATE","E":1596079020000}'


def begun(shape: StreamShape, now: float = 0.0) -> Timed:
    protocol = Timed(ChannelProtocol(shape), now=now, unix_ms=PING)
    protocol.start()
    return protocol


# What each exchange answers to a subscription, and how it refuses one; from what venues.py names.
TAKEN: dict[Venue, list[Any]] = {
    venues.BINGX_SPOT: [{"id": "1", "code": 0, "msg": ""}, {"id": "2", "code": 0, "msg": "SUCCESS"}],
    venues.MEXC: [
        {"id": 0, "code": 0, "msg": "spot@private.account.v3.api.pb"},
        {"id": 0, "code": 0, "msg": "spot@private.deals.v3.api.pb"},
        {"id": 0, "code": 0, "msg": "spot@private.orders.v3.api.pb"},
    ],
    venues.BITRUE: [
        {"channel": "user_order_update", "event_rep": "subed", "status": "ok", "ts": 1623381851178},
        {"channel": "user_balance_update", "event_rep": "subed", "status": "ok", "ts": 1623381851178},
    ],
    venues.BITRUE_FUTURES: [{"event": "user_account_update", "status": "ok", "ts": 1689568979259}],
}
REFUSED: list[tuple[Venue, Any]] = [
    (venues.BINGX_SPOT, {"id": "2", "code": 100400, "msg": "ILLEGAL_ARGUMENT"}),
    (venues.BINGX_SPOT, {"code": 100400, "msg": "", "timestamp": "1696245808833"}),
    (venues.MEXC, {"id": 0, "code": 0, "msg": "Not Subscribed successfully! [spot@x].  Reason: Blocked!"}),
    (venues.BITRUE, {"channel": "user_order_update", "status": "error", "err_msg": "no such channel"}),
    (venues.BITRUE_FUTURES, {"event": "user_account_update", "status": "error", "msg": "no such channel"}),
    (venues.GMO_COIN, {"error": "ERR-5003 Request too many."}),
    (venues.GMO_COIN_FX, {"error": "ERR-5012 Invalid permissions for action"}),
]
SUBSCRIBING = [*TAKEN, venues.GMO_COIN, venues.GMO_COIN_FX]


def subscribed(venue: Venue, now: float = 0.0) -> Timed:
    """A protocol that has sent its subscriptions and received the answers: events may come."""
    protocol = begun(venue.stream, now)
    protocol.messages_to_send()
    protocol.receive_messages([on_the_wire(venue.stream, answer) for answer in TAKEN.get(venue, [])])
    assert protocol.is_ready
    return protocol


def test_who_has_manners() -> None:
    """Those that ping in words, compress, or want to be asked for events; Binance's are none of them."""
    assert {venue.name for venue in TALKING} == {
        *("bingx", "bingx-spot", "bingx-coinm", "mexc", "toobit", "hashkey", "bitrue", "coins-ph", "gmo-coin"),
        *("toobit-usdtm", "hashkey-hk", "bitrue-futures", "gmo-coin-fx"),
    }
    assert not needs_channel_protocol(venues.BINANCE_USDM.stream)


def test_both_kinds_are_socket_protocols() -> None:
    """They have what the port wants, and a key in the URL is asked about elsewhere."""
    both: list[SocketProtocol] = [
        ChannelProtocol(StreamShape()),
        WsApiProtocol("x", subscribe_by_token("t"), lambda _: None),
    ]
    assert [protocol.is_ready for protocol in both] == [True, False]
    assert [protocol.wants_pong for protocol in both] == [False, False]
    assert [protocol.ask(0.0) for protocol in both] == [False, True]
    assert [protocol.failure for protocol in both] == [None, None]


# What the exchange says, and what it wants to be answered; from the documents named in venues.py.
PINGS: list[tuple[Venue, Any, Any]] = [
    (venues.BINGX, "Ping", "Pong"),
    (venues.BINGX_COINM, "Ping", "Pong"),
    (
        venues.BINGX_SPOT,
        {"ping": "2177c68e4d0e45679965f482929b59c2", "time": "2022-06-07T16:27:36.323+0800"},
        {"pong": "2177c68e4d0e45679965f482929b59c2", "time": "2022-06-07T16:27:36.323+0800"},
    ),
    (venues.BINGX_SPOT, "Ping", "Pong"),
    (venues.BINGX_SPOT, "ping", "Pong"),
    (venues.BINGX_COINM, "ping", "Pong"),
    (venues.BINGX_COINM, {"ping": "2177", "time": "2022"}, {"pong": "2177", "time": "2022"}),
    (venues.TOOBIT, {"ping": PING}, {"pong": PING}),
    (venues.HASHKEY, {"ping": PING, "channelId": "0242acfffe120002"}, {"pong": PING, "channelId": "0242acfffe120002"}),
    (venues.BITRUE, {"ping": PING}, {"pong": PING}),
    (venues.BITRUE, {"event": "ping", "ts": "1635221621062"}, {"event": "pong", "ts": "1635221621062"}),
    (venues.BITRUE, {"event": "ping"}, {"event": "pong"}),
    (venues.BITRUE_FUTURES, {"event": "ping", "ts": "1635221621062"}, {"event": "pong", "ts": "1635221621062"}),
    (venues.BINGX, {"ping": "2177", "time": "2022"}, {"pong": "2177", "time": "2022"}),
    (venues.COINS_PH, {"ping": PING}, {"pong": PING}),
]


def on_the_wire(shape: StreamShape, said: Any) -> bytes:
    raw = (said if isinstance(said, str) else json.dumps(said)).encode()
    return gzip.compress(raw) if shape.compression == "gzip" else raw


@pytest.mark.parametrize(("venue", "ping", "pong"), PINGS, ids=[f"{venue.name} {ping}" for venue, ping, _ in PINGS])
def test_pings_are_answered(venue: Venue, ping: Any, pong: Any) -> None:
    """In the exchange's own way, and are no events; an event between them is one, unpacked."""
    protocol = begun(venue.stream)
    protocol.messages_to_send()
    raw = on_the_wire(venue.stream, ping)
    assert protocol.receive_messages([raw, on_the_wire(venue.stream, EVENT.decode()), raw]) == [EVENT]
    said = protocol.messages_to_send()
    assert [each if isinstance(pong, str) else json.loads(each) for each in said] == [pong, pong]
    assert protocol.messages_to_send() == []


@pytest.mark.parametrize(("venue", "ping", "pong"), PINGS, ids=[f"{venue.name} {ping}" for venue, ping, _ in PINGS])
def test_a_byte_order_mark_is_no_part_of_a_ping(venue: Venue, ping: Any, pong: Any) -> None:
    """Where something puts it before every message, pings are answered all the same, and events stay as they came."""
    talk = begun(venue.stream)
    talk.messages_to_send()
    raw = on_the_wire(venue.stream, MARK + (ping if isinstance(ping, str) else json.dumps(ping)))
    event = MARK + EVENT.decode()
    assert talk.receive_messages([raw, on_the_wire(venue.stream, event)]) == [event.encode()]
    said = talk.messages_to_send()
    assert [each if isinstance(pong, str) else json.loads(each) for each in said] == [pong]


@pytest.mark.parametrize("venue", TAKEN, ids=lambda venue: venue.name)
def test_a_byte_order_mark_is_no_part_of_an_answer(venue: Venue) -> None:
    """Nor does it keep a subscription from being taken."""
    talk = begun(venue.stream)
    for answer in TAKEN[venue]:
        talk.messages_to_send()
        assert talk.receive_messages([on_the_wire(venue.stream, MARK + json.dumps(answer))]) == []
        talk.now += 1
    assert talk.is_ready
    assert talk.failure is None


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
    protocol = subscribed(venue, now=5)
    for round_ in (1, 2):
        assert protocol.deadline == 5 + every * round_
        protocol.now = protocol.deadline - 0.001
        assert protocol.messages_to_send() == []
        protocol.now = protocol.deadline
        assert protocol.messages_to_send() == [said]
        assert protocol.receive_messages([on_the_wire(venue.stream, answer)]) == []
        assert protocol.messages_to_send() == []


def test_a_pong_of_the_same_kind_is_no_event() -> None:
    """Bitrue's answer to ours, should there be one; what else has that field is left as it came."""
    protocol = subscribed(venues.BITRUE)
    order = b'{"event":"order","ts":1}'
    assert protocol.receive_messages([b'{"event":"pong","ts":"1635221621062"}', order]) == [order]
    assert protocol.messages_to_send() == []


class TestSubscribing:
    @pytest.mark.parametrize(
        "venue", [venue for venue in TALKING if venue.stream.subscribe], ids=lambda venue: venue.name
    )
    def test_what_is_to_be_said_is_said(self, venue: Venue) -> None:
        """Each message once, in order, no faster than the exchange takes them; and each is JSON."""
        protocol = begun(venue.stream)
        said: list[tuple[float, str]] = []
        while protocol.failure is None:
            protocol.now = max(protocol.now, protocol.deadline)
            said += [(protocol.now, text) for text in protocol.messages_to_send()]
        texts = [text for _, text in said if "PING" not in text]
        assert texts == list(venue.stream.subscribe)
        assert all(json.loads(text) for text in texts)
        pause = venue.stream.subscribe_every
        assert [at for at, _ in said] == pytest.approx([pause * n for n in range(len(said))])

    def test_after_a_pause_they_do_not_come_at_once(self) -> None:
        """GMO Coin takes one in a second: a machine that slept keeps to that, too."""
        protocol = begun(replace(venues.GMO_COIN.stream, subscribe=('"one"', '"two"', '"three"')))
        assert protocol.messages_to_send() == ['"one"']
        protocol.now = 3600.0
        assert protocol.messages_to_send() == ['"two"']
        assert protocol.deadline == 3600.0 + venues.GMO_COIN.stream.subscribe_every

    def test_none(self) -> None:
        """Where events come by themselves, nothing is ever due."""
        protocol = begun(venues.BINGX.stream)
        assert (protocol.deadline, protocol.messages_to_send()) == (inf, [])


class TestAnswers:
    """Events come on a channel from the moment at which the exchange takes the subscription, and not before."""

    @pytest.mark.parametrize("venue", TAKEN, ids=lambda venue: venue.name)
    def test_events_come_when_all_were_answered(self, venue: Venue) -> None:
        """What comes meanwhile where the exchange has answered is kept, and answers are no events, early or late."""
        protocol = begun(venue.stream)
        protocol.messages_to_send()
        event = on_the_wire(venue.stream, EVENT.decode())
        for answer in TAKEN[venue]:
            assert (protocol.is_ready, protocol.wants_pong) == (False, False)
            assert protocol.receive_messages([event, on_the_wire(venue.stream, answer), event]) == [EVENT, EVENT]
        assert protocol.is_ready
        assert protocol.receive_messages([on_the_wire(venue.stream, TAKEN[venue][0]), event]) == [EVENT]
        protocol.now = 10
        protocol.messages_to_send()
        assert protocol.failure is None

    def test_without_answers_a_pong_is_one(self) -> None:
        """GMO Coin's documents have none: what was said before a ping was heard when that is answered."""
        protocol = begun(venues.GMO_COIN.stream)
        protocol.messages_to_send()
        assert (protocol.is_ready, protocol.wants_pong) == (False, False)
        protocol.now = protocol.deadline
        protocol.messages_to_send()
        assert (protocol.is_ready, protocol.wants_pong) == (False, True)
        protocol.ponged()
        assert (protocol.is_ready, protocol.wants_pong, protocol.deadline) == (True, False, inf)

    @pytest.mark.parametrize(("venue", "refusal"), REFUSED, ids=[venue.name for venue, _ in REFUSED])
    def test_a_refusal_ends_it(self, venue: Venue, refusal: Any) -> None:
        """Whatever else was answered, and whenever it comes; the error has the exchange's words."""
        protocol = begun(venue.stream)
        protocol.messages_to_send()
        assert protocol.receive_messages([on_the_wire(venue.stream, refusal)] * 2) == []
        assert isinstance(protocol.failure, UnavailableError)
        assert protocol.failure.verb == "subscribe"
        assert next(reversed(refusal.values())) in str(protocol.failure.message)
        error = protocol.failure
        protocol.receive_messages([on_the_wire(venue.stream, answer) for answer in TAKEN.get(venue, [])])
        assert protocol.failure is error

    def test_a_late_refusal_ends_it(self) -> None:
        """A pong may overtake it, for all that is known."""
        protocol = begun(venues.GMO_COIN.stream)
        protocol.ponged()
        assert protocol.receive_messages([b'{"error":"ERR-5003 Request too many."}']) == []
        assert isinstance(protocol.failure, UnavailableError)

    @pytest.mark.parametrize("venue", SUBSCRIBING, ids=lambda venue: venue.name)
    def test_no_answer_at_all(self, venue: Venue) -> None:
        """It is not waited for any longer than five seconds from the last message on, and the error says for what."""
        protocol = begun(venue.stream)
        while protocol.failure is None:
            protocol.now = protocol.deadline
            protocol.messages_to_send()
        many = len(venue.stream.subscribe)
        assert protocol.now == pytest.approx(5 + venue.stream.subscribe_every * (many - 1))
        waited_for = f"{many} of {many} subscriptions" if venue.stream.subscribed else "a ping"
        assert f"has not answered {waited_for}" in str(protocol.failure)

    def test_a_long_answer(self) -> None:
        """Who subscribes to all in one message is answered in one; later, what is as long is not looked into."""
        channels = ",".join(f"spot@private.number-{number}.v3.api.pb" for number in range(30))
        shape = replace(venues.MEXC.stream, subscribe=("all of them",))
        answer = json.dumps({"id": 0, "code": 0, "msg": channels}).encode()
        protocol = begun(shape)
        protocol.messages_to_send()
        assert protocol.receive_messages([answer]) == []
        assert protocol.is_ready
        assert protocol.receive_messages([answer]) == [answer]

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"id":"1","code":0,"data":{"e":"executionReport"}}',
            b'{"id":"1","code":100400,"data":{"e":"executionReport"}}',
            b'{"id":"1","code":0,"e":"executionReport"}',
            b'{"id":"1"}',
            b'{"code":0}',
            b'{"id":[1],"code":0}',
            b'{"id":"1","code":{}}',
        ],
    )
    def test_what_is_no_answer(self, raw: bytes) -> None:
        """Events in envelopes that look like one, and what lacks a part."""
        protocol = begun(venues.BINGX_SPOT.stream)
        protocol.messages_to_send()
        assert protocol.receive_messages([raw, raw]) == [raw, raw]
        assert (protocol.is_ready, protocol.failure) == (False, None)

    def test_a_key_that_is_dead(self) -> None:
        """Where the exchange says so in words, no answer is waited for; they stay a message, and secrets are hidden."""
        protocol = Timed(ChannelProtocol(venues.MEXC.stream, "somewhere", ("the-key",)))
        protocol.start()
        said = b"Invalid listen key the-key"
        assert protocol.receive_messages([said]) == [said]
        assert isinstance(protocol.failure, KeyLostError)
        assert (protocol.failure.venue, protocol.failure.message) == ("somewhere", "Invalid listen key [hidden]")

    def test_a_key_that_dies_later(self) -> None:
        """That is the stream's own affair: it knows which key it was."""
        protocol = subscribed(venues.MEXC)
        assert protocol.receive_messages([b"Invalid listen key"]) == [b"Invalid listen key"]
        assert protocol.failure is None

    def test_an_event_that_a_key_has_expired(self) -> None:
        """It is an event like any other."""
        protocol = begun(replace(venues.BINGX_SPOT.stream, compression="none"))
        event = b'{"e":"listenKeyExpired"}'
        assert protocol.receive_messages([event]) == [event]
        assert protocol.failure is None


class TestCompression:
    def test_a_bomb_is_not_unpacked(self) -> None:
        """A gigabyte in a megabyte costs nothing, and is shown as it came."""
        protocol = begun(venues.BINGX.stream)
        bomb = gzip.compress(b"0" * 50_000_000)
        assert protocol.receive_messages([bomb]) == [bomb]

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
        assert begun(venues.BINGX.stream).receive_messages([raw]) == [raw]

    def test_a_text_ping_without_compression(self) -> None:
        """It is one all the same."""
        protocol = begun(venues.BINGX.stream)
        assert protocol.receive_messages([b"Ping"]) == []
        assert protocol.messages_to_send() == ["Pong"]

    def test_the_largest_message(self) -> None:
        """A megabyte is unpacked, and a byte more is not."""
        protocol = begun(venues.BINGX.stream)
        most = b"x" * (1024 * 1024)
        more = gzip.compress(most + b"x")
        assert protocol.receive_messages([gzip.compress(most), more]) == [most, more]


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
    protocol = begun(venues.TOOBIT.stream)
    assert protocol.receive_messages([raw]) == [raw]
    assert protocol.messages_to_send() == []


def test_a_ping_with_a_pong_in_it() -> None:
    """What is answered is the ping."""
    protocol = begun(venues.TOOBIT.stream)
    assert protocol.receive_messages([b'{"pong":2,"ping":1}']) == []
    assert protocol.messages_to_send() == ['{"pong":1}']


def test_an_empty_message_is_no_ping() -> None:
    """Not even where the exchange's ping is said to be nothing."""
    protocol = begun(StreamShape(heartbeat=Heartbeat(kind="text", answer="Pong")))
    assert protocol.receive_messages([b""]) == [b""]
    assert protocol.messages_to_send() == []


@pytest.mark.no_cover
@pytest.mark.parametrize("venue", TALKING, ids=lambda venue: venue.name)
@given(
    batch=st.lists(
        st.binary(max_size=30)
        | st.dictionaries(
            st.sampled_from(["ping", "pong", "e", "msg", "id", "code", "status", "data", "x"]),
            st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["PONG", "spot@x", [0]]),
        ).map(lambda said: json.dumps(said).encode()),
        max_size=5,
    ),
    packed=st.booleans(),
)
def test_whatever_comes(venue: Venue, batch: list[bytes], packed: bool) -> None:
    """Nothing raises, and no message is answered more than once; nor ends it anything but a refusal."""
    protocol = begun(venue.stream)
    protocol.messages_to_send()
    events = protocol.receive_messages([gzip.compress(raw) for raw in batch] if packed else batch)
    assert len(events) + len(protocol.messages_to_send()) <= len(batch)
    assert protocol.failure is None or venue.stream.refused
