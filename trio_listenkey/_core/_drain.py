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


class Drain:
    """The times of one drain: first ``ask_at`` counts, and then ``give_up_at``. The other one is infinite."""

    __slots__ = ("_answer_by_latest", "_answer_within", "_answer_within_latest", "ask_at", "give_up_at")

    ask_at: float
    """When to ask the first socket whether it has delivered everything; infinity once it was asked."""

    give_up_at: float
    """When the answer is not waited for any longer; infinity before it was asked for."""

    _answer_by_latest: float
    """After the question: when the drain ends at the latest, however slow the consumer is. The key is not checked
    meanwhile."""

    def __init__(self, ask_at: float, timing: Timing) -> None:
        self.ask_at = ask_at
        self.give_up_at = self._answer_by_latest = inf
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
            self.give_up_at = min(now + (inf if is_paused else self._answer_within), self._answer_by_latest)
