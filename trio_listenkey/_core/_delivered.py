"""What a stream has delivered a short time ago: what a socket that follows may bring again.

Two sockets of one account may be served by two gateways, and one gateway's feed may be some time behind the other's.
So the socket that follows may bring what the one before has delivered up to ``feed_lag`` before the handshake began.

Two gateways do not always write the same event in the same way: the order of members, spaces and escapes may differ,
the time at which it was sent, or how many events stand in one list. What makes two messages the same event is known to
the exchange's protocol, and is handed in: ``canonical`` gives the same bytes for the same event. It takes some
microseconds, so it is not asked for before another socket takes over, and not for longer than the two may overlap.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from .._events import UserEvent, events_in, select

__all__ = ["Canonical", "Delivered", "Repeats", "as_it_is"]

Canonical = Callable[[bytes], bytes]
"""Of one event, out of its envelope and out of its list: the same bytes for the same event."""

# Bytes. What is longer, and has no time that can be read, is an event of an exchange whose events have it elsewhere
# (GMO Coin) or are no JSON (MEXC): with all that is in it, it does not happen twice.
_LONGEST_WORDS: Final = 64

# Events, and bytes of them. An account of a person or a bot has hundreds in the seconds for which they are kept. Beyond
# this the oldest are forgotten, for memory must have an end, and some may be delivered twice.
_MOST: Final = 50_000
_MOST_BYTES: Final = 32 * 2**20


def as_it_is(event: bytes) -> bytes:
    """Where nothing else is known: the same event is the same bytes."""
    return event


def always_an_event(event: UserEvent) -> bool:  # noqa: ARG001 - as a predicate is called
    """Where nothing else is known: no message is an announcement."""
    return False


class Repeats:
    """What was delivered, and may come again on the socket that follows: how often each event.

    Feeds are in order, each by itself. So an event that was not delivered, and that a feed has *before* one that was,
    is late: the socket before had missed it, for its own feed began after it. It cannot be delivered in order any more.
    Where a gap says that it may be missing, it is left out.

    What the exchange says of the socket or the key is in no feed's order: it may come on one socket alone, and at once
    where events lag. It may come twice like an event, but nothing is late by it.
    """

    __slots__ = ("_canonical", "_is_announcement", "_newest", "after_gap", "counts")

    counts: Counter[bytes]
    """How often each event, in its canonical form, may still come."""

    after_gap: bool
    """Whether a gap was told, so that what is late may be left out: it happened before that gap's end."""

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
        """Whether one of ``events`` was delivered, and none before it was not: then nothing is between two sockets."""
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
        """What of ``events`` is to be delivered, and how many are left out because they are late.

        What was delivered is looked for once each. Of a list of events, those stay that were not delivered.
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
        """Whether it is older than what was delivered last. That may yet come here: then this one was late."""
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
    """The last events, as they were delivered. They are not looked into before another socket takes over."""

    __slots__ = ("_batches", "_bytes", "_canonical", "_count", "_is_announcement")

    def __init__(
        self, canonical: Canonical = as_it_is, is_announcement: Callable[[UserEvent], bool] = always_an_event
    ) -> None:
        self._canonical, self._is_announcement = canonical, is_announcement
        # Each with the time of delivery and its size in bytes, the oldest first.
        self._batches: deque[tuple[float, int, Sequence[UserEvent]]] = deque()
        self._count = self._bytes = 0  # of all the events in them

    def add(self, events: Sequence[UserEvent], size: int, now: float, since: float) -> None:
        """These, of ``size`` bytes, were delivered ``now``; those from before ``since`` are not asked for any more."""
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
        """What was delivered since ``when``. Words without a time may come again and be others."""
        recent = (event for at, _, events in self._batches if at >= when for event in events)
        kept = [event for event in recent if event.time is not None or len(event.raw) > _LONGEST_WORDS]
        return Repeats(self._canonical, kept, self._is_announcement)
