"""What a member of those who share a key wants to write next."""

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
or there was nothing to close, or nothing to be closed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to swap in, and what it means once the register has taken it.

    Attributes:
        raw: The document.
        document: The same, as a value.
        event: What the swap is to the member's table.
        begun_at: When it was planned; what another one writes after the swap is younger.
        told: The confirmation that it tells of.
        watch: What was seen of the others; ``None`` on the way out, where nobody is watched any more.
        because: See ``LeftBecause``.
    """

    raw: bytes
    document: Document
    event: SharingEvent
    begun_at: float
    told: Known | None
    watch: Watch | None = None
    because: LeftBecause = "nothing"
