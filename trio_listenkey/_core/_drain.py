"""How long to wait for the first of two open sockets, before the next one delivers in its place.

First the two overlap: each feed may be behind by ``feed_lag``, and before that an answer of the first socket proves
nothing. Then the first socket is asked to show that it has delivered everything, and has some seconds for the answer.
The events of the next socket are held back meanwhile, so both times have an end.
"""

from __future__ import annotations

from math import inf
from typing import Final

from .._settings import Timing

__all__ = ["Drain"]

# Seconds that the first socket has for its answer. If the first one is dead, the events of the next one are late by so
# much.
_ANSWER_WITHIN: Final = 5.0
_STRETCHES: Final = 8  # that they are divided into; a power of two, so that sums are exact


class Drain:
    """The times of one drain: first ``ask_at`` counts, and then ``give_up_at``. The other one is infinite."""

    __slots__ = ("_answer_by_latest", "_answer_within", "_answer_within_latest", "_stretches", "ask_at", "give_up_at")

    ask_at: float
    """When to ask the first socket whether it has delivered everything; infinity once it was asked."""

    give_up_at: float
    """When to call :meth:`is_over`, which says whether the first socket's time is over; infinity before it was
    asked."""

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

        All times count from ``now``, not from when the question was due: while no step was made, nothing was read.
        """
        self.ask_at = inf
        self._answer_by_latest = now + self._answer_within_latest
        self.wait(now, is_paused=is_paused)

    def wait(self, now: float, *, is_paused: bool) -> None:
        """Start the first socket's time at ``now``; the time of a paused socket does not run."""
        if self.ask_at == inf:
            self._stretches = 1 if is_paused else _STRETCHES
            self._begin_stretch(now, inf if is_paused else self._answer_within)

    def is_over(self, now: float) -> bool:
        """Whether the first socket's time is over, at ``give_up_at`` or later.

        A program that computes for seconds reads nothing meanwhile: the answer may lie in the socket's buffer. So the
        wait is divided into short stretches. A stretch that took too long counts only with its own length, and the
        buffer is read in the stretches after it (S4).
        """
        self._answer_by_latest += now - self.give_up_at
        self._stretches -= 1
        if not self._stretches or now >= self._answer_by_latest:
            return True
        self._begin_stretch(now, self._answer_within)
        return False

    def _begin_stretch(self, now: float, seconds: float) -> None:
        self.give_up_at = min(now + seconds / _STRETCHES, self._answer_by_latest)
