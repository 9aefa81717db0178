"""The events that a stream has delivered a short time ago: the next socket may deliver them again.

Two sockets of one account may be served by two gateways, and one gateway's feed may be some time behind the other's.
So the next socket may deliver again what the one before delivered up to ``feed_lag`` before the handshake began.

Two gateways do not always write the same event in the same way: the order of members, spaces and escapes may differ,
the time at which it was sent, or how many events stand in one list. The exchange's protocol knows which messages are
the same event: its function ``canonical`` returns the same bytes for the same event. It takes some microseconds, so it
is only called when another socket takes over, and only for as long as the two may overlap.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from .._events import UserEvent, events_in, select

__all__ = ["Canonical", "Delivered", "Repeats", "as_it_is"]

Canonical = Callable[[bytes], bytes]
"""Of one event, out of its envelope and out of its list: the same bytes for the same event."""

# Bytes. A longer message without a readable time is an event of an exchange that has the time elsewhere (GMO Coin) or
# sends no JSON (MEXC): two such events are never equal by chance.
_LONGEST_WORDS: Final = 64

# Events, and bytes of them. An account of a person or a bot has hundreds in the seconds for which they are kept. Beyond
# this the oldest are dropped, for memory is bounded, and some events may be delivered twice.
_MOST: Final = 50_000
_MOST_BYTES: Final = 32 * 2**20


def as_it_is(event: bytes) -> bytes:
    """The default: the same event is the same bytes."""
    return event


def always_an_event(event: UserEvent) -> bool:  # noqa: ARG001 - as a predicate is called
    """The default: no message is an announcement."""
    return False


class Repeats:
    """The delivered events that may come again on the next socket, and how often each.

    Feeds are in order, each by itself. So an event that was not delivered, and that a feed has *before* one that was,
    is late: the socket before had missed it, for its own feed began after it. It is too late to deliver it in order. If
    a reported gap covers it, it is dropped.

    Announcements about the socket or the key have no place in that order: they may come on one socket only, and at once
    where events lag. They may come twice like events, but never show that an event is late.
    """

    __slots__ = ("_canonical", "_is_announcement", "_newest", "after_gap", "counts")

    counts: Counter[bytes]
    """How often each event, in its canonical form, may still come."""

    after_gap: bool
    """Whether a gap was reported, so that late events may be dropped: they happened before that gap's end."""

    _newest: int
    """The time of the newest event of the account among them, on the exchange's clock."""

    def __init__(
        self,
        canonical: Canonical,
        events: Sequence[UserEvent] = (),
        is_announcement: Callable[[UserEvent], bool] = always_an_event,
    ) -> None:
        self._canonical, self._is_announcement = canonical, is_announcement
        self.counts = Counter(key for event in events for key in self._keys(event))
        self.after_gap = False
        self._newest = max((event.time or 0 for event in events if not is_announcement(event)), default=0)

    def __bool__(self) -> bool:
        return bool(self.counts)

    def joins(self, events: Iterable[UserEvent]) -> bool:
        """Whether one of ``events`` was delivered, and all before it as well: then none is missing in between."""
        for event in events:
            if event.time is not None:
                known = [key in self.counts for key in self._keys(event)]
                if any(known):
                    return all(known[: known.index(True)])
                return False
        return False

    def lacks_any(self, events: Iterable[UserEvent]) -> bool:
        """Whether one of ``events`` was not delivered."""
        return any(key not in self.counts for event in events if event.time is not None for key in self._keys(event))

    def take_out(self, events: Sequence[UserEvent]) -> tuple[list[UserEvent], int]:
        """The ``events`` to deliver, and the number of those that are dropped because they are late.

        Each delivered event is removed once. Of a list of events in one message, those that were not delivered stay.
        """
        left: list[UserEvent] = []
        late = 0
        for event in events:
            rest = self._rest_of(event)
            if self.after_gap and rest is not event and left and not self._is_announcement(event):
                late += len(left)
                left.clear()
            if rest is not None:
                left.append(rest)
        in_time = [event for event in left if not self._is_old(event)] if self.after_gap else left
        return in_time, late + len(left) - len(in_time)

    def _is_old(self, event: UserEvent) -> bool:
        """Whether the event is older than the last delivered one, which may still come here: then this one is late."""
        return event.time is not None and event.time < self._newest

    def _rest_of(self, event: UserEvent) -> UserEvent | None:
        counts, fresh = self.counts, []
        keys = self._keys(event)
        for place, key in enumerate(keys):
            if counts[key]:
                counts[key] -= 1
            else:
                fresh.append(place)
        if len(fresh) == len(keys):
            return event
        return select(event, fresh) if fresh else None

    def _keys(self, event: UserEvent) -> list[bytes]:
        return [self._canonical(each) for each in events_in(event)]


class Delivered:
    """The last events, as they were delivered. They are decoded only when another socket takes over."""

    __slots__ = ("_batches", "_bytes", "_canonical", "_count", "_is_announcement")

    def __init__(
        self, canonical: Canonical = as_it_is, is_announcement: Callable[[UserEvent], bool] = always_an_event
    ) -> None:
        self._canonical, self._is_announcement = canonical, is_announcement
        # Each with the time of delivery and its size in bytes, the oldest first.
        self._batches: deque[tuple[float, int, Sequence[UserEvent]]] = deque()
        self._count = self._bytes = 0  # of all the events in them

    def add(self, events: Sequence[UserEvent], size: int, now: float, since: float) -> None:
        """Add ``events`` of ``size`` bytes that were delivered ``now``; drop those from before ``since``."""
        if since < now and events:
            self._batches.append((now, size, events))
            self._count += len(events)
            self._bytes += size
        batches = self._batches
        while batches and (batches[0][0] < since or self._is_too_much):
            _, size, dropped = batches.popleft()
            self._count -= len(dropped)
            self._bytes -= size

    @property
    def _is_too_much(self) -> bool:
        return (self._count > _MOST or self._bytes > _MOST_BYTES) and len(self._batches) > 1

    def since(self, when: float) -> Repeats:
        """The events delivered since ``when``, without short ones that have no time: equal ones may be different."""
        recent = (event for at, _, events in self._batches if at >= when for event in events)
        kept = [event for event in recent if event.time is not None or len(event.raw) > _LONGEST_WORDS]
        return Repeats(self._canonical, kept, self._is_announcement)
