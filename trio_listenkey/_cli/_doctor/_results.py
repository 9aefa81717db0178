"""What a check-up found, as data: for people a line and perhaps a hint, for programs an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ..._venue._signed_venue import SignedVenue
from ..._venue._venue import Venue
from .._exit_codes import Exit

__all__ = ["STEPS", "Finding", "Verdict", "steps_of"]

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
    "register": "register",
    "create": "key created",
    "keepalive": "key kept alive",
    "socket": "socket opened",
    "subscribe": "subscribed",
    "subscription": "still subscribed",
    "ping": "ping answered",
    "close": "key closed",
}
"""Every step: its name for programs, and for people."""

_ON_THE_SOCKET: Final = ("subscribe", "subscription")
_OF_TOKENS: Final = tuple(step for step in STEPS if step != "register")
_OF_KEYS: Final = tuple(step for step in _OF_TOKENS if step not in _ON_THE_SOCKET)
# There is no REST; and what time it is, the exchange tells on the socket.
_OF_SESSIONS: Final = (
    *("stream-name", "stream-tcp", "stream-tls", "socket", "clock"),
    *("credentials", *_ON_THE_SOCKET, "ping"),
)
_TOKEN_WORDS: Final = {"create": "token fetched", "keepalive": "token renewed", "close": "token closed"}


def steps_of(venue: Venue | SignedVenue, *, shares: bool = False) -> dict[str, str]:
    """The steps that are taken there, in order: the name of each for programs, and for people."""
    if shares:
        steps = steps_of(venue)
        return {step: steps.get(step, STEPS[step]) for step in STEPS if step in {*steps, "register"}}
    if isinstance(venue, SignedVenue):
        return {step: STEPS[step] for step in _OF_SESSIONS}
    if venue.stream.says_key:
        return {step: _TOKEN_WORDS.get(step, STEPS[step]) for step in _OF_TOKENS}
    return {step: STEPS[step] for step in _OF_KEYS}


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
