"""When one stream may open its next socket: back-off after failures, planned moves, and what the host allows.

The limits of the host are shared by all streams of this process that go there: they are in a ``ConnectLimiter``. What
is here is one stream's own. It reads no clock, and draws no random numbers but by the function that is handed in: each
decision has a number of its own, for one that is kept would put the same stream last each time.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from .._errors import ListenKeyError
from .._settings import Timing
from ._backoff import Backoff
from ._connect_limiter import ConnectLimiter
from ._stream_errors import never_open

__all__ = ["ConnectPacing"]

# Of a socket's lifetime, when to move to the next one: from here, and earlier by up to as much for jitter.
_MOVE_AT: Final = 0.95
_MOVE_JITTER: Final = 0.05
# Seconds between two attempts to open a socket, at most: each without one may cost an event, and the limiter sees to it
# that there are not too many. Requests about keys are further apart.
_RETRY_CAP: Final = 15.0


class ConnectPacing:
    """One stream's attempts to open a socket.

    Args:
        venue: Its name, for errors.
        timing: ``open_timeout``, ``retry_base`` and ``retry_cap``.
        limiter: The streams' host.
        lifetime: After how many seconds the exchange ends a socket.
        now: When opening began: the first socket has ``open_timeout`` from here.
        draw: Gives a random number in [0, 1).
    """

    __slots__ = ("_backoff", "_draw", "_last_error", "_lifetime", "_limiter", "_timing", "_venue", "give_up_at")

    give_up_at: float
    """When opening has failed, if no socket was open by then; infinity from the first one on."""

    def __init__(
        self,
        venue: str,
        timing: Timing,
        limiter: ConnectLimiter,
        *,
        lifetime: float,
        now: float,
        draw: Callable[[], float],
    ) -> None:
        self._venue, self._timing, self._limiter = venue, timing, limiter
        self._lifetime = lifetime
        self._draw = draw
        self.give_up_at = now + timing.open_timeout
        self._backoff = Backoff(timing.retry_base, min(timing.retry_cap, _RETRY_CAP), now)
        self._last_error: Exception | None = None  # of the last handshake that failed

    @property
    def allowed_at(self) -> float:
        """No socket is to be opened before then."""
        return max(self._backoff.due, self._limiter.allowed_at)

    def connecting(self, now: float) -> None:
        """A socket is being opened."""
        self._limiter.record_attempt(now)

    def connected(self, now: float) -> float:
        """It is open; return when to move to the next one."""
        self.give_up_at = inf
        return now + self._lifetime * (_MOVE_AT - _MOVE_JITTER * self._draw())

    def failed(self, error: Exception, now: float) -> None:
        """A socket could not be opened; ``error`` may have a ``status`` and a ``retry_after``."""
        self._last_error = error
        self.retry_later(now)
        status, retry_after = getattr(error, "status", None), getattr(error, "retry_after", None)
        self._limiter.refused(status, retry_after, now, self._backoff.attempt, self._draw())

    def ended(self, opened_at: float, now: float) -> None:
        """A socket that delivered since ``opened_at`` has ended, or was left.

        One that was open for long may be followed at once; if each is soon followed by another it takes time.
        """
        if now - opened_at >= min(self._backoff.cap, self._lifetime / 2):
            self._backoff.reset(now)
        else:
            self.retry_later(now)

    def retry_later(self, now: float) -> None:
        """The next attempt comes after a back-off."""
        self._backoff.back_off(now, self._draw())

    def why_not_open(self) -> ListenKeyError:
        """The error for a stream whose first socket was not open by ``give_up_at``."""
        return never_open(self._venue, self._timing.open_timeout, self._last_error)
