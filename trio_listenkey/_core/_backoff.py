"""How long to wait before another try."""

from __future__ import annotations

__all__ = ["full_jitter"]

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
