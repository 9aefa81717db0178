"""The next write of a member that shares a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._sharing_confirmation import Known
from ._sharing_record import Document
from ._sharing_states import SharingEvent
from ._sharing_watch import Watch

__all__ = ["LeftBecause", "Plan"]

LeftBecause = Literal["others", "early", "away", "nothing"]
"""Why a member left without closing: others are there; it was not there long enough to be sure; the register is away;
or there was no key to close."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The document to swap in, and its effect once the register has taken it.

    Attributes:
        raw: The document.
        document: The same, as a value.
        event: The event of the swap in the member's table.
        begun_at: When it was planned; a write of another member after the swap is younger.
        told: The confirmation that it contains.
        watch: The state of the other members; ``None`` while leaving, where they are not watched any more.
        because: See ``LeftBecause``.
    """

    raw: bytes
    document: Document
    event: SharingEvent
    begun_at: float
    told: Known | None
    watch: Watch | None = None
    because: LeftBecause = "nothing"
