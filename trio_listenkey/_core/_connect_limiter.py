"""How many sockets may be opened at a host, and when: shared by all streams of this process that go there."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from ._backoff import full_jitter

__all__ = ["ConnectLimiter"]

# Binance Spot documentation, "WebSocket Streams", limits: "300 connections per attempt every 5 minutes per IP". A part
# is left to others behind the same address.
_ATTEMPTS: Final = 240
_WINDOW: Final = 300.0
# A refusal that asks for no time in particular, or for less than a second: seconds for the first of them, and at most.
_WAIT_BASE: Final = 30.0
_WAIT_CAP: Final = 300.0
# One that names its time is taken at its word. But all that were refused come back then, so that they are spread: over
# a tenth of that time, and over some seconds at most.
_SPREAD: Final = 0.1
_SPREAD_CAP: Final = 5.0
# Bans end at three days (Binance spot rest-api.md, "IP limits"). Who asks for more does not mean it.
_LONGEST_WAIT: Final = 3 * 86_400.0
# Too many requests; banned; the firewall, which hammering only angers.
_ASK_FOR_SILENCE: Final = frozenset({429, 418, 403})


class ConnectLimiter:
    """One streams' host, as this process sees it.

    Args:
        lock: Held over each step, where several threads have streams that go there.
    """

    __slots__ = ("__weakref__", "_attempts", "_blocked_until", "_lock")

    def __init__(self, lock: AbstractContextManager[object] | None = None) -> None:
        self._lock = nullcontext() if lock is None else lock
        self._attempts: deque[float] = deque()
        self._blocked_until = float("-inf")

    @property
    def allowed_at(self) -> float:
        """No socket is to be opened before then."""
        with self._lock:
            if len(self._attempts) < _ATTEMPTS:
                return self._blocked_until
            return max(self._blocked_until, self._attempts[0] + _WINDOW)

    def is_blank(self, now: float) -> bool:
        """Whether there is nothing to be remembered of it."""
        with self._lock:
            return self._blocked_until <= now and (not self._attempts or self._attempts[-1] <= now - _WINDOW)

    def record_attempt(self, now: float) -> None:
        """A socket is being opened."""
        with self._lock:
            while self._attempts and self._attempts[0] <= now - _WINDOW:
                self._attempts.popleft()
            self._attempts.append(now)

    def refused(self, status: int | None, retry_after: float | None, now: float, attempt: int, draw: float) -> None:
        """A handshake was refused, or failed otherwise, ``attempt`` times in a row."""
        if status in _ASK_FOR_SILENCE or retry_after is not None:
            if retry_after is None or retry_after < 1.0:
                wait = full_jitter(attempt, draw, base=_WAIT_BASE, cap=_WAIT_CAP)
            else:
                said = min(retry_after, _LONGEST_WAIT)
                wait = said + draw * min(said * _SPREAD, _SPREAD_CAP)
            with self._lock:
                self._blocked_until = max(self._blocked_until, now + wait)
