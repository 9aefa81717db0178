"""The key rules themselves: who has which key, until when, and how long there was none.

The rules are common to every exchange with listen keys (Binance Spot, USD-M and COIN-M documentation, "User
Data Streams"): a key lives for 60 minutes from its creation or last renewal; one account has one key, and
creating it again returns the same and renews it; closing ends it for every holder.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["KeyLife", "Keys", "Place"]

Place = tuple[str, str]
"""Where there is one key: the account's name, and the path of the dialect."""

_ALPHABET = string.ascii_letters + string.digits


@dataclass(slots=True, eq=False, repr=False)
class KeyLife:
    """One key, from its creation on, and for ever: sockets hold on to dead ones.

    Attributes:
        key: The key.
        place: Whose it is, and where.
        ends_at: When the key died or, unless it is renewed, will.
        announced: Whether its sockets are told when that time has come: of an expiry, not of a close.
        without: Seconds between the death of each earlier key of this place and the birth of this one.
    """

    key: str
    place: Place
    ends_at: float
    announced: bool = True
    without: float = 0.0


class Keys:
    """All keys of one exchange.

    Attributes:
        ever: Every key that was ever made, in order, by its name.
        changed: Called whenever a key ends at another time than it would have; a plain attribute.
    """

    def __init__(self, seed: int) -> None:
        self._letters = random.Random(f"{seed}/keys")  # noqa: S311 - it must be repeatable
        self._slots: dict[str, dict[str, KeyLife]] = {}
        self.ever: dict[str, KeyLife] = {}
        self.changed: Callable[[KeyLife], None] = _nobody

    def alive(self, place: Place, now: float) -> str | None:
        slot = self.latest(place)
        return slot.key if slot is not None and now < slot.ends_at else None

    def open(self, now: float) -> tuple[str, ...]:
        slots = (slot for by_path in self._slots.values() for slot in by_path.values())
        return tuple(slot.key for slot in slots if now < slot.ends_at)

    def places(self, account: str) -> list[Place]:
        return [(account, path) for path in self._slots.get(account, {})]

    def create(self, place: Place, now: float, validity: float) -> str:
        """A new key. What is left of an old one is over."""
        account, path = place
        self.end(place, now)
        without = self.seconds_without(place, now)
        key = "".join(self._letters.choices(_ALPHABET, k=64))
        life = KeyLife(key, place, now + validity, without=without)
        self._slots.setdefault(account, {})[path] = self.ever[key] = life
        return key

    def renew(self, place: Place, now: float, validity: float) -> None:
        """The key, if there is one alive, lives for ``validity`` from now."""
        self._end_at(now + validity, place, now, announced=True)

    def end(self, place: Place, now: float, *, announced: bool = False) -> None:
        """The key, if there is one alive, is dead from now on; ``announced`` is whether sockets are told."""
        self._end_at(now, place, now, announced=announced)

    def seconds_without(self, place: Place, now: float) -> float:
        """Seconds since the first creation during which no key was alive."""
        slot = self.latest(place)
        return slot.without + max(0.0, now - slot.ends_at) if slot is not None else 0.0

    def _end_at(self, end: float, place: Place, now: float, *, announced: bool) -> None:
        life = self.latest(place)
        if life is not None and now < life.ends_at:
            life.ends_at, life.announced = end, announced
            self.changed(life)

    def latest(self, place: Place) -> KeyLife | None:
        """The last key that was made there, dead or alive."""
        account, path = place
        return self._slots.get(account, {}).get(path)


def _nobody(life: KeyLife) -> None:
    """Nobody wants to know."""
