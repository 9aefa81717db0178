"""Which other members are alive, and whether the keeper works: silence is counted in our own beats, and not timed.

After an outage of the register, or a suspend of the machine, no member looks dead: there were no beats in that time. No
clocks of two machines are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final, NamedTuple

import msgspec

from .._value import replace
from ._sharing_record import Close, Entry

__all__ = ["NEARLY", "Barrier", "Silence", "Watch"]

NEARLY: Final = 0.8  # of the time between two beats, which are jittered: a shorter time does not count as a beat


class Silence(NamedTuple):
    """For how long another member's counter has not changed."""

    beats: int
    """Its counter."""
    unmoved: int
    """Our own beats since the counter changed."""
    counted_at: float
    """When the last of them was."""

    def after(self, every: float, now: float) -> Silence:
        """The counter has not changed; our beat counts if it came a beat's time after the last one."""
        return Silence(self.beats, self.unmoved + 1, now) if now - self.counted_at >= NEARLY * every else self


class Barrier(NamedTuple):
    """Another member's close that is under way: until it is over, no key may be created."""

    close: Close
    silence: Silence
    since: float
    """When we saw it first."""

    def is_over(self, patience: int, now: float) -> bool:
        """Whether it is harmless now: its time is over, and twice as much for the network."""
        return self.silence.unmoved >= patience and now - self.since >= 3 * self.close.within


class Watch(msgspec.Struct, frozen=True):
    """What one member knows about the others, as of one beat.

    It is a value: if the register does not take a beat, the member keeps the value from before.

    Attributes:
        beat_every: Seconds between two beats of our own.
        patience: Beats in which another one must not have moved to be presumed dead.
        slowest: Seconds between two beats of the slowest member that we ever saw, ourselves included: a beat of ours
            counts only if that one has had the time for one, too.
        seen: The others, and for how long the counter of each has not changed.
        barrier: The close of another member that is under way.
        epoch_beats: Successful beats in this epoch, in which we were never missing. A close is allowed after
        ``patience`` of them.
        counted_at: When the last of them was. Beats that come sooner, to write a confirmation, prove no silence.
        overdue: Beats in a row in which a confirmation of the key was overdue, under the same keeper.
    """

    beat_every: float
    patience: int
    slowest: float
    seen: Mapping[str, Silence] = {}
    barrier: Barrier | None = None
    epoch_beats: int = 0
    counted_at: float = -inf
    overdue: int = 0

    def beat(self, others: Mapping[str, Entry], close: Close | None, now: float, *, is_new: bool) -> Watch:
        """The value after a beat ``now``.

        Args:
            others: The other members in the document.
            close: The close that is under way in it.
            now: The present.
            is_new: We are new there, or the register has forgotten something: all counts begin again.
        """
        epoch_beats, counted_at = self.epoch_beats, self.counted_at
        if is_new:
            epoch_beats, counted_at = 0, now
        elif now - counted_at >= NEARLY * self.slowest:
            epoch_beats, counted_at = epoch_beats + 1, now
        before = {} if is_new else self.seen
        seen = {other: self._silence_of(entry, before.get(other), now) for other, entry in others.items()}
        return replace(
            self,
            seen=seen,
            barrier=self._barrier_of(close, now),
            epoch_beats=epoch_beats,
            counted_at=counted_at,
            overdue=0,
            slowest=max(self.slowest, *(others[other].every for other in self.alive_of(seen)), 0.0),
        )

    def alive_of(self, seen: Mapping[str, Silence]) -> list[str]:
        """Those of the others that are not presumed dead."""
        return [other for other, silence in seen.items() if silence.unmoved < self.patience]

    def interrupted(self) -> Watch:
        """The register could not be used. Only beats in a row count, and the others may not have reached it either."""
        return replace(self, seen={}, epoch_beats=0, overdue=0)

    def overdue_after(self, before: Watch, *, is_overdue: bool, now: float) -> int:
        """How many beats in a row, the one of ``before`` and those before it included, had an overdue confirmation."""
        if not is_overdue:
            return 0
        return before.overdue + (now - before.counted_at >= NEARLY * self.beat_every)

    def _silence_of(self, entry: Entry, before: Silence | None, now: float) -> Silence:
        if before is None or before.beats != entry.beats:
            return Silence(entry.beats, 0, now)
        # Its beats may be slower than ours: it is given as many of its own.
        return before.after(max(self.beat_every, entry.every), now)

    def _barrier_of(self, close: Close | None, now: float) -> Barrier | None:
        """The barrier for ``close``; ``None`` where the closing member is gone, and may have closed the key."""
        if close is None:
            return None
        if self.barrier is None or self.barrier.close != close:
            barrier = Barrier(close, Silence(0, 0, now), now)
        else:
            barrier = self.barrier._replace(silence=self.barrier.silence.after(self.beat_every, now))
        return None if barrier.is_over(self.patience, now) else barrier
