"""A clock that goes on while the machine sleeps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import trio

__all__ = ["SteadyClock"]

_NOTICEABLE = 5.0
"""Seconds by which another clock must have run ahead to count. Less may be a busy machine under a virtual clock."""


def _clocks_that_go_on() -> list[Callable[[], float]]:
    """Clocks that count the time in suspend.

    ``CLOCK_BOOTTIME`` (Linux) does for a sleeping machine; Unix time for frozen virtual machines, in which the other
    stands still too, and for systems without it.
    """
    clocks: list[Callable[[], float]] = [time.time]
    if hasattr(time, "CLOCK_BOOTTIME"):
        clocks.append(lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    return clocks


class _Witness:
    """A clock that goes on in suspend, and how much of that it has seen."""

    __slots__ = ("lead", "read", "slept")

    def __init__(self, read: Callable[[], float], base: float) -> None:
        self.read = read
        self.lead = read() - base
        self.slept = 0.0

    def leaps_to(self, lead: float) -> None:
        """It is ahead by ``lead`` now, which is less than before, or noticeably more."""
        if lead > self.lead:  # else it was set back, or trio's clock is a virtual one that jumped ahead
            self.slept += lead - self.lead
        self.lead = lead


class SteadyClock:
    """Trio's clock plus the time that the machine slept, as far as other clocks tell.

    Trio's own stands still in suspend on Linux (python-trio issue 1586), while the exchange's goes on. The clock that
    saw most sleep is believed: one that was set back changes nothing, and one that was set ahead makes keys look
    older than they are, which costs a keepalive and no event.

    It has to be looked at now and then: a sleep shows as a leap between two looks.
    """

    __slots__ = ("_base", "_virtual_lead", "_witnesses", "slept")

    slept: float
    """Seconds by which this clock is ahead of trio's."""

    def __init__(
        self,
        others: Sequence[Callable[[], float]] | None = None,
        *,
        base: Callable[[], float] = trio.current_time,
    ) -> None:
        self._base = base
        start = base()
        self._witnesses = [_Witness(read, start) for read in (_clocks_that_go_on() if others is None else others)]
        self.slept = 0.0
        self._virtual_lead = start - time.perf_counter()

    def unix(self) -> float:
        """Unix time, as far as this machine knows.

        The system's clock is read anew each time: it may have been wrong, and set right since. Where trio's clock is a
        virtual one, what that has run ahead of real time since the start is added.
        """
        # Trio's own clock runs with ``perf_counter``, so that the rest is 0 but for rounding.
        return time.time() + (self._base() - time.perf_counter() - self._virtual_lead)

    def now(self) -> float:
        """The time, on the axis of trio's clock, or of ``base``, moved by ``slept``."""
        base = self._base()
        for witness in self._witnesses:  # a call for each would cost every event more than the looking does
            lead = witness.read() - base
            if not 0.0 <= lead - witness.lead <= _NOTICEABLE:
                witness.leaps_to(lead)
                # Not the sum of them: what one saw at once another may see later, when it is corrected.
                self.slept = max(self.slept, witness.slept)
        return base + self.slept

    def to_trio(self, when: float) -> float:
        """A time of this clock as one of trio's, such that this clock has reached ``when`` once trio's is there.

        The difference alone may be one rounding step early. Then a wait for ``when`` is over, ``now()`` says that it is
        not, and who waits again waits for nothing: under a virtual clock, which stands still meanwhile, for ever.
        """
        there = when - self.slept
        while there + self.slept < when:
            there += math.ulp(max(abs(when), abs(there)))  # no less, for that would change nothing
        return there
