"""What the exchange says on a socket about the socket itself, or about the listen key.

An announcement is delivered like any message, but it is no event of the account: it proves nothing about the key, and
no gap begins after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

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

    __slots__ = ("_expired", "_expired_event")

    def __init__(self, expired: str | None) -> None:
        self._expired = _EXPIRED if expired is None else expired.encode()
        self._expired_event = self._expired.decode()

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
        if kind is None:
            return True
        said = (kind, *(each.get("e") for each in _members_of(event)))
        # Compared, and not looked up: what an exchange says there may be of any type.
        return all(each in ("serverShutdown", self._expired_event) for each in said)

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
        for each in _members_of(event):
            if each.get("e") == self._expired_event:
                named = each.get("listenKey")
                if named == trust.key or (named is None and is_own):  # portfolio margin's event names no key
                    return True
        return False


def _members_of(event: UserEvent) -> list[dict[str, Any]]:
    """The events of a message, decoded: one, or those of a list; none if it cannot be read."""
    try:
        said = event.data
    except ValueError:
        return []
    return [each for each in (said if isinstance(said, list) else [said]) if isinstance(each, dict)]
