"""When one stream may open its next socket: back-off after failures, planned moves, and what the host allows.

The limits of the host are shared by all streams of this process that go there: they are in a ``ConnectLimiter``. This
file has the limits of one stream. It reads no clock, and takes random numbers from the function that it is given: a new
one for each decision, for a stored one would put the same stream last each time.

What may delay a socket, each in addition to the others:

* *Back-off* (``_backoff``): sockets of this stream could not be opened, or did not last. It grows, up to a quarter of a
  minute, and ends when one has lasted, or when there is another key.
* *Its turn*: many sockets of the process fell together. Where that is so, ``_backoff.due`` is this stream's turn.
* *A floor between announced moves* (``_announced``): it delays planned moves only, never a stream that has no socket.
* *The host's word*, and *our own limit* of sockets: both are the limiter's.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from .._errors import ListenKeyError
from .._settings import Timing
from .._statistics import WaitsFor
from ._backoff import DOUBTFUL_TRIES, Backoff
from ._connect_limiter import ConnectLimiter
from ._stream_errors import never_open, too_many_sockets

__all__ = ["ConnectPacing"]

# Of a socket's lifetime, when to move to the next one: from here, and earlier by up to as much for jitter.
_MOVE_AT: Final = 0.95
_MOVE_JITTER: Final = 0.05
# Seconds between two attempts to open a socket, at most: each without one may cost an event, and the limiter sees to it
# that there are not too many. Requests about keys are further apart.
_RETRY_CAP: Final = 15.0
# The exchange announces that it will end a socket; and says the same on the next one, as soon as that is open: it
# restarts one server after the other. Seconds from one move to the next, at first and at most; half of it at least.
_ANNOUNCED_BASE: Final = 10.0
_ANNOUNCED_CAP: Final = 60.0


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

    __slots__ = (
        "_announced",
        "_backoff",
        "_doubts",
        "_draw",
        "_last_error",
        "_lifetime",
        "_limiter",
        "_share",
        "_timing",
        "_venue",
        "give_up_at",
    )

    give_up_at: float
    """When opening has failed, if no socket was open by then; infinity from the first one on."""

    _backoff: Backoff
    """After sockets that could not be opened, or did not last."""

    _announced: Backoff
    """After sockets whose end was announced: ``due`` is the earliest time for the next move on such an occasion."""

    _doubts: int
    """How many doubtful refusals there were since a socket was open."""

    _share: float
    """This stream's random place among those that wait for the host; a new one for each attempt."""

    _last_error: Exception | None
    """The error of the last failed handshake."""

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
        self._announced = Backoff(_ANNOUNCED_BASE, _ANNOUNCED_CAP, now)
        self._share = draw()
        self._last_error = None
        self._doubts = 0

    @property
    def allowed_at(self) -> float:
        """When the next socket may be opened."""
        return max(self._backoff.due, self._limiter.allowed_at + self._share * self._limiter.spread)

    @property
    def is_hopeless(self) -> bool:
        """Whether our own limit lets no socket be opened before opening has failed."""
        return self._limiter.own_limit_until >= self.give_up_at

    def waits_for(self, now: float) -> WaitsFor | None:
        """What delays the next socket; ``None`` for nothing."""
        if now >= self.allowed_at:
            return None
        if self._backoff.due >= self._limiter.allowed_at:
            return "backoff"
        return "own_limit" if self._limiter.own_limit_until >= self._limiter.allowed_at else "exchange"

    def connecting(self, now: float) -> None:
        """A socket is being opened."""
        self._limiter.record_attempt(now)
        self._share = self._draw()

    def connected(self, now: float) -> float:
        """It is open; return when to move to the next one."""
        self.give_up_at = inf
        self._doubts = 0
        self._limiter.admitted()
        return now + self._lifetime * (_MOVE_AT - _MOVE_JITTER * self._draw())

    def failed(self, error: Exception, now: float) -> None:
        """A socket could not be opened; ``error`` may have a ``status`` and a ``retry_after``."""
        self._last_error = error
        self.retry_later(now)
        status, retry_after = getattr(error, "status", None), getattr(error, "retry_after", None)
        self._limiter.refused(status, retry_after, now)

    def ended(self, opened_at: float, now: float) -> None:
        """A socket that delivered since ``opened_at`` has ended, and there is none in its place.

        One that was open for long may be followed at once, or when it is its turn among all that ended with it; if each
        is soon followed by another it takes time.
        """
        if self._has_lasted(opened_at, now):
            self._backoff.reset(self._limiter.take_turn(now))
        else:
            self.retry_later(now)

    def replaced(self, opened_at: float, now: float) -> None:
        """The same, where another socket is open or being opened in its place: it needs no turn of the host."""
        if self._has_lasted(opened_at, now):
            self._backoff.reset(now)
        else:
            self.retry_later(now)

    def _has_lasted(self, opened_at: float, now: float) -> bool:
        return now - opened_at >= min(self._backoff.cap, self._lifetime / 2)

    def retry_later(self, now: float) -> None:
        """The next attempt comes after a back-off."""
        self._backoff.back_off(now, self._draw())

    def may_doubt(self) -> bool:
        """Count a doubtful refusal; return whether it may be retried."""
        self._doubts += 1
        return self._doubts <= DOUBTFUL_TRIES

    def new_key(self, now: float) -> None:
        """There is another key: the failures of handshakes with the old one do not count for it."""
        self._backoff.reset(now)

    def announced(self, opened_at: float, now: float) -> float:
        """The exchange will end the socket that delivers since ``opened_at``; return when to move to another.

        The next such move comes some time later: there is time for that, for a socket whose end is announced works. And
        if it should end before, it is followed as any other that has ended.
        """
        if now - opened_at >= _ANNOUNCED_CAP:
            self._announced.reset(now)
        move_at = max(self._announced.due, self._limiter.take_turn(now))
        self._announced.back_off(move_at, (1 + self._draw()) / 2)  # half of it is kept
        return move_at

    def why_not_open(self, now: float) -> ListenKeyError:
        """The error for a stream whose first socket was not open by ``give_up_at``, or cannot be."""
        if self.waits_for(now) == "own_limit":
            return too_many_sockets(self._venue, self._limiter.own_limit_until - now)
        return never_open(self._venue, self._timing.open_timeout, self._last_error)
