"""What ``UserEvent.parsed`` costs beside ``UserEvent.type`` and ``UserEvent.decode``, ``json.loads`` and pydantic.

CPU time of what a program asks of an event that its stream has delivered: the events are made before each round,
nothing of them was decoded, and each is dropped once it was looked at. The readers take turns within each round.

``type``, ``decode`` is into the very struct that ``parsed`` returns. ``own struct`` is into the leanest one that a user
can write: exactly the fields that the sample has, none of them optional, by their wire names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec
from _measuring import report

from trio_listenkey import UserEvent
from trio_listenkey.events import EventTypes, spot, usdm
from trio_listenkey.testing._dialects._events import build_event
from trio_listenkey.testing._dialects._stream_rules import EventFamily

EVENTS, ROUNDS = 1_000, 51
GOAL = 0.5
ALONE, ENVELOPE = "%s", '{"subscriptionId":0,"event":%s}'

CASES: tuple[tuple[EventFamily, str, str, EventTypes[Any], EventTypes[Any]], ...] = (
    ("usdm", "ORDER_TRADE_UPDATE", ALONE, usdm.AS_SENT, usdm.DECIMALS),
    ("usdm", "ACCOUNT_UPDATE", ALONE, usdm.AS_SENT, usdm.DECIMALS),
    ("spot", "executionReport", ALONE, spot.AS_SENT, spot.DECIMALS),
    ("spot", "executionReport", ENVELOPE, spot.AS_SENT, spot.DECIMALS),
    ("spot", "outboundAccountPosition", ENVELOPE, spot.AS_SENT, spot.DECIMALS),
)

Read = Callable[[UserEvent], object]
Make = Callable[[str, list[tuple[str, Any]]], Any]


def a_struct(name: str, fields: list[tuple[str, Any]]) -> Any:
    """As a user writes it: every field, by its wire name."""
    return msgspec.defstruct(name, fields, frozen=True, gc=False)


def a_model(name: str, fields: list[tuple[str, Any]]) -> Any:
    return import_module("pydantic").create_model(name, **{field: (kind, ...) for field, kind in fields})


def shape_of(value: Any, make: Make, name: str = "Event") -> Any:
    """The type of a sample, as ``make`` makes those of objects."""
    if isinstance(value, dict):
        return make(name, [(key, shape_of(each, make, name + key)) for key, each in value.items()])
    if isinstance(value, list):
        return list[shape_of(value[0], make, name)]  # type: ignore[misc]
    return str | None if value is None else type(value)


def type_and_decode(into: Any) -> Read:
    return lambda event: (event.type, event.decode(into))


def struct_of(message: bytes, types: EventTypes[Any]) -> Any:
    """What ``parsed`` makes of the message, with its parameter if it has one."""
    struct = type(types.read(message))
    return struct[str] if getattr(struct, "__parameters__", ()) else struct  # type: ignore[index]


def by_pydantic(model: Any) -> Read:
    return lambda event: model.model_validate_json(event.raw)


def cpu_us(read: Read, messages: Sequence[bytes], types: EventTypes[Any]) -> float:
    reader = types.reader()
    events = [UserEvent(message, 0.0, None, reader) for message in messages]
    began = time.process_time()
    while events:
        read(events.pop())
    return (time.process_time() - began) / len(messages) * 1e6


def main() -> None:
    has_pydantic = find_spec("pydantic") is not None
    if not has_pydantic:
        print("pydantic is not installed, and left out")
    for family, kind, envelope, as_sent, decimals in CASES:
        samples = [build_event(family, kind, number, 1_790_000_000_000 + number) for number in range(EVENTS)]
        messages = [(envelope % json.dumps(sample, separators=(",", ":"))).encode() for sample in samples]
        readers: dict[str, tuple[Read, EventTypes[Any]]] = {
            "type, decode": (type_and_decode(struct_of(messages[0], as_sent)), as_sent),
            "type, decode into own struct": (type_and_decode(shape_of(samples[0], a_struct)), as_sent),
            "parsed": (lambda event: event.parsed, as_sent),
            "parsed, with decimals": (lambda event: event.parsed, decimals),
            "data": (lambda event: event.data, as_sent),
            "json.loads": (lambda event: json.loads(event.raw), as_sent),
        }
        if has_pydantic:
            readers["pydantic"] = (by_pydantic(shape_of(json.loads(messages[0]), a_model)), as_sent)
        taken: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(ROUNDS):
            for name, (read, types) in readers.items():
                taken[name].append(cpu_us(read, messages, types))
        print(f"{kind}{' in an envelope' if envelope == ENVELOPE else ''}, {len(messages[0])} bytes")
        ours, baseline = taken.pop("parsed"), taken.pop("type, decode")
        report("  parsed / type, decode", ours, baseline, "us", goal=GOAL)
        for name, times in taken.items():
            print(f"  {name:<34} {min(times):8.3f} us   parsed is {min(ours) / min(times):.2f} of it")


if __name__ == "__main__":
    main()
