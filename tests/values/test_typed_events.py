"""Every documented event is read as what it is, and what is none is never taken for one."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import pickle
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from samples import PRODUCTS, SAMPLES, Sample, as_sent, spoil, spoil_bytes, without_nothing

from trio_listenkey import AnyVenue, UsageError, UserEvent, events, venues
from trio_listenkey.events import EventTypes, options, spot, usdm
from trio_listenkey.testing._dialects import _events as dialect_events
from trio_listenkey.testing._dialects._stream_rules import EventFamily

ORDER = next(sample for sample in SAMPLES if str(sample) == "usdm-ORDER_TRADE_UPDATE")
KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
EVERY_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=str)


def parsed(raw: bytes, types: EventTypes[Any] = usdm.AS_SENT) -> Any:
    return UserEvent(raw, 0.0, reader=types.reader()).parsed


class TestSamples:
    @EVERY_SAMPLE
    def test_a_sample_comes_back_as_it_was(self, sample: Sample) -> None:
        """Nothing that has a field is lost, and nothing is changed."""
        event = parsed(sample.raw, sample.types)
        assert json.loads(msgspec.json.encode(event)).keys() <= sample.event.keys()
        assert without_nothing(json.loads(msgspec.json.encode(event))) == without_nothing(sample.known)

    @EVERY_SAMPLE
    def test_decimals_are_the_same_numbers(self, sample: Sample) -> None:
        """Every field that is a number is a decimal of the same value, and no other field is any different."""
        texts, decimals = parsed(sample.raw, sample.types), parsed(sample.raw, sample.decimals)
        assert type(texts) is type(decimals)
        for text, decimal in zip(leaves(texts), leaves(decimals), strict=True):
            assert Decimal(text) == decimal if isinstance(decimal, Decimal) else text == decimal

    @pytest.mark.parametrize("product", PRODUCTS)
    def test_every_event_has_a_sample(self, product: str) -> None:
        """Aster spot's expiry is documented of its futures alone."""
        known = {each.__struct_config__.tag for each in structs_of(product)} - (
            {"listenKeyExpired"} if product == "aster_spot" else set()
        )
        assert {sample.event["e"] for sample in SAMPLES if sample.product == product} == known

    @EVERY_SAMPLE
    def test_what_was_read_stays_as_it_is(self, sample: Sample) -> None:
        """Events are values: frozen, hashable, and equal where all is equal."""
        event = parsed(sample.raw, sample.types)
        assert hash(event) == hash(parsed(sample.raw, sample.types))
        assert event == parsed(sample.raw, sample.types)
        with pytest.raises(AttributeError, match="immutable"):
            event.event_time = 0

    @EVERY_SAMPLE
    def test_no_listen_key_shows(self, sample: Sample) -> None:
        """An event that carries one has no field for it."""
        assert KEY not in repr(parsed(sample.raw, sample.types))

    def test_attributes_say_what_they_are(self) -> None:
        """One event, in the words of the documents."""
        match parsed(ORDER.raw):
            case usdm.OrderTradeUpdate(order=order, event_time=time):
                assert (order.symbol, order.status, order.position_side, time) == (
                    "BTCUSDT",
                    "NEW",
                    "LONG",
                    1568879465651,
                )
                assert (order.activation_price, order.is_reduce_only, order.modify_id) == ("7476.89", False, None)
            case other:
                pytest.fail(f"{other!r} is no order")


def escaped(value: Any) -> bytes:
    """As JSON that has every letter of the numbers that are none as its number."""
    text = as_sent(value).decode()
    for word in ("NaN", "-nan", "sNaN1", "Infinity", "-inf"):
        text = text.replace(f'"{word}"', '"' + "".join(f"\\u{ord(letter):04x}" for letter in word) + '"')
    return text.encode()


def leaves(value: Any) -> Iterator[Any]:
    """Everything in an event that is no struct."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from leaves(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def structs_of(product: str) -> list[Any]:
    return [getattr(each, "__origin__", each) for each in get_args(PRODUCTS[product].Event)]


# How an event may come, for any of them.
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "alone": lambda event: event,
    "in a combined stream": lambda event: b'{"stream":"a","data":%b}' % event,
    "in a subscription": lambda event: b'{"subscriptionId":0,"event":%b}' % event,
    "in an envelope without a number": lambda event: b'{"event":%b}' % event,
    "in an envelope of data alone": lambda event: b'{"data":%b}' % event,
    "on a channel": lambda event: b'{"dataType":"a","data":%b}' % event,
    "as a list of one": lambda event: b"[%b]" % event,
    "as a list of one in a combined stream": lambda event: b'{"stream":"a","data":[%b]}' % event,
    "after a byte order mark": lambda event: b"\xef\xbb\xbf" + event,
    "in lines": lambda event: json.dumps(json.loads(event), indent=1).encode(),
    "with its type at the end": lambda event: as_sent(dict(reversed(json.loads(event).items()))),
    "in an envelope that ends with its name": lambda event: b'{"data":%b,"stream":"a"}' % event,
}


class TestForms:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("asked_before", [False, True], ids=["at once", "after its type"])
    def test_an_event_is_read_in_every_form(self, form: str, asked_before: bool) -> None:
        """Whatever it comes in, and whatever was asked of it before."""
        event = UserEvent(FORMS[form](as_sent(ORDER.event)), 0.0, reader=usdm.AS_SENT.reader())
        if asked_before:
            assert event.type == "ORDER_TRADE_UPDATE"
        assert event.parsed == parsed(ORDER.raw)
        assert event.type == "ORDER_TRADE_UPDATE"

    @pytest.mark.parametrize("form", FORMS)
    def test_messages_from_elsewhere_are_read_the_same(self, form: str) -> None:
        """By the types alone, without a stream."""
        assert usdm.AS_SENT.read(FORMS[form](as_sent(ORDER.event))) == parsed(ORDER.raw)

    @pytest.mark.parametrize("first", [True, False], ids=["at once", "after its type"])
    def test_an_event_is_no_envelope(self, first: bool) -> None:
        """What says which event it is, is that one, whatever else is in it; and ``data`` says the same."""
        inner = {"e": "listenKeyExpired", "E": 1}
        message = {**ORDER.event, "stream": "a", "event": inner, "data": inner}
        event = UserEvent(as_sent(message), 0.0, reader=usdm.AS_SENT.reader())
        assert first or event.type == "ORDER_TRADE_UPDATE"
        assert event.parsed == parsed(ORDER.raw)
        assert event.data == message

    def test_of_several_events_none_is_the_event(self) -> None:
        """They are all in ``data``."""
        event = UserEvent(b"[%b,%b]" % (ORDER.raw, ORDER.raw), 0.0, reader=usdm.AS_SENT.reader())
        assert event.parsed is None
        assert event.data == [ORDER.event, ORDER.event]

    @pytest.mark.parametrize("time", ["1736996475556", 1736996475556], ids=["text", "number"])
    def test_the_time_that_may_be_a_text(self, time: str | int) -> None:
        """Options alone; it stays what it was."""
        expired = parsed(as_sent({"e": "listenKeyExpired", "E": time}), options.AS_SENT)
        assert expired == options.ListenKeyExpired(event_time=time)

    def test_lists_that_are_not_sent_are_empty(self) -> None:
        """The funding fee of a cross position has no positions."""
        update = parsed(as_sent({"e": "ACCOUNT_UPDATE", "E": 2, "T": 1, "a": {"m": "FUNDING_FEE"}}))
        assert (update.update_data.balances, update.update_data.positions) == ((), ())


NO_EVENTS = [
    b"",
    b"hello",
    b"null",
    b"[]",
    b"{}",
    b'{"e":',
    b'{"e":"ORDER_TRADE_UPDATE"}',
    b'{"e":"NEW_EVENT","E":1}',
    b'{"e":null}',
    b'{"e":1,"E":1}',
    b'{"stream":"a","data":5}',
    b'{"stream":"a","data":{"e":"NEW_EVENT"}}',
    b'{"subscriptionId":0,"event":{"e":"NEW_EVENT"}}',
    b'{"subscriptionId":0,"event":null}',
    b'{"id":"1","status":200,"result":{}}',
    b'{"e":"\xff"}',
    b'{"e":"listenKeyExpired","E":' + b"9" * 5000 + b"}",
    b'{"e":"listenKeyExpired","E":1,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("copied", [lambda event: pickle.loads(pickle.dumps(event)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("asked_before", [False, True], ids=["unread", "read"])
def test_an_event_may_go_to_another_process(copied: Callable[[Any], Any], asked_before: bool) -> None:
    """There it says the same, whether it was asked here or not."""
    event = UserEvent(ORDER.raw, 0.0, reader=usdm.AS_SENT.reader())
    assert not asked_before or event.parsed
    assert copied(event).parsed == parsed(ORDER.raw)
    assert (copied(event).type, copied(event)) == (event.type, event)


class TestWhatDoesNotFit:
    @pytest.mark.parametrize("raw", NO_EVENTS, ids=lambda raw: repr(raw[:40]))
    def test_it_is_none_and_counted_once(self, raw: bytes) -> None:
        """However often it is asked for; and what it is can still be seen."""
        reader = usdm.AS_SENT.reader()
        event = UserEvent(raw, 0.0, reader=reader)
        assert (event.parsed, event.parsed, reader.unparsed, event.raw) == (None, None, 1, raw)

    def test_what_fits_is_not_counted(self) -> None:
        """It is read once, and then the same object."""
        reader = usdm.AS_SENT.reader()
        event = UserEvent(ORDER.raw, 0.0, reader=reader)
        assert event.parsed is event.parsed is not None
        assert reader.unparsed == 0

    def test_without_types_there_is_nothing(self) -> None:
        """As on a venue whose events have none."""
        assert UserEvent(ORDER.raw, 0.0).parsed is None

    @pytest.mark.parametrize("number", ["NaN", "-nan", "sNaN1", "Infinity", "-inf"])
    @pytest.mark.parametrize("write", [as_sent, escaped], ids=["plain", "escaped"])
    def test_what_is_no_number_is_no_decimal(self, number: str, write: Callable[[Any], bytes]) -> None:
        """``Decimal`` would take it, and raise when it is compared; as a text it stays what was sent."""
        event = json.loads(ORDER.raw)
        event["o"]["p"] = number
        assert parsed(write(event), usdm.DECIMALS) is None
        assert parsed(write(event)).order.original_price == number

    def test_names_like_no_numbers_do_no_harm(self) -> None:
        """They are no prices."""
        event = json.loads(ORDER.raw)
        event["o"] |= {"c": "NaN", "s": "INFUSDT"}
        assert parsed(as_sent(event), usdm.DECIMALS).order.original_quantity == Decimal("0.001")

    @pytest.mark.parametrize("number", ["abc", "", [], 1, None], ids=repr)
    def test_a_decimal_that_is_none_does_not_fit(self, number: Any) -> None:
        """As texts, only those that are no texts do not fit."""
        event = json.loads(ORDER.raw)
        event["o"]["p"] = number
        assert (parsed(as_sent(event)) is None) is not isinstance(number, str)
        assert parsed(as_sent(event), usdm.DECIMALS) is None or number == 1

    def test_ten_thousand_wrong_events(self) -> None:
        """None of them raises; and what is read of one is in it, field by field."""
        random, readable = Random(8), 0
        for number in range(10_000):
            sample = random.choice(SAMPLES)
            raw = as_sent(spoil(sample.message, random)) if number % 3 else spoil_bytes(sample.raw, random)
            types = random.choice((sample.types, sample.types, sample.decimals))
            event, again = (UserEvent(raw, 0.0, reader=types.reader()) for _ in range(2))
            assert isinstance(again.type, str | None)  # and so the envelope is open
            assert event.parsed == again.parsed, raw
            if event.parsed is not None:
                readable += 1
                # What has no field is passed over, whatever it is; here it may even be no text.
                data = json.loads(event.payload.decode(errors="replace"))
                data = data[0] if isinstance(data, list) else data
                assert is_in(json.loads(msgspec.json.encode(event.parsed)), data), raw
        assert 500 < readable < 9_500


def is_in(read: Any, sent: Any) -> bool:
    """Whether everything that was read was sent."""
    if isinstance(read, dict):
        return isinstance(sent, dict) and all(name in sent and is_in(read[name], sent[name]) for name in read)
    if isinstance(read, list):
        return isinstance(sent, list) and len(read) == len(sent) and all(map(is_in, read, sent))
    if isinstance(read, bool) or isinstance(sent, bool):
        return read is sent
    if isinstance(read, str) and read != sent:
        return Decimal(read) == Decimal(str(sent))  # of those with decimals
    return bool(read == sent)


class TestTypes:
    def test_venues_have_those_of_their_modules(self) -> None:
        """What is written down twice, so that a venue need not import its events, is the same."""
        of_modules = {product.AS_SENT for product in PRODUCTS.values()}
        every: list[AnyVenue] = [*venues.known(), *venues.sessions()]
        of_venues = {venue.events for venue in every}
        assert of_venues == of_modules | {None}
        assert venues.BINANCE_USDM.events == usdm.AS_SENT
        assert venues.binance_margin_isolated("BTCUSDT").events == venues.BINANCE_SPOT.events == spot.AS_SENT

    @pytest.mark.parametrize(
        "venue", [venues.BINANCE_USDM, venues.BINANCE_SPOT, venues.MEXC], ids=lambda venue: venue.name
    )
    def test_a_venue_can_be_given_others(self, venue: AnyVenue) -> None:
        """It is the same in all else."""
        other = venue.with_events(usdm.DECIMALS)
        assert other.events == usdm.DECIMALS
        assert other.name == venue.name
        assert other.at("http://127.0.0.1:1", "ws://127.0.0.1:1").events == usdm.DECIMALS

    @pytest.mark.parametrize("venue", [venues.BINANCE_USDM, venues.BINANCE_SPOT], ids=lambda venue: venue.name)
    def test_what_are_no_types_is_refused(self, venue: AnyVenue) -> None:
        """The union itself is easily taken for them."""
        with pytest.raises(UsageError, match=r"Venue\.events of .*AS_SENT or DECIMALS"):
            venue.with_events(usdm.Event)  # type: ignore[arg-type]

    @pytest.mark.parametrize("union", ["usdm", "usdm:", ":Event", "a b:Event", 5, None], ids=repr)
    def test_a_union_is_told_by_its_place(self, union: Any) -> None:
        """Anything else is refused before a stream is opened."""
        with pytest.raises(UsageError, match=r"EventTypes\.union is"):
            EventTypes(union)

    def test_types_of_your_own(self) -> None:
        """One struct will do, and it has no parameter for numbers."""
        types: EventTypes[Fill] = EventTypes(f"{__name__}:Fill")
        assert types.read(b'{"e":"FILL","s":"BTCUSDT"}') == Fill("BTCUSDT")
        assert types.read(b'{"subscriptionId":1,"event":{"e":"FILL","s":"BTCUSDT"}}') == Fill("BTCUSDT")
        assert types.read(ORDER.raw) is None

    def test_the_package_has_its_modules(self) -> None:
        """They are imported by their names, and nothing else is there."""
        assert events.usdm is usdm
        assert set(events.__all__) <= set(dir(events))
        with pytest.raises(AttributeError, match="no attribute 'kraken'"):
            _ = events.kraken  # type: ignore[attr-defined]

    @pytest.mark.parametrize("product", PRODUCTS)
    def test_every_struct_of_a_product_is_in_its_module(self, product: str) -> None:
        """Whoever matches an event finds the types of its parts beside it."""
        found: set[Any] = set()

        def look_into(kind: Any) -> None:
            origin = getattr(kind, "__origin__", kind)
            if isinstance(origin, type) and issubclass(origin, msgspec.Struct) and origin not in found:
                found.add(origin)
                for field in msgspec.structs.fields(kind):
                    look_into(field.type)
            for each in get_args(kind):
                look_into(each)

        look_into(PRODUCTS[product].Event[str])
        module = PRODUCTS[product]
        assert found == {
            getattr(module, name) for name in module.__all__ if name not in {"AS_SENT", "DECIMALS", "Event"}
        }
        assert {"AS_SENT", "DECIMALS", "Event"} < set(module.__all__)


class Fill(msgspec.Struct, tag_field="e", tag="FILL"):
    symbol: str = msgspec.field(name="s")


FAMILIES: dict[EventFamily, EventTypes[Any]] = {
    "usdm": usdm.AS_SENT,
    "coinm": PRODUCTS["coinm"].AS_SENT,
    "spot": spot.AS_SENT,
    "options": options.AS_SENT,
    "portfolio-margin": PRODUCTS["portfolio_margin"].AS_SENT,
    "aster-spot": PRODUCTS["aster_spot"].AS_SENT,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_test_exchange_sends_is_read(family: EventFamily) -> None:
    """Its shapes were written from the documents by another reading."""
    kinds = dialect_events.kinds_of(family)
    assert kinds
    for kind in kinds:
        sent = dialect_events.build_event(family, kind, 7, 1_790_000_000_000)
        event = parsed(as_sent(sent), FAMILIES[family])
        assert event is not None, kind
        assert is_in(json.loads(msgspec.json.encode(event)), sent)


FILES = sorted(path for path in Path(events.__file__).parent.glob("*.py") if path.stem != "_types")
STRUCTS = [
    pytest.param(node, id=f"{path.stem}.{node.name}")
    for path in FILES
    for node in ast.parse(path.read_bytes()).body
    if isinstance(node, ast.ClassDef) and any(each.arg == "frozen" for each in node.keywords)
]


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_struct_says_where_it_is_from(struct: ast.ClassDef) -> None:
    """Its page, and below each field what it is; ``docs/events.rst`` is made of that."""
    words = ast.get_docstring(struct) or ""
    assert re.search(r'(Page|Heading) "|``[a-z-]+\.md``', words) or struct.name in {"Record", "Event"}
    below = dict(itertools.pairwise(struct.body))
    for field in (node for node in struct.body if isinstance(node, ast.AnnAssign)):
        match below.get(field):
            case ast.Expr(value=ast.Constant(value=str(told))):
                assert told.strip(), ast.unparse(field)
            case _:
                pytest.fail(f"nothing is said of {ast.unparse(field)}")
