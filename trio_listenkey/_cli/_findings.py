"""What a check-up found, as data: for people a line and perhaps a hint, for programs an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ._exits import Exit

__all__ = ["STEPS", "Finding", "Verdict"]

Verdict = Literal["ok", "warning", "failed", "skipped"]

STEPS: Final = {
    "rest-name": "REST: name",
    "rest-tcp": "REST: TCP",
    "rest-tls": "REST: TLS",
    "clock": "clock",
    "stream-name": "stream: name",
    "stream-tcp": "stream: TCP",
    "stream-tls": "stream: TLS",
    "credentials": "credentials",
    "create": "key created",
    "keepalive": "key kept alive",
    "socket": "socket opened",
    "ping": "ping answered",
    "close": "key closed",
}
"""Every step, in order: its name for programs, and for people."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step came to.

    Attributes:
        step: Which.
        verdict: How it went. A warning does not count as a failure.
        about: What was found, or why not.
        seconds: How long it took; ``None`` if it was not taken.
        hint: What to do about it.
        code: The exit status that a failure stands for.
    """

    step: str
    verdict: Verdict
    about: str
    seconds: float | None = None
    hint: str | None = None
    code: Exit = Exit.FINE

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "step": self.step,
            "verdict": self.verdict,
            "about": self.about,
            "seconds": None if self.seconds is None else round(self.seconds, 6),
            "hint": self.hint,
        }
