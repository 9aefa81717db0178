"""What one socket has still to be sent, and from when on."""

from __future__ import annotations

import heapq
import itertools
import math

from .._faults._effects import Reset
from ._frames import Frame, Goodbye, Text

__all__ = ["SendQueue"]

# Bytes that a frame is counted for, besides its text.
_OVERHEAD = 64


class SendQueue:
    """Frames in the order in which they are due; those that are due together, in the order they were put.

    Attributes:
        events: How many events were put in.
        size: About how many bytes wait to be sent.
    """

    def __init__(self) -> None:
        self.events: int = 0
        self.size: int = 0
        self._frames: list[tuple[float, int, Frame]] = []
        self._ticket = itertools.count()
        self._events_wait_until = -math.inf

    @property
    def next_at(self) -> float:
        """When the next frame is due."""
        return self._frames[0][0] if self._frames else math.inf

    def put(self, frame: Frame, at: float) -> None:
        self.size += _size_of(frame)
        heapq.heappush(self._frames, (at, next(self._ticket), frame))

    def put_event(self, frame: Frame, at: float) -> None:
        """Put an event in, due at ``at`` or, as events stay in order, when the one before it is."""
        self._events_wait_until = max(self._events_wait_until, at)
        self.events += 1
        self.put(frame, self._events_wait_until)

    def take(self, now: float) -> list[Frame]:
        """Take out what is due. After the end of the connection nothing is, though it was put in before."""
        due: list[Frame] = []
        while self.next_at <= now:
            due.append(heapq.heappop(self._frames)[2])
            if isinstance(due[-1], Goodbye | Reset):
                self.clear()
                return due
        self.size -= sum(map(_size_of, due))
        return due

    def clear(self) -> None:
        self._frames.clear()
        self.size = 0


def _size_of(frame: Frame) -> int:
    # A pong takes room, too: a client may send pings for ever, and read nothing.
    return _OVERHEAD + (len(frame.data) if isinstance(frame, Text) else 0)
