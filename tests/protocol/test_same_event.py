"""Which two messages are the same event (S1): however it was written, and no other."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from trio_listenkey import venues
from trio_listenkey._protocol._same_event import canonical_for
from trio_listenkey._venue._parts import StreamShape

ANY = canonical_for(StreamShape())
JSON_MEXC = canonical_for(StreamShape(varying=("sendTime",)))
MEXC = canonical_for(venues.MEXC.stream)

FILLED = b'{"e":"ORDER_TRADE_UPDATE","E":1700,"o":{"i":1,"c":"n\\u00e9","X":"FILLED","z":"0.10"}}'


class TestJSON:
    @pytest.mark.parametrize(
        "other",
        [
            '{"e":"ORDER_TRADE_UPDATE","E":1700,"o":{"i":1,"c":"né","X":"FILLED","z":"0.10"}}',
            '{"o":{"z":"0.10","X":"FILLED","c":"n\\u00e9","i":1},"E":1700,"e":"ORDER_TRADE_UPDATE"}',
            '{ "e": "ORDER_TRADE_UPDATE",\n"E": 1700, "o": {"i": 1, "c": "n\\u00E9", "X": "\\u0046ILLED", "z":"0.10"}}',
        ],
        ids=["escapes", "order", "spaces"],
    )
    def test_however_it_is_written(self, other: str) -> None:
        """Order of members, spaces and escapes say nothing."""
        assert ANY(other.encode()) == ANY(FILLED)

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ('{"e":"ALGO_UPDATE","E":5,"o":{"aid":1,"X":"NEW"}}', '{"e":"ALGO_UPDATE","E":6,"o":{"aid":1,"X":"NEW"}}'),
            ('{"e":"ORDER","E":5,"ia":true}', '{"e":"ORDER","E":5,"ia":false}'),
            ('{"e":"ORDER","E":5,"z":"0.1"}', '{"e":"ORDER","E":5,"z":"0.10"}'),
            ('{"e":"ORDER","E":5,"z":1}', '{"e":"ORDER","E":5,"z":"1"}'),
            ('{"e":"ORDER","E":5,"l":[1,2]}', '{"e":"ORDER","E":5,"l":[2,1]}'),
            ('{"e":"ORDER","E":5}', '{"e":"ORDER","E":5,"x":null}'),
        ],
        ids=["second NEW", "ia", "digits", "text", "order of a list", "one more"],
    )
    def test_what_matters_makes_two(self, first: str, second: str) -> None:
        """Any member may: what it means is not for us to say."""
        assert ANY(first.encode()) != ANY(second.encode())

    def test_the_time_of_sending_is_the_gateways(self) -> None:
        """Where the venue says so; elsewhere it is a member like any other."""
        first, second = b'{"createTime":1,"sendTime":7}', b'{"sendTime":10,"createTime":1}'
        assert JSON_MEXC(first) == JSON_MEXC(second)
        assert ANY(first) != ANY(second)
        assert JSON_MEXC(b'{"createTime":2,"sendTime":7}') != JSON_MEXC(first)

    @pytest.mark.parametrize("raw", [b"", b"hello", b"{", b"\xff", b"[" * 100_000, b'{"e":"\\ud800"}'])
    def test_what_cannot_be_read_is_its_bytes(self, raw: bytes) -> None:
        """It is the same as itself."""
        assert ANY(raw) == raw

    @pytest.mark.parametrize("raw", [b"1", b'"x"', b"null", b"[1]"])
    def test_what_is_no_object_has_no_members(self, raw: bytes) -> None:
        """JSON all the same."""
        assert JSON_MEXC(raw) == raw

    @given(
        st.dictionaries(
            st.text(max_size=5),
            st.recursive(
                st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                max_leaves=8,
            ),
            max_size=6,
        ),
        st.randoms(),
    )
    def test_whatever_it_says(self, members: dict[str, object], random: object) -> None:
        """Written by another hand, it is the same; with one member changed, it is not."""
        keys = list(members)
        random.shuffle(keys)  # type: ignore[attr-defined]
        other = json.dumps({key: members[key] for key in keys}, ensure_ascii=False, indent=1)
        assert ANY(json.dumps(members).encode()) == ANY(other.encode("utf-8", "surrogatepass"))
        assert ANY(json.dumps({**members, "new": 1}).encode()) != ANY(json.dumps({**members, "new": 2}).encode())


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def wrapper(*, create: int = 1_700_000_000_000, send: int = 1_700_000_000_003, body: bytes = b"order 7") -> bytes:
    """MEXC's ``PushDataV3ApiWrapper``."""
    return (
        text(1, b"spot@private.orders.v3.api.pb")
        + text(304, body)
        + text(3, b"BTCUSDT")
        + number(5, create)
        + number(6, send)
    )


class TestProtobuf:
    def test_the_time_of_sending_is_the_gateways(self) -> None:
        """Three milliseconds apart, and one event."""
        assert MEXC(wrapper(send=1_700_000_000_003)) == MEXC(wrapper(send=1_700_000_000_006))

    @pytest.mark.parametrize("other", [wrapper(create=1), wrapper(body=b"order 8"), wrapper() + number(9, 1)])
    def test_what_matters_makes_two(self, other: bytes) -> None:
        """Anything else."""
        assert MEXC(other) != MEXC(wrapper())

    def test_the_order_of_fields_says_nothing(self) -> None:
        """But of those with one number it does: that is a list."""
        first = text(1, b"a") + number(5, 300) + text(9, b"x") + text(9, b"y")
        assert MEXC(first) == MEXC(text(9, b"x") + number(5, 300) + text(9, b"y") + number(6, 1) + text(1, b"a"))
        assert MEXC(first) != MEXC(text(1, b"a") + number(5, 300) + text(9, b"y") + text(9, b"x"))

    def test_every_kind_of_field(self) -> None:
        """Numbers of fixed length, too."""
        fields = [varint(7 << 3 | 1) + b"8 bytes.", varint(8 << 3 | 5) + b"four", number(2, 2**63)]
        assert MEXC(b"".join(fields)) == MEXC(b"".join(reversed(fields)))

    @pytest.mark.parametrize(
        "raw",
        [b"\x80", b"\xff" * 12, b"\x0a\x05abc", b"\x09abc", b"\x0b", b"\x08", b"Invalid listen key"],
        ids=["no tag", "no end", "text", "fixed", "kind", "no value", "words"],
    )
    def test_what_cannot_be_read_is_its_bytes(self, raw: bytes) -> None:
        """A message that ends within a field, or is none."""
        assert MEXC(raw) == raw


@pytest.mark.parametrize("canonical", [ANY, MEXC], ids=["json", "protobuf"])
@given(raw=st.binary(max_size=40))
def test_it_never_raises(canonical: Callable[[bytes], bytes], raw: bytes) -> None:
    """The exchange is not trusted (T3)."""
    assert canonical(raw) == canonical(raw)
