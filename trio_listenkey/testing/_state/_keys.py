"""The key rules themselves: who has which key, until when, and how long there was none.

The rules are common to every exchange with listen keys (Binance Spot, USD-M and COIN-M documentation, "User
Data Streams"): a key lives for 60 minutes from its creation or last renewal; one account has one key, and
creating it again returns the same and renews it; closing ends it for every holder. Where an account may have several
keys, the others are *beside* its latest.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["TOKEN_LETTERS", "KeyLife", "Keys", "Place"]

Place = tuple[str, str]
"""Where there is one key: the account's name, and the path of the dialect."""

_ALPHABET = string.ascii_letters + string.digits
TOKEN_LETTERS = _ALPHABET + "+/"
"""A token is Base64-like, and no listen key."""


@dataclass(slots=True, eq=False, repr=False)
class KeyLife:
    """One key, from its creation on, and for ever: sockets hold on to dead ones.

    Attributes:
        key: The key.
        place: Whose it is, and where.
        ends_at: When the key died or, unless it is renewed, will.
        announced: Whether its sockets are told when that time has come: of an expiry, not of a close.
        without: Seconds between the death of each earlier key of this place and the birth of this one.
        is_token: Whether it is for the WebSocket API, and not for a URL.
    """

    key: str
    place: Place
    ends_at: float
    announced: bool = True
    without: float = 0.0
    is_token: bool = False


class Keys:
    """All keys of one exchange.

    Attributes:
        validity: Seconds that a key lives after its creation or last renewal.
        ever: Every key that was ever made, in order, by its name.
        changed: Called whenever a key ends at another time than it would have; a plain attribute.
    """

    def __init__(self, seed: int, validity: float) -> None:
        self.validity = validity
        self._letters = random.Random(f"{seed}/keys")  # noqa: S311 - it must be repeatable
        self._slots: dict[str, dict[str, KeyLife]] = {}
        self._beside: dict[Place, list[KeyLife]] = {}
        self.ever: dict[str, KeyLife] = {}
        self.changed: Callable[[KeyLife], None] = _nobody

    def alive(self, place: Place, now: float) -> str | None:
        slot = self.latest(place)
        return slot.key if slot is not None and now < slot.ends_at else None

    def open(self, now: float) -> tuple[str, ...]:
        places = [(account, path) for account, by_path in self._slots.items() for path in by_path]
        return tuple(life.key for place in places for life in self.living(place, now))

    def living(self, place: Place, now: float) -> list[KeyLife]:
        """The keys that are alive there, the latest first."""
        latest, beside = self.latest(place), self._beside.get(place, [])
        return [life for life in (latest, *beside) if life is not None and now < life.ends_at]

    def places(self, account: str) -> list[Place]:
        return [(account, path) for path in self._slots.get(account, {})]

    def create(self, place: Place, now: float, length: int = 64) -> str:
        """A new key. What is left of old ones is over."""
        account, path = place
        self.end(place, now)
        life = self._new(place, now, self.validity, length)
        self._slots.setdefault(account, {})[path] = life
        return life.key

    def create_another(self, place: Place, now: float) -> str:
        """A new key, and those that there are live on, beside it."""
        account, path = place
        self._beside[place] = self.living(place, now)
        life = self._new(place, now, self.validity)
        self._slots.setdefault(account, {})[path] = life
        return life.key

    def create_token(self, place: Place, now: float, validity: float) -> str:
        """A new token, and those that there are live on."""
        account, path = place
        self._beside[place] = self.living(place, now)
        life = self._new(place, now, validity, letters=TOKEN_LETTERS)
        life.is_token = True
        self._slots.setdefault(account, {})[path] = life
        return life.key

    def create_beside(self, place: Place, now: float) -> str:
        """The key that is beside the latest, which lives anew; another one if it is dead."""
        beside = [life for life in self._beside.get(place, []) if now < life.ends_at]
        life = beside[0] if beside else self._new(place, now, self.validity)
        self._beside[place] = [life]
        self.renew_life(life, now)
        return life.key

    def _new(self, place: Place, now: float, validity: float, length: int = 64, letters: str = _ALPHABET) -> KeyLife:
        key = "".join(self._letters.choices(letters, k=length))
        self.ever[key] = life = KeyLife(key, place, now + validity, without=self.seconds_without(place, now))
        return life

    def end(self, place: Place, now: float, *, announced: bool = False) -> None:
        """What keys are alive are dead from now on; ``announced`` is whether sockets are told."""
        for life in self.living(place, now):
            self.end_life(life, now, announced=announced)

    def renew_life(self, life: KeyLife, now: float) -> None:
        """This key, which is alive, lives for :attr:`validity` from now."""
        self._end_life_at(life, now + self.validity, now, announced=True)

    def end_life(self, life: KeyLife, now: float, *, announced: bool = False) -> None:
        """This key, if it is alive, is dead from now on."""
        self._end_life_at(life, now, now, announced=announced)

    def seconds_without(self, place: Place, now: float) -> float:
        """Seconds since the first creation during which no key was alive."""
        slot = self.latest(place)
        return slot.without + max(0.0, now - slot.ends_at) if slot is not None else 0.0

    def _end_life_at(self, life: KeyLife, end: float, now: float, *, announced: bool) -> None:
        if now < life.ends_at:
            life.ends_at, life.announced = end, announced
            self.changed(life)

    def latest(self, place: Place) -> KeyLife | None:
        """The last key that was made there, dead or alive."""
        account, path = place
        return self._slots.get(account, {}).get(path)


def _nobody(life: KeyLife) -> None:
    """Nobody wants to know."""
