"""Which account events there are, and when: emitted by script or at a rate, and counted."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ._keys import Place

__all__ = ["Emission"]

Deliver = Callable[[Place, str, int, float, Mapping[str, Any] | None], None]


@dataclass(slots=True, eq=False)
class _Rate:
    place: Place
    kind: str
    began: float
    seconds_each: float
    given: int = 0

    @property
    def next_at(self) -> float:
        # By multiplication, as an hour of additions would drift.
        return self.began + (self.given + 1) * self.seconds_each


class Emission:
    """The account events of one exchange, numbered from 1 for each account and endpoint.

    Args:
        deliver: Takes place, kind, number, time and data of each event, at its time and in order.
        heard: Whether anybody could get an event of this place at this time. Else they are but counted.
    """

    def __init__(self, deliver: Deliver, heard: Callable[[Place, float], bool]) -> None:
        self.counts: dict[Place, int] = {}
        self._deliver = deliver
        self._heard = heard
        self._rates: dict[Place, _Rate] = {}
        self._agenda: list[tuple[float, int, _Rate]] = []
        self._ticket = itertools.count()

    def emit(self, place: Place, kind: str, count: int, data: Mapping[str, Any] | None, now: float) -> range:
        """Emit ``count`` events and return their numbers."""
        numbers = range(self.counts.get(place, 0) + 1, self.counts.get(place, 0) + count + 1)
        for number in numbers:
            self.counts[place] = number
            self._deliver(place, kind, number, now, data)
        return numbers

    def set_rate(self, place: Place, kind: str, per_second: float, now: float) -> None:
        """From now on, that many a second, the first after its share of a second; zero for none."""
        self._rates.pop(place, None)
        if per_second:
            self._rates[place] = rate = _Rate(place, kind, now, 1 / per_second)
            self._plan(rate)

    def next_at(self, place: Place) -> float:
        """When the next event of this place is due."""
        return self._rates[place].next_at if place in self._rates else math.inf

    def advance(self, now: float) -> None:
        """Emit what is due."""
        while self._agenda and self._agenda[0][0] <= now:
            at, _, rate = heapq.heappop(self._agenda)
            if self._rates.get(rate.place) is rate:
                self._give(rate, at, now)
                self._plan(rate)

    def _give(self, rate: _Rate, at: float, now: float) -> None:
        rate.given += 1
        self.emit(rate.place, rate.kind, 1, None, at)
        if not self._heard(rate.place, at):
            # Nobody can begin to listen before now, so a day that nobody heard passes in one step.
            unheard = max(0, math.floor((now - rate.began) / rate.seconds_each) - rate.given)
            rate.given += unheard
            self.counts[rate.place] += unheard

    def _plan(self, rate: _Rate) -> None:
        heapq.heappush(self._agenda, (rate.next_at, next(self._ticket), rate))
