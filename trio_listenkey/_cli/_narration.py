"""What happens to a key and its stream, told in lines that a person can read at three in the morning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from .._errors import ListenKeyError, RefusedError, TransportError, UsageError
from .._events import Gap
from .._instrument import Instrument
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue

__all__ = ["Narrator", "Tone", "brief", "noun_of"]

Tone = Literal["good", "busy", "bad", "story"]


class Narrator(Instrument):
    """Makes a line of each thing that the library tells. No key is in them: instruments are told none.

    Args:
        note: Takes the lines.
        venue: The exchange.
        leaves: Whether the key is left open at the end.
    """

    __slots__ = ("_has_key", "_leaves", "_note", "_noun")

    def __init__(self, note: Callable[[str, str, Tone], None], venue: Venue | SignedVenue, *, leaves: bool) -> None:
        self._note = note
        self._has_key = isinstance(venue, Venue)
        self._noun = noun_of(venue)
        self._leaves = leaves or (isinstance(venue, Venue) and venue.close is None)

    def created(self, venue: str, generation: int) -> None:
        """The first key."""
        self._note("created", f"{self._noun} {generation} at {venue}", "good")

    def renewed(self, venue: str, generation: int) -> None:
        """A keepalive succeeded."""
        self._note("kept alive", f"{self._noun} {generation}", "good")

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed and will be tried again."""
        self._note("retrying", f"{error.verb}: {brief(error)}; next try in {delay:.1f} s", "busy")

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """The key is dead."""
        self._note("lost", f"{self._noun} {generation}: {brief(error)}", "bad")

    def replaced(self, venue: str, generation: int) -> None:
        """There is another key."""
        self._note("replaced", f"by {self._noun} {generation}", "good")

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over."""
        if error is not None:
            what = f"{self._noun} {generation}" if generation else f"perhaps a {self._noun}"
            self._note("left behind", f"{what}, which expires by itself: {brief(error)}", "bad")
        elif self._leaves:
            self._note("left", f"{self._noun} {generation}, which expires by itself", "story")
        else:
            self._note("closed", f"{self._noun} {generation}", "good")

    def connected(self, venue: str, generation: int) -> None:
        """A socket is open."""
        self._note("connected", f"with {self._noun} {generation}" if self._has_key else f"to {venue}", "good")

    def dropped(self, venue: str, generation: int, error: Exception) -> None:
        """A socket is over."""
        if isinstance(error, RefusedError | UsageError):
            return  # and so is everything else: that is told at the end, and with what to do about it
        self._note("dropped", f"the socket: {brief(error)}", "bad")

    def gap(self, venue: str, generation: int, gap: Gap) -> None:
        """Events may be missing. That a stream begins needs no saying: its socket is open."""
        if gap.cause == "opened":
            return
        missed = "" if gap.missed is None else f"; {gap.missed} events were dropped"
        self._note("gap", f"of {gap.duration:.1f} s ({gap.cause}): events may be missing{missed}", "bad")


def noun_of(venue: Venue | SignedVenue) -> str:
    """What people call the thing that is kept alive there."""
    return "token" if isinstance(venue, Venue) and venue.stream.says_key else "key"


def brief(error: Exception) -> str:
    """What happened, without what to do about it."""
    match error:
        case ListenKeyError():
            facts = [f"HTTP {error.status}"] if error.status is not None else []
            facts += [f"code {error.code}"] if error.code is not None else []
            return f"{error.problem} ({', '.join(facts)})" if facts else error.problem
        case TransportError():
            return error.reason
        case _:
            return type(error).__name__
