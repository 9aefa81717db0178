"""The key rules themselves: who has which key, until when, and how long there was none.

The rules are common to every exchange with listen keys (Binance Spot, USD-M and COIN-M documentation, "User
Data Streams"): a key lives for 60 minutes from its creation or last renewal; one account has one key, and
creating it again returns the same and renews it; closing ends it for every holder.
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
        self._slots: dict[str, dict[str, _Slot]] = {}
        self.ever: list[str] = []

    def alive(self, place: Place, now: float) -> str | None:
        slot = self._slot(place)
        return slot.key if slot is not None and now < slot.ends_at else None

    def open(self, now: float) -> tuple[str, ...]:
        slots = (slot for by_path in self._slots.values() for slot in by_path.values())
        return tuple(slot.key for slot in slots if now < slot.ends_at)

    def places(self, account: str) -> list[Place]:
        return [(account, path) for path in self._slots.get(account, {})]

    def create(self, place: Place, now: float, validity: float) -> str:
        """A new key. What is left of an old one is over."""
        account, path = place
        without = self.seconds_without(place, now)
        key = "".join(self._letters.choices(_ALPHABET, k=64))
        self._slots.setdefault(account, {})[path] = _Slot(key, now + validity, without)
        self.ever.append(key)
        return key

    def renew(self, place: Place, now: float, validity: float) -> None:
        """The key, if there is one alive, lives for ``validity`` from now."""
        slot = self._slot(place)
        if slot is not None and now < slot.ends_at:
            slot.ends_at = now + validity

    def end(self, place: Place, now: float) -> None:
        """The key, if there is one alive, is dead from now on."""
        self.renew(place, now, 0.0)

    def seconds_without(self, place: Place, now: float) -> float:
        """Seconds since the first creation during which no key was alive."""
        slot = self._slot(place)
        return slot.without + max(0.0, now - slot.ends_at) if slot is not None else 0.0

    def _slot(self, place: Place) -> _Slot | None:
        account, path = place
        return self._slots.get(account, {}).get(path)
