"""A clock that goes on while the machine sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import trio

__all__ = ["SteadyClock"]

_NOTICEABLE = 0.5
"""Seconds by which another clock must run ahead between two looks to count. NTP slews a clock by up to 0.0005 of the
time that passes; that is no sleep."""


def _clocks_that_go_on() -> list[Callable[[], float]]:
    """Clocks that count the time in suspend.

    ``CLOCK_BOOTTIME`` (Linux) does for a sleeping machine; Unix time for frozen virtual machines, in which the other
    stands still too, and for systems without it.
    """
    clocks: list[Callable[[], float]] = [time.time]
    if hasattr(time, "CLOCK_BOOTTIME"):
        clocks.append(lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    return clocks


class SteadyClock:
    """Trio's clock plus the time that the machine slept, as far as other clocks tell.

    Trio's own stands still in suspend on Linux (python-trio issue 1586), while the exchange's goes on. What the
    fastest clock says counts: one that was set back changes nothing, and one that was set ahead makes keys look
    older than they are, which costs a keepalive and no event.

    It has to be looked at now and then: a sleep shows as a leap between two looks.
    """

    __slots__ = ("_leads", "_others", "slept")

    slept: float
    """Seconds by which this clock is ahead of trio's."""

    _leads: list[float]
    """By how much each of the others was ahead of trio's clock when it was last looked at."""

    def __init__(self, others: Sequence[Callable[[], float]] | None = None) -> None:
        self._others = _clocks_that_go_on() if others is None else others
        self._leads = [read() - trio.current_time() for read in self._others]
        self.slept = 0.0

    def now(self) -> float:
        """The time, on trio's axis moved by ``slept``."""
        base = trio.current_time()
        leap = 0.0
        for number, read in enumerate(self._others):
            lead = read() - base
            leap = max(leap, lead - self._leads[number])
            self._leads[number] = lead
        if leap > _NOTICEABLE:
            self.slept += leap
        return base + self.slept
