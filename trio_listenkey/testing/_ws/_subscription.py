"""One stream on one socket: a key, and what of it comes."""

from __future__ import annotations

from dataclasses import dataclass

from .._dialects._stream_rules import StreamRules
from .._state._keys import KeyLife

__all__ = ["Subscription"]


@dataclass(slots=True, eq=False, repr=False)
class Subscription:
    """One key on one socket.

    Attributes:
        life: The key.
        rules: What holds for this key.
        events: The only kinds of event that are wanted; ``None`` for all.
        delivers: Whether this connection is one on which events of this key come.
        watching: Whether the key was alive when it was last looked at: only then can its expiry be told.
    """

    life: KeyLife
    rules: StreamRules
    events: frozenset[str] | None
    delivers: bool
    watching: bool

    def wants(self, kind: str, now: float) -> bool:
        """Whether an event of this kind, that happens now, is to come."""
        return self.delivers and now < self.life.ends_at and self._lets_pass(kind)

    def tells_expiry(self) -> bool:
        """Whether the end of the key is to be told."""
        passes = self.rules.expiry_passes_filter or self._lets_pass("listenKeyExpired")
        return self.delivers and self.life.announced and self.rules.announces_expiry and passes

    def _lets_pass(self, kind: str) -> bool:
        return self.events is None or kind in self.events
