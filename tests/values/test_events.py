"""What a stream delivers: events that say what they are whatever they are, and gaps."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from trio_listenkey._events import Gap, UserEvent

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
ORDER = b'{"e":"ORDER_TRADE_UPDATE","E":1568879465651,"o":{"s":"BTCUSDT","p":"0.00100"}}'
WRAPPED = b'{"stream":"%b","data":%b}' % (KEY.encode(), ORDER)
DEEP = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
NO_JSON = [b"", b"\xff\xfe", b"hello", b'{"e":', b'{"e":"\xff"}', b'{"e":"\\ud800"}', b'{"e":"x"}{}', DEEP]
NO_EVENTS = [
    b"null",
    b"[]",
    b"1",
    b'"e"',
    b"{}",
    b'{"e":null,"E":null}',
    b'{"stream":"a","data":5}',
    b'{"data":[1]}',
    b'{"data":[]}',
    *NO_JSON,
]


def event(raw: bytes) -> UserEvent:
    return UserEvent(raw, 100.0)


class TestReading:
    @pytest.mark.parametrize("raw", [ORDER, WRAPPED], ids=["plain", "in an envelope"])
    def test_it_says_what_it_is(self, raw: bytes) -> None:
        """Type, time, and contents are read from the event, out of its envelope if it has one."""
        found = event(raw)
        assert (found.type, found.time) == ("ORDER_TRADE_UPDATE", 1568879465651)
        assert found.data == json.loads(ORDER)
        assert found.payload == ORDER
        assert found.raw == raw

    def test_prices_stay_text(self) -> None:
        """Nothing is rounded."""
        assert event(ORDER).data["o"]["p"] == "0.00100"

    def test_contents_are_decoded_once(self) -> None:
        """Who asks again gets the same object."""
        found = event(ORDER)
        assert found.data is found.data

    @pytest.mark.parametrize("raw", NO_EVENTS, ids=lambda raw: repr(raw[:20]))
    def test_what_is_no_event_has_no_type_and_no_time(self, raw: bytes) -> None:
        """Whatever comes, asking what it is does not raise."""
        found = event(raw)
        assert (found.type, found.time, found.payload) == (None, None, raw)
        assert "None" in repr(found)

    @pytest.mark.parametrize("raw", NO_JSON, ids=lambda raw: repr(raw[:20]))
    def test_contents_that_are_no_json_are_a_value_error(self, raw: bytes) -> None:
        """It says how long the message is, and not what is in it."""
        with pytest.raises(ValueError, match=f"a message of {len(raw)} bytes is not JSON"):
            _ = event(raw).data

    @pytest.mark.parametrize("raw", [b"null", b"[]", b'{"stream":"a","data":5}', b'{"stream":"a"}', b'{"data":{}}'])
    def test_contents_that_are_another_json_are_that(self, raw: bytes) -> None:
        """Half an envelope is none."""
        assert event(raw).data == json.loads(raw)

    def test_its_own_data_is_no_envelope(self) -> None:
        """An event may have a field of that name."""
        found = event(b'{"e":"x","E":1,"data":{"e":"y"}}')
        assert (found.type, found.data["data"]) == ("x", {"e": "y"})

    @pytest.mark.parametrize("kind", ["1", "true", "[]", "{}", "null", "1e400"])
    def test_a_type_is_text(self, kind: str) -> None:
        """Anything else is none."""
        assert event(f'{{"e":{kind},"E":5}}'.encode()).type is None

    @pytest.mark.parametrize(
        ("said", "time"),
        [("5", 5), ('"1591097736592"', 1591097736592), ('"' + "0" * 7 + '1591097736592"', 1591097736592)],
    )
    def test_a_time_may_be_text(self, said: str, time: int) -> None:
        """Options documents give it so; a text of twenty digits is still one."""
        assert event(f'{{"e":"x","E":{said}}}'.encode()).time == time

    @pytest.mark.parametrize(
        "said", ["true", "[]", "null", '""', '"x"', '"-1"', '"1.5"', '"\u0661"', '"' + "9" * 21 + '"', "1e400"]
    )
    def test_another_time_is_none(self, said: str) -> None:
        """Truth, other scripts' digits, infinity, and texts that Python refuses to read as numbers."""
        assert event(f'{{"e":"x","E":{said}}}'.encode()).time is None

    @pytest.mark.parametrize(
        "said",
        ["1767225600123", "1767225600123456", '"1767225600123456"', "1767225600123.0", "1767225600123.75"],
    )
    def test_a_time_is_in_milliseconds(self, said: str) -> None:
        """Whatever unit was asked for: whoever compares times must not be a thousand times off."""
        assert event(f'{{"e":"x","E":{said}}}'.encode()).time == 1767225600123

    @pytest.mark.parametrize(
        "envelope",
        [
            '{"data":%s}',
            '{"data":[%s]}',
            '{"stream":"s","data":%s}',
            '{"stream":"s","data":[%s]}',
            '{"dataType":"s","data":%s}',
            '{"subscriptionId":0,"event":%s}',
            "\ufeff%s",
        ],
    )
    def test_every_envelope_is_opened(self, envelope: str) -> None:
        """Type and time are those of the event in it, or of the first in a list."""
        found = event((envelope % '{"e":"x","E":5}').encode())
        assert (found.type, found.time) == ("x", 5)
        assert found.data in ({"e": "x", "E": 5}, [{"e": "x", "E": 5}])

    def test_data_without_a_type_is_no_event(self) -> None:
        """GMO Coin's messages have a field of that name, too."""
        found = event(b'{"data":{"id":1}}')
        assert (found.type, found.data) == (None, {"data": {"id": 1}})

    def test_a_very_long_time_does_no_harm(self) -> None:
        """Python reads no more than some thousand digits, and raises then."""
        assert event(b'{"e":"x","E":"' + b"1" * 5000 + b'"}').time is None

    @given(st.binary(max_size=60) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
    def test_nothing_breaks_it(self, message: bytes | str) -> None:
        """Bytes of any kind, in the place of an event and of its fields, have a type and a time or none."""
        text = message.encode(errors="ignore") if isinstance(message, str) else message
        for raw in (text, b'{"e":%b,"E":%b}' % (text, text), b'{"stream":"s","data":%b}' % text):
            found = event(raw)
            assert isinstance(found.type, str | None)
            assert isinstance(found.time, int | None)
            assert found.payload in {raw, text, text.removeprefix(b"\xef\xbb\xbf")}


class Order(msgspec.Struct):
    """A user's own type."""

    e: str
    E: int


class TestDecode:
    @pytest.mark.parametrize("raw", [ORDER, WRAPPED], ids=["plain", "in an envelope"])
    def test_it_becomes_a_type_of_yours(self, raw: bytes) -> None:
        """Out of the envelope, too."""
        assert event(raw).decode(Order) == Order("ORDER_TRADE_UPDATE", 1568879465651)

    def test_what_does_not_fit_is_told(self) -> None:
        """The check is msgspec's."""
        with pytest.raises(msgspec.MsgspecError):
            event(b'{"e":1}').decode(Order)


class TestValue:
    def test_they_compare_by_message(self) -> None:
        """The same bytes at another time are the same event; nothing else is."""
        assert UserEvent(ORDER, 1.0) == UserEvent(ORDER, 2.0, 1.5)
        assert len({UserEvent(ORDER, 1.0), UserEvent(ORDER, 2.0)}) == 1
        assert event(ORDER) != event(WRAPPED)
        other: Any = ORDER
        assert event(ORDER) != other

    def test_when_it_was_sent_is_within_bounds(self) -> None:
        """Not before the time that is known, which is that of reading where nothing is."""
        assert UserEvent(ORDER, 2.0, 1.5).sent_after == 1.5
        assert event(ORDER).sent_after == event(ORDER).received_at == 100.0

    def test_the_repr_hides_the_account(self) -> None:
        """Type, time and size are shown; neither contents nor the listen key are (T1)."""
        shown = repr(event(WRAPPED))
        assert shown == f"<UserEvent ORDER_TRADE_UPDATE, time 1568879465651, {len(WRAPPED)} bytes>"

    def test_a_gap_lasts(self) -> None:
        """From its start to its end; and it cannot be changed."""
        gap = Gap("disconnected", 2.0, 5.5, 1002.0, 1005.5, None, 1, 1)
        assert (gap.duration, gap.missed) == (3.5, None)
        with pytest.raises(AttributeError):
            gap.cause = "overflow"  # type: ignore[misc]
