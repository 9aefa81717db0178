"""What a member of those who share a key remembers between two of its beats, and what it wants to write next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from ._sharing_record import Close, Document
from ._sharing_states import SharingEvent

__all__ = ["NEARLY", "Barrier", "Known", "LeftBecause", "Plan", "Silence"]

LeftBecause = Literal["others", "early", "away", "nothing"]
"""Why a member left without closing: others are there; it was not there long enough to be sure; the register is away;
or there was nothing to close, or nothing to be closed."""

NEARLY: Final = 0.8  # of the time between two beats, which are jittered: less does not count as one


class Silence(NamedTuple):
    """How long another member has not moved."""

    beats: int
    """Its counter."""
    unmoved: int
    """Our own beats since it moved."""
    counted_at: float
    """When the last of them was."""

    def after(self, every: float, now: float) -> Silence:
        """It has not moved since, which counts if there was a beat's time between."""
        return Silence(self.beats, self.unmoved + 1, now) if now - self.counted_at >= NEARLY * every else self


class Barrier(NamedTuple):
    """Another member's close."""

    close: Close
    silence: Silence
    since: float
    """When we saw it first."""

    def is_over(self, patience: int, now: float) -> bool:
        """Whether it can do nothing any more: its time is over, and twice as much for the network."""
        return self.silence.unmoved >= patience and now - self.since >= 3 * self.close.within


class Known(NamedTuple):
    """A key that the exchange has confirmed."""

    fingerprint: str
    at: float
    """When, at the earliest."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to swap in, and what it means once the register has taken it.

    Attributes:
        raw: The document.
    """

    raw: bytes
    document: Document
    event: SharingEvent
    begun_at: float
    told: Known | None
    is_news: bool = False
    counts: bool = False
    overdue: int = 0
    seen: Mapping[str, Silence] = field(default_factory=dict)
    barrier: Barrier | None = None
    because: LeftBecause = "nothing"
