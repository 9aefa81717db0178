"""What the exchange says on a socket about the socket itself, or about the listen key.

An announcement is delivered like any message, but it is no event of the account: it proves nothing about the key, and
no gap begins after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .._events import UserEvent
from ._trust import Trust

__all__ = ["Announcements"]

_EXPIRED: Final = b"listenKeyExpired"
_SHUTDOWN: Final = b"serverShutdown"
# The announcement has an "e" and an "E" and nothing else, at most in an envelope. An event of the account that has the
# word in it, as a client's own name for an order, is longer.
_SHUTDOWN_SIZE: Final = 256


class Announcements:
    """Tells announcements from events.

    Args:
        expired: The event, or the words, by which the exchange says that a key has expired; ``None`` for Binance's.
    """

    __slots__ = ("_expired",)

    def __init__(self, expired: str | None) -> None:
        self._expired = _EXPIRED if expired is None else expired.encode()

    def may_be_one(self, raw: bytes) -> bool:
        """Whether a message may be an announcement: a quick test, made for every event."""
        return self._expired in raw or (len(raw) < _SHUTDOWN_SIZE and _SHUTDOWN in raw)

    def may_be_among(self, events: Sequence[UserEvent]) -> list[UserEvent]:
        """Those of ``events`` that may be announcements: the same, where a call for each would be most of the cost."""
        expired = self._expired
        return [
            event
            for event in events
            if expired in (raw := event.raw) or (len(raw) < _SHUTDOWN_SIZE and _SHUTDOWN in raw)
        ]

    def is_one(self, event: UserEvent) -> bool:
        """Whether a message is an announcement, and no event of the account."""
        if not self.may_be_one(event.raw):
            return False
        kind = event.type
        return kind is None or kind == "serverShutdown" or kind.encode() == self._expired

    def says_shutdown(self, event: UserEvent) -> bool:
        """Whether the exchange will end this socket soon."""
        return event.type == "serverShutdown"

    def says_expired(self, event: UserEvent, trust: Trust, *, is_own: bool) -> bool:
        """Whether ``event`` says that the key we hold is dead.

        Args:
            event: What came.
            trust: What is known of the key.
            is_own: Whether the socket that delivers has the key that we hold: an event without a key is about that one.
        """
        if not trust.is_usable:
            return False
        kind = event.type
        if kind is None:  # no event, but words, where those are what the exchange says
            return (
                self._expired != _EXPIRED and len(event.raw) < _SHUTDOWN_SIZE and self._expired in event.raw and is_own
            )
        if kind.encode() != self._expired:
            return False
        try:
            named = event.data.get("listenKey")
        except (ValueError, AttributeError):
            return False
        # Portfolio margin's event names no key.
        return named == trust.key or (named is None and is_own)
