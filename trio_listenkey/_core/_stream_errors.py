"""The errors of a stream: only it knows what was tried, and for how long."""

from __future__ import annotations

from .._errors import ListenKeyError, RateLimitedError, UnavailableError
from ._connect_limiter import ATTEMPTS, WINDOW

__all__ = ["never_open", "silence", "too_many_sockets"]


def silence(venue: str, what: str, seconds: float) -> ListenKeyError:
    """Why a socket is given up: its peer has not done ``what`` for ``seconds``. For observers and the log."""
    return UnavailableError(
        f"the peer has not {what} for {seconds:.3g} s",
        advice="The stream goes on by itself",
        venue=venue,
        verb="connect",
    )


def never_open(venue: str, open_timeout: float, last: Exception | None) -> ListenKeyError:
    """Why opening has failed: no socket was open within ``open_timeout``; ``last`` says why the last try failed."""
    why = f"; the last failure: {last}" if last else ""
    return UnavailableError(
        f"no socket could be opened within open_timeout ({open_timeout:g} s){why}",
        advice="Try again; if it stays so, look whether the stream's host is reachable from here",
        venue=venue,
        verb="connect",
        status=getattr(last, "status", None),
    )


def too_many_sockets(venue: str, seconds: float) -> ListenKeyError:
    """Why opening has failed: our own limit allows no socket for ``seconds`` more."""
    return RateLimitedError(
        f"this process has opened {ATTEMPTS} sockets at the stream's host within {WINDOW:g} s, and opens no more: the"
        " limit is this library's own, for that of the exchange is not far",
        advice=f"Try again in {seconds:.0f} s; open fewer streams in one process, or not all of them at once",
        retry_after=seconds,
        venue=venue,
        verb="connect",
    )
