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

    __slots__ = ("_patience", "_patient_until", "_patient_within", "ask_at", "give_up_at")

    ask_at: float
    """When to ask the first socket whether it has delivered everything; infinity once it was asked."""

    give_up_at: float
    """When the answer is not waited for any longer; infinity before it was asked for."""

    _patient_until: float
    """After the question: the end of all patience, however slow the consumer is. The key is not checked meanwhile."""

    def __init__(self, ask_at: float, timing: Timing) -> None:
        self.ask_at = ask_at
        self.give_up_at = self._patient_until = inf
        self._patience = min(_ANSWER_WITHIN, timing.ping_every)
        self._patient_within = max(_ANSWER_WITHIN, timing.silence_check_every)

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
        self._patient_until = now + self._patient_within
        self.wait(now, is_paused=is_paused)

    def wait(self, now: float, *, is_paused: bool) -> None:
        """Give the first socket its time from ``now``; one that nobody reads from cannot show anything."""
        if self.ask_at == inf:
            self.give_up_at = min(now + (inf if is_paused else self._patience), self._patient_until)
