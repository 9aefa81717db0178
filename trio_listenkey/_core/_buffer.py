"""What a stream has received and nobody has taken yet; and what is lost of it when there is too much, told as a gap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from .._events import Gap, StreamItem, UserEvent

__all__ = ["Buffer", "OnFull"]

OnFull = Literal["wait", "drop_oldest", "drop_newest", "fail"]


class Buffer:
    """Events and gaps in order. Gaps are never dropped.

    Args:
        limit: How many items there is room for. With ``"wait"`` and ``"fail"`` it may be exceeded by what one read
            from the socket brings.
        on_full: What to do beyond it.
        is_said: Whether an event is about the socket or the key, and so none of the account's: a gap does not come
            after it, for events that were missed may be older.
        describe: Makes a gap of the first and the last event that were dropped and how many these are.
    """

    __slots__ = ("_describe", "_is_said", "_latest", "_limit", "_on_full", "dropped", "items", "overflowed", "taken")

    items: deque[StreamItem]
    """For whoever takes them from the left; see :meth:`took`."""

    dropped: int
    """Events that were dropped so far."""

    overflowed: bool
    """With ``"fail"``: there was too much once, and since then nothing is accepted."""

    taken: UserEvent | None
    """The last event of the account that was taken."""

    def __init__(
        self,
        limit: int,
        on_full: OnFull,
        describe: Callable[[UserEvent, UserEvent | None], Gap],
        is_said: Callable[[UserEvent], bool] = lambda _event: False,
    ) -> None:
        self.items = deque()
        self.dropped = 0
        self.overflowed = False
        self._limit = limit
        self._on_full = on_full
        self._describe = describe
        self._is_said = is_said
        self._latest: UserEvent | None = None  # that was added and not dropped
        self.taken = None

    @property
    def is_overfull(self) -> bool:
        """Whether a reader that can wait should. One that does not wait sees the exchange's pings, and answers them."""
        return len(self.items) > self._limit

    @property
    def latest(self) -> UserEvent | None:
        """The last event of the account that was added: what a gap that follows comes after."""
        return self._latest

    def add(self, events: Sequence[UserEvent]) -> None:
        """Events have come."""
        if self.overflowed:
            self.dropped += len(events)
            return
        if self._on_full == "drop_newest" and len(self.items) + len(events) > self._limit:
            room = max(0, self._limit - len(self.items))
            self._append(events[:room])
            self._drop_newest(events[room:])
        else:
            self._append(events)
            if self._on_full == "drop_oldest":
                self._drop_oldest()
            elif self._on_full == "fail" and len(self.items) > self._limit:
                self.overflowed = True

    def add_gap(self, gap: Gap) -> None:
        """Tell of ``gap`` here. With no event before it, it is one with the gap before: so few gaps stay few."""
        last = self._last_gap()
        self.items.append(gap if last is None else _join(last, gap))

    def took(self, *items: StreamItem) -> None:
        """These were taken."""
        for item in reversed(items):
            if type(item) is UserEvent and not self._is_said(item):
                self.taken = item
                return

    def _append(self, events: Sequence[UserEvent]) -> None:
        if events:
            self.items.extend(events)
            self._latest = next((event for event in reversed(events) if not self._is_said(event)), self._latest)

    def _drop_newest(self, events: Sequence[UserEvent]) -> None:
        self.dropped += len(events)
        gap = self._last_gap()
        for event in events:
            gap = self._widen(gap, event, self._latest)
        assert gap is not None
        self.items.append(gap)

    def _last_gap(self) -> Gap | None:
        """Take back the last item, if it is a gap."""
        if self.items and isinstance(self.items[-1], Gap):
            gap = self.items.pop()
            assert isinstance(gap, Gap)
            return gap
        return None

    def _drop_oldest(self) -> None:
        gap: Gap | None = None
        while len(self.items) + (gap is not None) > self._limit:
            oldest = self.items.popleft()
            if isinstance(oldest, UserEvent):
                self.dropped += 1
                gap = self._widen(gap, oldest, self.taken)
            else:
                gap = oldest if gap is None else _join(gap, oldest)
        if gap is not None:
            self.items.appendleft(gap)

    def _widen(self, gap: Gap | None, event: UserEvent, before: UserEvent | None) -> Gap:
        """The same gap, and ``event`` is missing, too."""
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
