"""The exchange's pings, and the pongs that it waits for."""

from __future__ import annotations

import math
from collections import deque

__all__ = ["Heartbeat"]


class Heartbeat:
    """When to ping one connection next, and until when it has to have answered.

    A pong counts if it copies the payload of a ping (Binance documentation, "WebSocket Streams"); one that nobody
    asked for is allowed, and does not keep the connection alive. A pong answers the earlier pings, too, for RFC 6455
    (5.5.3) allows to answer the latest ping alone.
    """

    def __init__(self, every: float, within: float, now: float) -> None:
        self.next_ping: float = now + every
        self._every = every
        self._within = within
        self._unanswered: deque[tuple[bytes, float]] = deque()

    @property
    def overdue_at(self) -> float:
        """When the connection has missed a pong."""
        return self._unanswered[0][1] if self._unanswered else math.inf

    def ping(self, payload: bytes, now: float) -> None:
        self._unanswered.append((payload, now + self._within))
        self.next_ping = now + self._every

    def pong(self, payload: bytes) -> None:
        payloads = [each for each, _ in self._unanswered]
        if payload in payloads:
            for _ in range(payloads.index(payload) + 1):
                self._unanswered.popleft()
