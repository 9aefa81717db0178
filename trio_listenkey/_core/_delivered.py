"""What a stream has delivered a short time ago: what a socket that follows may bring again.

Two sockets of one account may be served by two gateways, and one gateway's feed may be some time behind the other's.
So the socket that follows may bring what the one before has delivered up to ``feed_lag`` before the handshake began.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Final

from .._events import UserEvent

__all__ = ["Delivered", "shares"]

# Bytes. What is longer, and has no time that can be read, is an event of an exchange whose events have it elsewhere
# (GMO Coin) or are no JSON (MEXC): with all that is in it, it does not happen twice.
_LONGEST_WORDS: Final = 64

# Events. An account of a person or a bot has hundreds in the seconds for which they are kept. Beyond this the oldest
# are forgotten, for memory must have an end, and some may be delivered twice.
_MOST: Final = 50_000


class Delivered:
    """The last events, as they were delivered. They are not looked into before another socket takes over."""

    __slots__ = ("_batches", "_count")

    def __init__(self) -> None:
        self._batches: deque[tuple[float, Sequence[UserEvent]]] = deque()  # with the time of delivery, the oldest first
        self._count = 0  # of all the events in them

    def add(self, events: Sequence[UserEvent], now: float, since: float) -> None:
        """These were delivered ``now``; those from before ``since`` will not be asked for any more."""
        if since < now and events:
            self._batches.append((now, events))
            self._count += len(events)
        batches = self._batches
        while batches and (batches[0][0] < since or (self._count > _MOST and len(batches) > 1)):
            self._count -= len(batches.popleft()[1])

    def since(self, when: float) -> Counter[bytes]:
        """How often each was delivered since ``when``. Words without a time may come again and be others."""
        return Counter(
            event.payload
            for at, events in self._batches
            if at >= when
            for event in events
            if event.time is not None or len(event.raw) > _LONGEST_WORDS
        )


def shares(delivered: Counter[bytes], events: Iterable[UserEvent]) -> bool:
    """Whether one of ``events`` was delivered: then there is nothing between the two sockets."""
    return any(event.payload in delivered for event in events if event.time is not None)
