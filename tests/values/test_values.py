"""What users hand in are structs, and dataclasses to whoever asks."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import pprint
import re
from pathlib import Path

import msgspec
import pytest
from rich.pretty import pretty_repr

import trio_listenkey
from trio_listenkey import Credentials, Timing, UsageError, events, transports, venues
from trio_listenkey.transports import Request, Response

VENUE = venues.BINANCE_USDM


def test_replace_makes_another_one() -> None:
    """With everything else as it was, and checked like any other; the first one stays."""
    slower = dataclasses.replace(VENUE, keepalive_every=60.0, create=dataclasses.replace(VENUE.create, weight=7))
    assert (slower.keepalive_every, slower.create.weight, slower.name) == (60.0, 7, "binance-usdm")
    assert (VENUE.keepalive_every, VENUE.create.weight) == (1800.0, 1)
    with pytest.raises(UsageError):
        dataclasses.replace(VENUE, rest_url="http://elsewhere")
    with pytest.raises(UsageError):
        VENUE.at("http://elsewhere", "ws://elsewhere")
    with pytest.raises(UsageError):
        VENUE.__replace__(rest_url="http://elsewhere")  # as ``copy.replace`` does, in newer Pythons
    with pytest.raises(TypeError):
        dataclasses.replace(VENUE, no_such_field=1)  # type: ignore[call-arg]


def test_all_that_is_changed_is_checked() -> None:
    """The oldest msgspec that we allow has a ``replace`` that checks nothing. So it is used nowhere."""
    package = Path(trio_listenkey.__file__).parent
    uses = [
        path for path in package.rglob("*.py") if re.search(r"structs(\.| import .*)\breplace", path.read_text("utf-8"))
    ]
    assert [path.name for path in uses] == ["_value.py"]  # which says why not


def test_they_tell_their_fields() -> None:
    """In order, each with its default if it has one."""
    fields = {field.name: field.default for field in dataclasses.fields(VENUE)}
    assert list(fields)[:3] == ["name", "rest_url", "stream_url"]
    assert fields["name"] is dataclasses.MISSING
    assert (fields["key_in"], fields["validity"]) == ("form", 3600.0)
    assert dataclasses.asdict(Timing(jitter=0.5))["jitter"] == 0.5
    assert dataclasses.is_dataclass(VENUE)


@pytest.mark.parametrize(
    ("value", "other"),
    [(Timing(jitter=0.5), Timing()), (VENUE, venues.BINANCE_COINM), (venues.BINANCE_SPOT, venues.BINANCE_SPOT_DEMO)],
    ids=["timing", "keys", "session"],
)
def test_they_are_compared_by_content(value: object, other: object) -> None:
    """And can be keys, and pickled."""
    again = pickle.loads(pickle.dumps(value))
    assert again is not value
    assert again == value
    assert hash(again) == hash(value)
    assert again != other


def test_a_value_cannot_be_changed() -> None:
    """Whoever was handed one has it for good."""
    with pytest.raises(AttributeError):
        VENUE.name = "another"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del VENUE.name


@pytest.mark.parametrize(
    "value",
    [
        Credentials("an-api-key", "an-api-secret"),
        Request("PUT", "https://an-api-key", (("X", "an-api-key"),), b"an-api-secret"),
        Response(200, (("X", "an-api-key"),), b"an-api-secret"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_printer_shows_what_the_repr_hides(value: object) -> None:
    """Those who format tracebacks and logs ask structs and dataclasses for their fields (T1)."""
    for shown in (pprint.pformat([value] * 9), pretty_repr(value), pretty_repr([value] * 9, max_width=20)):
        assert type(value).__name__ in shown
        assert "an-api" not in shown


def test_a_long_value_is_printed_in_full() -> None:
    """What has no secret hides nothing."""
    assert "retry_cap=60.0" in pprint.pformat(Timing(), width=20)
    assert "retry_cap=60.0" in pretty_repr(Timing(), max_width=20)


PUBLIC = [
    each
    for module in (trio_listenkey, events, transports, venues)
    for each in map(module.__dict__.get, module.__all__)
    if isinstance(each, type) and issubclass(each, msgspec.Struct)
]


@pytest.mark.parametrize("struct", PUBLIC, ids=lambda struct: struct.__name__)
def test_they_have_a_signature(struct: type[msgspec.Struct]) -> None:
    """For ``help()``, an editor, or hypothesis: each of its names is one that is known where users import it from."""
    names = list(struct.__struct_fields__)
    assert list(inspect.signature(struct).parameters) == names
    assert [field.name for field in dataclasses.fields(struct)] == names  # type: ignore[arg-type]
