"""The events that a stream has received and the consumer has not taken yet. Dropped events are reported as a gap.

It is bounded in items and in bytes; the user chooses what happens beyond: see :class:`Room`. Gaps take room, too, but
are never dropped: two of them without an event in between are joined, so that there are few.

A consumer takes items from ``items`` directly, for that is the path of every event, and then calls ``took``, which
keeps the size and the last event before a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from .._events import Gap, StreamItem, UserEvent
from .._value import replace

__all__ = ["Buffer", "OnFull", "Room", "size_of"]

OnFull = Literal["wait", "drop_oldest", "drop_newest", "fail"]


class Room(msgspec.Struct, frozen=True):
    """The limits of a buffer, and what to do beyond them.

    Attributes:
        items: How many items. With ``"wait"`` and ``"fail"`` it may be exceeded by what one read from the socket
            brings.
        size: How many bytes of messages, likewise.
        on_full: What to do with more.
    """

    items: int
    size: int
    on_full: OnFull

    def is_exceeded(self, items: int, size: int) -> bool:
        """Whether ``items`` items of ``size`` bytes exceed the limits."""
        return items > self.items or size > self.size


def size_of(events: Sequence[UserEvent]) -> int:
    """How many bytes of messages these are, as they came."""
    return sum([len(event.raw) for event in events])


class Buffer:
    """Events and gaps in order. Gaps are never dropped.

    Args:
        room: What there is room for.
        is_said: Whether a message is about the socket or the key, and so no event of the account: no gap is counted
            from it, for missed events may be older.
        describe: Makes a gap of the first and the last event that were dropped and how many these are.
    """

    __slots__ = (
        "_describe",
        "_is_said",
        "_latest",
        "_may_hold_said",
        "_room",
        "dropped",
        "has_gap",
        "items",
        "overflowed",
        "size",
        "taken",
        "taken_gap",
    )

    items: deque[StreamItem]
    """For whoever takes them from the left; see :meth:`took`."""

    size: int
    """Bytes of the events among ``items``."""

    dropped: int
    """Events that were dropped so far."""

    overflowed: bool
    """With ``"fail"``: the limits were exceeded once; since then nothing is accepted."""

    taken: UserEvent | None
    """The last event of the account that was taken."""

    taken_gap: Gap | None
    """The last gap that was taken."""

    has_gap: bool
    """Whether a gap is among ``items``."""

    def __init__(
        self,
        room: Room,
        describe: Callable[[UserEvent, UserEvent | None], Gap],
        is_said: Callable[[UserEvent], bool] = lambda _event: False,
    ) -> None:
        self.items = deque()
        self.size = self.dropped = 0
        self.overflowed = False
        self._room = room
        self._describe = describe
        self._is_said = is_said
        self._latest: UserEvent | None = None  # that was added and not dropped
        # Whether one of ``items`` may be no event of the account. Only then is each of them asked what it is, for that
        # costs as much as all else that is done for one here.
        self._may_hold_said = False
        self.taken = None
        self.taken_gap = None
        self.has_gap = False

    @property
    def is_overfull(self) -> bool:
        """Whether a reader that can wait should wait. A reader that goes on reading answers the exchange's pings."""
        return self._room.is_exceeded(len(self.items), self.size)

    @property
    def latest(self) -> UserEvent | None:
        """The last event of the account that was added: what a gap that follows comes after."""
        return self._latest

    def add(self, events: Sequence[UserEvent], size: int, *, may_be_said: bool = True) -> None:
        """Events of ``size`` bytes have come; whether one of them may be about the socket or the key."""
        self._may_hold_said = self._may_hold_said or may_be_said
        if self.overflowed:
            self.dropped += len(events)
            return
        room = self._room  # this is asked for every event: a call would be a tenth of all its cost here
        is_too_much = len(self.items) + len(events) > room.items or self.size + size > room.size
        if is_too_much and room.on_full == "drop_newest":
            fitting = self._room_for(events)
            self._append(events[:fitting], size_of(events[:fitting]))
            self._drop_newest(events[fitting:])
            return
        self._append(events, size)
        if is_too_much and self._room.on_full == "drop_oldest":
            self._drop_oldest()
        elif is_too_much and self._room.on_full == "fail":
            self.overflowed = True

    def _room_for(self, events: Sequence[UserEvent]) -> int:
        """For how many of ``events``, the first ones, there is room."""
        size, room = self.size, max(0, self._room.items - len(self.items))
        for place, event in enumerate(events[:room]):
            size += len(event.raw)
            if size > self._room.size:
                return place
        return min(room, len(events))

    def add_gap(self, gap: Gap) -> None:
        """Add ``gap``. Without an event before it, it is joined with the gap before, so that there are few."""
        last = self._last_gap()
        self.items.append(gap if last is None else _join(last, gap))
        self.has_gap = True

    def took(self, item: StreamItem) -> None:
        """The consumer took the first item. A gap that comes next begins after it."""
        if type(item) is UserEvent:
            self.size -= len(item.raw)
            if self._may_hold_said:
                self._may_hold_said = bool(self.items)
                if self._is_said(item):
                    return
            self.taken = item
        else:
            self._took_gap(item)

    def take_all(self) -> list[StreamItem]:
        """Take all items."""
        items = list(self.items)
        self.items.clear()
        self.size = 0
        if self.has_gap:
            for item in items:
                if isinstance(item, Gap):
                    self._took_gap(item)
        for item in reversed(items):
            if type(item) is UserEvent and not self._is_said(item):
                self.taken = item
                break
        self._may_hold_said = False
        return items

    def _took_gap(self, gap: Gap) -> None:
        self.taken_gap = gap
        self.has_gap = any(isinstance(item, Gap) for item in self.items)

    def _append(self, events: Sequence[UserEvent], size: int) -> None:
        if events:
            self.items.extend(events)
            self.size += size
            if self._may_hold_said:
                self._latest = next((event for event in reversed(events) if not self._is_said(event)), self._latest)
            else:
                self._latest = events[-1]

    def _drop_newest(self, events: Sequence[UserEvent]) -> None:
        self.dropped += len(events)
        gap = self._last_gap()
        for event in events:
            gap = self._widen(gap, event, self._latest)
        assert gap is not None
        self.items.append(gap)
        self.has_gap = True

    def _last_gap(self) -> Gap | None:
        """Take back the last item, if it is a gap."""
        if self.items and isinstance(self.items[-1], Gap):
            gap = self.items.pop()
            assert isinstance(gap, Gap)
            return gap
        return None

    def _drop_oldest(self) -> None:
        gap: Gap | None = None
        while self._room.is_exceeded(len(self.items) + (gap is not None), self.size):
            oldest = self.items.popleft()
            if isinstance(oldest, UserEvent):
                self.dropped += 1
                self.size -= len(oldest.raw)
                gap = self._widen(gap, oldest, self.taken)
            else:
                gap = oldest if gap is None else _join(gap, oldest)
        assert gap is not None  # there was too much, so something was dropped
        self.items.appendleft(gap)
        self.has_gap = True

    def _widen(self, gap: Gap | None, event: UserEvent, before: UserEvent | None) -> Gap:
        """``gap`` with ``event`` missing as well."""
        if gap is None:
            return self._describe(event, before)
        lasting = max(0.0, event.received_at - gap.ended_at)
        return replace(
            gap,
            ended_at=gap.ended_at + lasting,
            unix_ended_at=gap.unix_ended_at + lasting,
            missed=None if gap.missed is None else gap.missed + 1,
        )


def _join(first: Gap, second: Gap) -> Gap:
    """One gap in place of two between which there is no event (any more)."""
    known = first.missed is not None and second.missed is not None
    return replace(
        first,
        cause=second.cause if first.cause == "overflow" else first.cause,
        started_at=min(first.started_at, second.started_at),
        unix_started_at=min(first.unix_started_at, second.unix_started_at),
        ended_at=max(first.ended_at, second.ended_at),
        unix_ended_at=max(first.unix_ended_at, second.unix_ended_at),
        generation_after=second.generation_after,
        missed=(first.missed or 0) + (second.missed or 0) if known else None,
    )
