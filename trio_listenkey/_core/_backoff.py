"""How long to wait before another try."""

from __future__ import annotations

from .._settings import Timing

__all__ = ["DOUBTFUL_TRIES", "Backoff", "RequestPacing", "full_jitter"]

DOUBTFUL_TRIES = 20
"""How often a doubtful refusal is retried once a key has worked. With the usual backoff that takes about eight minutes,
and at most a quarter of an hour: longer than an exchange's restart or the setting of a clock, and less than the life
that a key has left when its keepalive is due."""

_DOUBLINGS = 32  # beyond this the cap has long been reached, and 2.0 ** attempt would overflow one day


def full_jitter(attempt: int, draw: float, *, base: float, cap: float) -> float:
    """Exponential backoff with full jitter: a random time of up to ``base``, then twice that, ... up to ``cap``.

    Full jitter spreads clients that failed together better than anything that keeps a part of the delay fixed
    ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A tenth of ``base`` is kept all the same: a run
    of small draws would else be a hot loop.

    Args:
        attempt: 1 for the first retry.
        draw: A random number from 0 up to, but not including, 1.
        base: Ceiling of the first delay, in seconds.
        cap: Ceiling of all delays, in seconds.
    """
    ceiling = min(cap, base * 2.0 ** min(attempt - 1, _DOUBLINGS))
    floor = base / 10
    return floor + (ceiling - floor) * draw


class Backoff:
    """When to try again after failures in a row, from a ``base`` up to a ``cap``, both in seconds."""

    __slots__ = ("_base", "attempt", "cap", "due")

    cap: float
    """No delay is longer."""

    due: float
    """When the next attempt is due."""

    attempt: int
    """How many attempts have failed in a row."""

    def __init__(self, base: float, cap: float, now: float) -> None:
        self._base, self.cap = base, cap
        self.due = now
        self.attempt = 0

    def back_off(self, now: float, draw: float) -> None:
        """An attempt failed: the next one is due after a delay of up to twice the ceiling that this one had."""
        self.attempt += 1
        self.due = now + self.delay(self.attempt, draw)

    def reset(self, now: float) -> None:
        """There is no reason to wait any more."""
        self.attempt = 0
        self.due = now

    def delay(self, attempt: int, draw: float) -> float:
        """The delay after so many failures in a row."""
        return full_jitter(attempt, draw, base=self._base, cap=self.cap)


class RequestPacing(Backoff):
    """When the next request of one key is due. It reads no clock and draws no numbers: both are handed in.

    Args:
        timing: ``retry_base``, ``retry_cap`` and ``jitter``.
        now: The present; the first request is due at once.
        draw: A random number in [0, 1).
    """

    __slots__ = ("_timing", "doubts", "draw", "losses")

    losses: int
    """How many keys were lost in a row: 0 as soon as a keepalive has succeeded."""

    doubts: int
    """How many doubtful refusals there were since the last success, whatever else failed between them."""

    draw: float
    """The random number of the last answer. It spreads what is decided until the next one."""

    def __init__(self, timing: Timing, now: float, draw: float) -> None:
        super().__init__(timing.retry_base, timing.retry_cap, now)
        self._timing = timing
        self.draw = draw
        self.losses = self.doubts = 0

    def next_request_at(self, allowed_at: float, spread: float) -> float:
        """When the next request may be sent to a host that wants silence until ``allowed_at``.

        A ban ends for all keys at the same moment. Their requests are spread over ``spread`` seconds after it.
        """
        return self.due if allowed_at <= self.due else allowed_at + self.draw * spread

    def hurry(self, when: float) -> None:
        """The next request is due at ``when``, if it is not due earlier."""
        self.due = min(self.due, when)

    def succeeded(self, sent_at: float, every: float) -> None:
        """A request sent at ``sent_at`` succeeded; the next one is due after ``every`` seconds, jittered."""
        self.attempt = self.doubts = 0
        self.due = sent_at + every * (1 - self._timing.jitter * self.draw)

    def failed(self, now: float) -> None:
        """A request failed: the next one is due after a backoff."""
        self.back_off(now, self.draw)

    def lost(self, now: float) -> None:
        """The key was lost. The first replacement is due at once.

        Keys that die without ever seeing a keepalive succeed must not make a hot loop of creates: from the second
        loss in a row on there is a backoff.
        """
        self.attempt = 0
        self.due = now + (self.delay(self.losses, self.draw) if self.losses else 0.0)
        self.losses += 1

    def least_silence(self) -> float:
        """The least seconds of silence after a ban: they grow if the exchange asks for silence again and again."""
        return self.delay(self.attempt - 1, 1.0) if self.attempt > 1 else 0.0
