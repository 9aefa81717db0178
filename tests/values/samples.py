"""The documented samples of events, and what of them is known; and everything that may be wrong with one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from trio_listenkey.events import EventTypes, aster_futures, aster_spot, coinm, options, portfolio_margin, spot, usdm

PRODUCTS: dict[str, Any] = {
    "usdm": usdm,
    "coinm": coinm,
    "spot": spot,
    "options": options,
    "portfolio_margin": portfolio_margin,
    "aster_futures": aster_futures,
    "aster_spot": aster_spot,
}


@dataclass(frozen=True)
class Sample:
    product: str
    page: str
    source: str
    message: dict[str, Any]
    no_field: tuple[str, ...] = ()
    """What is secret."""

    @property
    def types(self) -> EventTypes[Any]:
        types: EventTypes[Any] = PRODUCTS[self.product].AS_SENT
        return types

    @property
    def decimals(self) -> EventTypes[Any]:
        types: EventTypes[Any] = PRODUCTS[self.product].DECIMALS
        return types

    @property
    def raw(self) -> bytes:
        return as_sent(self.message)

    @property
    def event(self) -> dict[str, Any]:
        """Out of its envelope."""
        if "e" in self.message:
            return self.message
        event: dict[str, Any] = self.message["event" if "event" in self.message else "data"]
        return event

    @property
    def known(self) -> Any:
        """What of the event has a field."""
        event = copy.deepcopy(self.event)
        for path in self.no_field:
            *way, last = path.split(".")
            within = event
            for step in way:
                within = within[step]
            del within[last]
        return event

    def __str__(self) -> str:
        return f"{self.product}-{self.event['e']}"


def as_sent(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def without_nothing(value: Any) -> Any:
    """``null`` and a list without anything in it say the same as a name that is not there."""
    if isinstance(value, dict):
        return {name: without_nothing(each) for name, each in value.items() if each is not None and each != []}
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def _read() -> Iterator[Sample]:
    for product in PRODUCTS:
        path = Path(__file__).parent / "event_samples" / f"{product}.json"
        for row in json.loads(path.read_bytes()):
            yield Sample(product, row["page"], row["source"], row["message"], tuple(row.get("no_field", ())))


SAMPLES = tuple(_read())

# What may stand where something else was expected. Some are near what is right.
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.0, 1.5, -0.0, 1e308, 2**63, 2**64, 10**30, "", "0", "1", "-0.00", "NaN", "Infinity",
    "abc", "1e5", "\u0661", "\u0000", "é", "BUY", [], [[]], [{}], {}, {"e": "ORDER_TRADE_UPDATE"}, {"s": "BTCUSDT"},
    [None],
)  # fmt: skip


def spoil(message: Any, random: Random) -> Any:
    """The message, with one to three things wrong somewhere in it."""
    spoiled = copy.deepcopy(message)
    for _ in range(random.randint(1, 3)):
        places = list(_places(spoiled))
        if not places:
            break
        within, where = random.choice(places)
        match random.randrange(5):
            case 0:
                within[where] = copy.deepcopy(random.choice(STRANGE))
            case 1:
                del within[where]
            case 2:
                within[where] = {"e": within[where]} if random.random() < 0.5 else [within[where]]
            case 3:
                other, there = random.choice(places)
                within[where] = copy.deepcopy(other[there])
            case _:
                within[where] = copy.deepcopy(random.choice(SAMPLES).message)
    return spoiled


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for where, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, where
            yield from _places(each)


def spoil_bytes(raw: bytes, random: Random) -> bytes:
    """The message, with some bytes of it lost, changed or repeated."""
    spoiled = bytearray(raw)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(spoiled))
        match random.randrange(4):
            case 0:
                spoiled[at] = random.randrange(256)
            case 1:
                del spoiled[at : at + random.randint(1, 20)]
            case 2:
                spoiled[at:at] = spoiled[at : at + random.randint(1, 20)]
            case _:
                spoiled[at:at] = random.choice((b'"', b"{", b"]", b",", b"0", b"\\", b"9" * 5000, b" "))
        if not spoiled:
            break
    return bytes(spoiled)
