"""What became of a request, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from .._errors import ListenKeyError
from ._key_states import Event

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """How a request ended.

    Attributes:
        event: ``OK``, ``TRANSIENT``, ``WAIT``, ``GONE`` or ``REFUSED``.
        key: The listen key in the answer, checked; ``None`` where it has none.
        wait: With ``WAIT``: seconds of silence that the exchange asks for.
        error: With everything but ``OK``: what to raise, should it come to that.
        unsure: The exchange may have done the work although we were not told.
        lives: With ``OK``: seconds that the key lives from now on, where the answer says so.
        clock: With ``REFUSED``, for the sake of our clock: seconds that the exchange's is ahead of it, if it told
            and another try makes sense.
    """

    event: Event
    key: str | None = None
    wait: float = 0.0
    error: ListenKeyError | None = None
    unsure: bool = False
    lives: float | None = None
    clock: float | None = None

    def __repr__(self) -> str:
        return f"<Outcome {self.event.name}>"
