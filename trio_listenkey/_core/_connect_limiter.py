"""How many sockets may be opened at a host, and when: shared by all streams of this process that go there."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext
from math import inf
from typing import Final

from ._backoff import full_jitter

__all__ = ["ATTEMPTS", "WINDOW", "ConnectLimiter"]

# Binance Spot documentation, "WebSocket Streams", limits: "300 connections per attempt every 5 minutes per IP". A part
# is left to others behind the same address.
ATTEMPTS: Final = 240
WINDOW: Final = 300.0
# Sockets of many streams often fall at the same moment: the network was away, or the exchange has restarted. So many
# may be followed at once, and each other one so many seconds after the one before: a hundred within five seconds.
_AT_ONCE: Final = 5
_APART: Final = 0.05
# A refusal that asks for no time in particular, or for less than a second: seconds for the first of them, and at most.
_WAIT_BASE: Final = 30.0
_WAIT_CAP: Final = 300.0
# One that names its time is taken at its word. But all streams of this process wait for the same moment, so that they
# are spread: over a tenth of that time, and over some seconds at most.
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

    __slots__ = ("__weakref__", "_attempts", "_blocked_until", "_lock", "_spread", "_turns_until")

    _attempts: deque[float]
    """When sockets were opened in the last five minutes, by any stream of this process; the oldest first."""

    _blocked_until: float
    """The host has asked for silence until then. It never falls: a second refusal does not shorten the first."""

    _spread: float
    """What belongs to ``_blocked_until``; and to our own limit, while nothing else was asked for."""

    _turns_until: float
    """The turns that were given away, one after the other, last until then."""

    def __init__(self, lock: AbstractContextManager[object] | None = None) -> None:
        self._lock = nullcontext() if lock is None else lock
        self._attempts = deque()
        self._blocked_until = self._turns_until = -inf
        self._spread = _SPREAD_CAP

    @property
    def allowed_at(self) -> float:
        """No socket is to be opened before then."""
        with self._lock:
            return max(self._blocked_until, self.own_limit_until)

    @property
    def spread(self) -> float:
        """Within how many seconds after that those who wait for it are to come: each at a time of its own."""
        with self._lock:
            return self._spread

    @property
    def own_limit_until(self) -> float:
        """Until when our own limit holds sockets up, whatever the host says; minus infinity if it does not."""
        with self._lock:
            return self._attempts[0] + WINDOW if len(self._attempts) >= ATTEMPTS else -inf

    def take_turn(self, now: float) -> float:
        """A socket is gone that worked: when the next one may be opened in its place.

        What was lost alone is followed at once. Of what was lost together, each is given a time of its own.
        """
        with self._lock:
            self._turns_until = max(self._turns_until, now) + _APART
            return max(now, self._turns_until - _AT_ONCE * _APART)

    def is_blank(self, now: float) -> bool:
        """Whether there is nothing to be remembered of it."""
        with self._lock:
            return self._blocked_until <= now and (not self._attempts or self._attempts[-1] <= now - WINDOW)

    def record_attempt(self, now: float) -> None:
        """A socket is being opened."""
        with self._lock:
            while self._attempts and self._attempts[0] <= now - WINDOW:
                self._attempts.popleft()
            self._attempts.append(now)

    def refused(self, status: int | None, retry_after: float | None, now: float, attempt: int, draw: float) -> None:
        """A handshake was refused, or failed otherwise, ``attempt`` times in a row."""
        if status in _ASK_FOR_SILENCE or retry_after is not None:
            if retry_after is None or retry_after < 1.0:
                wait = full_jitter(attempt, draw, base=_WAIT_BASE, cap=_WAIT_CAP)
            else:
                wait = min(retry_after, _LONGEST_WAIT)
            with self._lock:
                if now + wait > self._blocked_until:
                    self._blocked_until = now + wait
                    self._spread = min(wait * _SPREAD, _SPREAD_CAP)
