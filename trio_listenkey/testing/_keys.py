"""The key rules themselves: who has which key, until when, and how long there was none.

The rules are common to every exchange with listen keys (Binance Spot, USD-M and COIN-M documentation, "User Data
Streams"): a key lives for 60 minutes from its creation or last renewal; one account has one key, and creating it
again returns the same and renews it; closing ends it for every holder.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

__all__ = ["Keys", "Place"]

Place = tuple[str, str]
"""Where there is one key: the account's name, and the path of the dialect."""

_ALPHABET = string.ascii_letters + string.digits


@dataclass(slots=True)
class _Slot:
    key: str
    ends_at: float
    """When the key died or, unless it is renewed, will."""
    without: float = 0.0
    """Seconds between the death of each earlier key and the birth of the next."""


class Keys:
    """All keys of one exchange."""

    def __init__(self, seed: int) -> None:
        self._letters = random.Random(f"{seed}/keys")  # noqa: S311 - it must be repeatable
        self._slots: dict[Place, _Slot] = {}
        self.ever: list[str] = []

    def alive(self, place: Place, now: float) -> str | None:
        slot = self._slots.get(place)
        return slot.key if slot is not None and now < slot.ends_at else None

    def open(self, now: float) -> tuple[str, ...]:
        return tuple(slot.key for slot in self._slots.values() if now < slot.ends_at)

    def places(self, account: str) -> list[Place]:
        return [place for place in self._slots if place[0] == account]

    def create(self, place: Place, now: float, validity: float) -> str:
        """A new key. What is left of an old one is over."""
        without = self.seconds_without(place, now)
        key = "".join(self._letters.choices(_ALPHABET, k=64))
        self._slots[place] = _Slot(key, now + validity, without)
        self.ever.append(key)
        return key

    def renew(self, place: Place, now: float, validity: float) -> None:
        """The key, which must be alive, lives for ``validity`` from now."""
        self._slots[place].ends_at = now + validity

    def end(self, place: Place, now: float) -> None:
        """The key, if there is one alive, is dead from now on."""
        if self.alive(place, now):
            self._slots[place].ends_at = now

    def seconds_without(self, place: Place, now: float) -> float:
        """Seconds since the first creation during which no key was alive."""
        slot = self._slots.get(place)
        return slot.without + max(0.0, now - slot.ends_at) if slot is not None else 0.0
