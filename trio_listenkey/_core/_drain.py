"""How long the first of two open sockets is waited for, before the next one delivers in its place.

First the two overlap: no answer of the first socket can say anything before its feed, and the next one's, may be
behind by ``feed_lag``. Then the first socket is asked to show that it has delivered everything, and has some seconds
for the answer. The events of the next socket are held back meanwhile, so both times have an end.
"""

from __future__ import annotations

from math import inf
from typing import Final

from .._settings import Timing

__all__ = ["Drain"]

# Seconds that the first socket has for its answer. The events of the next one are late by so much if the first one is
# dead.
_ANSWER_WITHIN: Final = 5.0
_STRETCHES: Final = 8  # that they are divided into; a power of two, so that sums are exact


class Drain:
    """The times of one drain: first ``ask_at`` counts, and then ``give_up_at``. The other one is infinite."""

    __slots__ = ("_answer_by_latest", "_answer_within", "_answer_within_latest", "_stretches", "ask_at", "give_up_at")

    ask_at: float
    """When to ask the first socket whether it has delivered everything; infinity once it was asked."""

    give_up_at: float
    """When to see by :meth:`is_over` whether the first socket has had its time; infinity before it was asked."""

    _stretches: int
    """How many there are until then, this one included."""

    _answer_by_latest: float
    """After the question: when the drain ends at the latest, however slow the consumer is. The key is not checked
    meanwhile."""

    def __init__(self, ask_at: float, timing: Timing) -> None:
        self.ask_at = ask_at
        self.give_up_at = self._answer_by_latest = inf
        self._stretches = 0
        self._answer_within = min(_ANSWER_WITHIN, timing.ping_every)
        self._answer_within_latest = max(_ANSWER_WITHIN, timing.silence_check_every)

    @property
    def deadline(self) -> float:
        """When time alone will change something."""
        return min(self.ask_at, self.give_up_at)

    def asked(self, now: float, *, is_paused: bool) -> None:
        """The first socket is being asked.

        All is counted from ``now``, not from when it was due: while nobody let time pass, nobody read what may be
        there.
        """
        self.ask_at = inf
        self._answer_by_latest = now + self._answer_within_latest
        self.wait(now, is_paused=is_paused)

    def wait(self, now: float, *, is_paused: bool) -> None:
        """Give the first socket its time from ``now``; one that nobody reads from cannot show anything."""
        if self.ask_at == inf:
            self._stretches = 1 if is_paused else _STRETCHES
            self._begin_stretch(now, inf if is_paused else self._answer_within)

    def is_over(self, now: float) -> bool:
        """Whether the first socket has had its time, at ``give_up_at`` or later.

        A program that computes for seconds reads nothing meanwhile: the answer may lie in the socket's buffer. So it is
        waited for in short stretches, and of each that took longer than it should only its own length counts: after it
        there are more, in which what is there is read (S4).
        """
        self._answer_by_latest += now - self.give_up_at
        self._stretches -= 1
        if not self._stretches or now >= self._answer_by_latest:
            return True
        self._begin_stretch(now, self._answer_within)
        return False

    def _begin_stretch(self, now: float, seconds: float) -> None:
        self.give_up_at = min(now + seconds / _STRETCHES, self._answer_by_latest)
