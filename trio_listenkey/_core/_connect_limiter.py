"""How many sockets may be opened at a host, and when: shared by all streams of this process that go there."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext
from math import inf
from typing import Final

__all__ = ["ATTEMPTS", "WINDOW", "ConnectLimiter"]

# Binance Spot documentation, "WebSocket Streams", limits: "300 connections per attempt every 5 minutes per IP". A part
# is left to others behind the same address.
ATTEMPTS: Final = 240
WINDOW: Final = 300.0
# Sockets of many streams often fall at the same moment: the network was away, or the exchange has restarted. So many
# may be followed at once, and each other one so many seconds after the one before: a hundred within five seconds.
_AT_ONCE: Final = 5
_APART: Final = 0.05
# A refusal that asks for silence and names no time, or less than a second: seconds of silence after the first one. It
# is doubled with each that follows, whichever stream it was told to, until a socket is opened. Bans last for at least
# two minutes (Binance spot rest-api.md, "IP limits"), and request limits are counted by the minute. What a firewall
# means by 403 no document says: a gateway that restarts answers so for a moment, a block may last for minutes. So the
# first try after it comes early, for events are missed meanwhile, and there are no more than five in as many minutes.
_FIRST_SILENCE: Final = {403: 15.0, 429: 30.0, 418: 120.0}
_LEAST_SILENCE: Final = 15.0  # after any other refusal that comes with a Retry-After of nothing
_LONGEST_SILENCE: Final = 300.0
_DOUBLINGS: Final = 10  # beyond these it has long been the longest
# The wait itself is not random: a short one would hammer the host, and a long one costs events. But all streams of this
# process wait for the same moment, so their attempts are spread: over a tenth of that time, and over some seconds at
# most. The first that is refused again holds up the others that have not tried yet.
_SPREAD: Final = 0.1
_SPREAD_CAP: Final = 5.0
# Bans end at three days (Binance spot rest-api.md, "IP limits"). A longer time is taken for a mistake.
_LONGEST_WAIT: Final = 3 * 86_400.0


class ConnectLimiter:
    """One streams' host, as this process sees it.

    Args:
        lock: Held over each step, where several threads have streams that go there.
    """

    __slots__ = ("__weakref__", "_attempts", "_blocked_until", "_lock", "_refusals", "_spread", "_turns_until")

    _attempts: deque[float]
    """When sockets were opened in the last five minutes, by any stream of this process; the oldest first."""

    _blocked_until: float
    """The host has asked for silence until then. It never falls: a second refusal does not shorten the first."""

    _refusals: int
    """How often in a row the host has asked for silence without a time. Refusals of handshakes that were under way at
    the first one count as the same refusal."""

    _spread: float
    """Seconds over which attempts are spread after ``_blocked_until``, or after our own limit."""

    _turns_until: float
    """When the last turn given by :meth:`take_turn` ends."""

    def __init__(self, lock: AbstractContextManager[object] | None = None) -> None:
        self._lock = nullcontext() if lock is None else lock
        self._attempts = deque()
        self._blocked_until = self._turns_until = -inf
        self._refusals = 0
        self._spread = _SPREAD_CAP

    @property
    def allowed_at(self) -> float:
        """When the next socket may be opened."""
        with self._lock:
            return max(self._blocked_until, self.own_limit_until)

    @property
    def spread(self) -> float:
        """Seconds after ``allowed_at`` over which waiting streams spread their attempts."""
        with self._lock:
            return self._spread

    @property
    def own_limit_until(self) -> float:
        """Until when our own limit delays sockets, whatever the host says; minus infinity if it does not."""
        with self._lock:
            return self._attempts[0] + WINDOW if len(self._attempts) >= ATTEMPTS else -inf

    def take_turn(self, now: float) -> float:
        """A working socket has ended; return when the next one may be opened in its place.

        A socket that ended alone is replaced at once. If many ended together, each replacement gets a time of its own.
        """
        with self._lock:
            self._turns_until = max(self._turns_until, now) + _APART
            return max(now, self._turns_until - _AT_ONCE * _APART)

    def is_blank(self, now: float) -> bool:
        """Whether it holds nothing to remember: no ban, and no attempt in the last minutes."""
        with self._lock:
            return self._blocked_until <= now and (not self._attempts or self._attempts[-1] <= now - WINDOW)

    def record_attempt(self, now: float) -> None:
        """A socket is being opened."""
        with self._lock:
            while self._attempts and self._attempts[0] <= now - WINDOW:
                self._attempts.popleft()
            self._attempts.append(now)

    def admitted(self) -> None:
        """A socket was opened: the host's silence is over."""
        with self._lock:
            self._refusals = 0

    def refused(self, status: int | None, retry_after: float | None, now: float) -> None:
        """A handshake failed; ``retry_after`` is the time that the host named, in seconds."""
        if status in _FIRST_SILENCE or retry_after is not None:
            with self._lock:
                if retry_after is not None and retry_after >= 1.0:
                    silence = min(retry_after, _LONGEST_WAIT)
                elif now < self._blocked_until:
                    return
                else:
                    first = _LEAST_SILENCE if status is None else _FIRST_SILENCE.get(status, _LEAST_SILENCE)
                    silence = min(first * 2.0 ** min(self._refusals, _DOUBLINGS), _LONGEST_SILENCE)
                    self._refusals += 1
                if now + silence > self._blocked_until:
                    self._blocked_until = now + silence
                    self._spread = min(silence * _SPREAD, _SPREAD_CAP)
