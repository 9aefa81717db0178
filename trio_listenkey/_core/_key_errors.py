"""The errors of a key's lifecycle: only it knows which requests were tried, and for how long."""

from __future__ import annotations

from typing import Final

from .._errors import KeyLostError, ListenKeyError, RateLimitedError, UnavailableError

__all__ = [
    "key_expired",
    "key_lost",
    "key_may_be_left",
    "left_to_expire",
    "never_sent",
    "not_closed",
    "silence_too_long",
]

_WHY_LEFT: Final = {
    "away": "the register could not be asked whether others share the key",
    "early": "this program has not shared the key for long enough to be sure that nobody else does",
    "late": "the close could not be sent at once after the register was asked, and others may share the key by now",
}


def key_expired(venue: str, validity: float, last: ListenKeyError | None) -> KeyLostError:
    """No keepalive succeeded in time; ``last`` is why the last one failed, if one was answered."""
    why = f"; the last failure: {last}" if last else ""
    return KeyLostError(
        f"no keepalive succeeded within the key's {validity:g} s of life{why}",
        advice="Treat the time since then as unobserved",
        venue=venue,
        verb="keepalive",
    )


def key_lost(venue: str, error: ListenKeyError | None = None) -> KeyLostError:
    """The exchange does not know the key any more; ``error`` has its words, where it said so."""
    return KeyLostError(
        "the exchange does not know the listen key any more: it expired, or someone closed it",
        advice="Open a new one; what happened since the last event may have been missed",
        venue=venue,
        verb="keepalive",
        status=error.status if error else None,
        code=error.code if error else None,
        message=error.message if error else None,
    )


def silence_too_long(venue: str, seconds: float, last: ListenKeyError | None) -> RateLimitedError:
    """The exchange's ban, of so many more seconds, outlasts ``open_timeout``."""
    told = last if isinstance(last, RateLimitedError) else None
    return RateLimitedError(
        f"rate limited: the exchange accepts no requests for {seconds:.0f} s more, which is beyond open_timeout",
        advice="Wait that long before opening a key, and ask less often",
        retry_after=seconds,
        venue=venue,
        verb="create",
        status=told.status if told else None,
        code=told.code if told else None,
        message=told.message if told else None,
    )


def never_sent(venue: str, open_timeout: float) -> UnavailableError:
    """There was no turn to send a create in time."""
    return UnavailableError(
        f"no create could be sent within open_timeout ({open_timeout:g} s)",
        advice="Other contexts of this account have requests in flight that are not answered; try again",
        venue=venue,
        verb="create",
    )


def key_may_be_left(venue: str, validity: float) -> UnavailableError:
    """A create's answer was lost, and no other create returns that key."""
    return UnavailableError(
        "the answer to a create was lost; if the exchange created a key, it cannot be closed without its name",
        advice=f"That key expires by itself within {validity:g} s",
        venue=venue,
        verb="close",
    )


def left_to_expire(venue: str, validity: float, because: str) -> UnavailableError:
    """A key that may be shared is not closed; ``because`` is one of ``_WHY_LEFT``."""
    return UnavailableError(
        f"{_WHY_LEFT[because]}, so it is not closed",
        advice=f"It expires by itself within {validity:g} s",
        venue=venue,
        verb="close",
    )


def not_closed(venue: str, validity: float, close_timeout: float) -> UnavailableError:
    """There was no turn to send a close in time."""
    return UnavailableError(
        f"no close could be sent within close_timeout ({close_timeout:g} s)",
        advice=f"The key expires by itself within {validity:g} s",
        venue=venue,
        verb="close",
    )
