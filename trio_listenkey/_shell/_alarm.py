"""Wait until a time, until told to look again, or until the machine turns out to have slept.

A machine that slept shows as a leap between two looks at the clock (see ``_clock``), so somebody has to look now and
then. If each key's task did that for itself, looking would cost more than all else that a quiet key does: of the CPU
time of 2,000 keys it was 97 %. So of all that wait in a run only the first looks, for the others as well, and wakes
them if there was a leap.
"""

from __future__ import annotations

from collections import OrderedDict

import trio

from ._clock import SteadyClock

__all__ = ["Alarm", "SuspendWatch"]


class SuspendWatch:
    """The waiting tasks of this run, and which of them reads the clock.

    Tasks with the same ``Timing.suspend_check_every`` form a group. The wait of the first one of a group ends when it
    is time to read the clock. Every task whose wait ends, for whatever reason, reads it as well; so the readings of a
    group are never further apart than its interval.
    """

    __slots__ = ("_clock", "_groups", "_slept")

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._slept = clock.slept  # when those who wait computed their deadlines, or were woken to do it again
        self._groups: dict[float, OrderedDict[Alarm, trio.CancelScope]] = {}

    def join(self, alarm: Alarm, scope: trio.CancelScope, every: float) -> None:
        """``alarm`` begins to wait, in ``scope``."""
        group = self._groups.setdefault(every, OrderedDict())
        group[alarm] = scope
        if len(group) == 1:
            self._appoint(scope, every)

    def leave(self, alarm: Alarm, every: float) -> None:
        """The wait of ``alarm`` is over, for whatever reason."""
        group = self._groups[every]
        was_first = next(iter(group)) is alarm
        del group[alarm]
        if not group:
            del self._groups[every]
        elif was_first:
            self._appoint(next(iter(group.values())), every)
        self._look()

    def _appoint(self, scope: trio.CancelScope, every: float) -> None:
        scope.deadline = min(scope.deadline, trio.current_time() + every)

    def _look(self) -> None:
        self._clock.now()
        if self._clock.slept != self._slept:
            self._slept = self._clock.slept
            for group in self._groups.values():
                for scope in group.values():
                    scope.cancel(reason="the machine has slept")


class Alarm:
    """The wait of one task, that others can end.

    Args:
        clock: What times are told by.
        watch: Those who wait in this run.
        every: How often to see whether the machine has slept, in seconds.
    """

    __slots__ = ("_clock", "_every", "_scope", "_watch")

    def __init__(self, clock: SteadyClock, watch: SuspendWatch, every: float) -> None:
        self._clock, self._watch, self._every = clock, watch, every
        self._scope: trio.CancelScope | None = None

    async def wait_until(self, when: float) -> None:
        """Wait until ``when``; less if rung, or to look at the clock. Look what the time is afterwards."""
        scope = self._scope = trio.CancelScope(deadline=self._clock.to_trio(when))
        self._watch.join(self, scope, self._every)
        try:
            with scope:
                await trio.sleep_forever()
        finally:
            self._scope = None
            self._watch.leave(self, self._every)

    def ring(self) -> None:
        """End the wait, if there is one."""
        if self._scope is not None:
            self._scope.cancel(reason="there is something new to look at")
