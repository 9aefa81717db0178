"""Wait until a time, until told to look again, or until the machine turns out to have slept.

A machine that slept shows as a leap between two looks at the clock (see ``_clock``), so somebody has to look now and
then. If each key's task did that for itself, looking would cost more than all else that a quiet key does: of the CPU
time of 2,000 keys it was 97 %. And if each had a cancel scope to wake it in time, that scope would be a tenth of the
memory that a key takes. So one task of the run keeps the time, and looks at the clock, for all who wait.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

import trio

from ._clock import SteadyClock

__all__ = ["Alarm", "Timekeeper"]

_FEW = 64  # alarms that were rung and are still among those that are due later


class Timekeeper:
    """The waiting tasks of this run: one task of its own wakes each in time, and all of them after a suspend.

    It reads the clock as often as the shortest ``Timing.suspend_check_every`` of those that wait wants it. Every task
    whose wait ends, for whatever reason, reads it as well.
    """

    __slots__ = ("_clock", "_due", "_is_running", "_looks", "_scope", "_slept", "_waiting")

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._slept = clock.slept  # when those who wait said until when, or were woken to do it again
        self._due: list[tuple[float, Alarm]] = []  # a heap; those that wait no longer are passed over
        self._looks: dict[float, int] = {}  # how many of those who wait want a look that often
        self._waiting = 0
        self._scope = trio.CancelScope()
        self._is_running = False

    def join(self, alarm: Alarm, when: float, every: float) -> None:
        """``alarm`` begins to wait."""
        if not self._is_running:
            self._is_running = True
            trio.lowlevel.spawn_system_task(self._keep_time, name="timekeeper of trio_listenkey")
        heappush(self._due, (when, alarm))
        self._looks[every] = self._looks.get(every, 0) + 1
        self._waiting += 1
        self._scope.deadline = min(self._scope.deadline, self._clock.to_trio(when), trio.current_time() + every)

    def leave(self, every: float) -> None:
        """The wait of one who wants a look that often is over, for whatever reason."""
        self._waiting -= 1
        self._looks[every] -= 1
        if not self._looks[every]:
            del self._looks[every]
        if not self._waiting:
            self._due.clear()
            self._scope.cancel(reason="nobody waits")
        elif len(self._due) > 2 * self._waiting + _FEW:
            self._due = [(when, alarm) for when, alarm in self._due if alarm.until == when]
            heapify(self._due)
        self._look()

    async def _keep_time(self) -> None:
        """Run for as long as anybody waits. Then no task is left that the user has not begun."""
        while self._waiting:
            # Not a moment is between the two: who joins from now on moves this deadline.
            self._scope = trio.CancelScope(deadline=self._next_at())
            with self._scope:
                await trio.sleep_forever()
            self._look()
            now = self._clock.now()
            while self._due and self._due[0][0] <= now:
                when, alarm = heappop(self._due)
                if alarm.until == when:
                    alarm.ring()
        self._is_running = False

    def _next_at(self) -> float:
        due_at = self._clock.to_trio(self._due[0][0]) if self._due else inf
        return min(due_at, trio.current_time() + min(self._looks)) if self._looks else due_at

    def _look(self) -> None:
        self._clock.now()
        if self._clock.slept != self._slept:
            self._slept = self._clock.slept
            for _, alarm in self._due:
                alarm.ring()


class Alarm:
    """The wait of one task, that others can end.

    Args:
        timekeeper: The one of this run.
        every: How often to see whether the machine has slept, in seconds.
        is_shielded: Whether no cancellation ends a wait. Then somebody has to ring it in the end, or its time to come.
    """

    __slots__ = ("_every", "_is_shielded", "_task", "_timekeeper", "until")

    until: float | None
    """Until when the task waits, on the steady clock; ``None`` while it does not."""

    def __init__(self, timekeeper: Timekeeper, every: float, *, is_shielded: bool = False) -> None:
        self._timekeeper, self._every, self._is_shielded = timekeeper, every, is_shielded
        self._task: trio.lowlevel.Task | None = None
        self.until = None

    def __lt__(self, other: Alarm) -> bool:
        return False  # of those that are due at the same time, any may be first

    async def wait_until(self, when: float) -> None:
        """Wait until ``when``; less if rung, or to look at the clock. Look what the time is afterwards."""
        self._task, self.until = trio.lowlevel.current_task(), when
        self._timekeeper.join(self, when, self._every)
        try:
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        finally:
            self._timekeeper.leave(self._every)

    def ring(self) -> None:
        """End the wait, if there is one."""
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = self.until = None

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        if self._is_shielded:
            return trio.lowlevel.Abort.FAILED
        self._task = self.until = None
        return trio.lowlevel.Abort.SUCCEEDED
