"""What happens to a key and its stream, in lines for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from .._errors import ListenKeyError, RefusedError, TransportError, UsageError
from .._events import Gap
from .._instrument import Instrument
from .._statistics import SharingStatistics
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ._lines import NOISE, Tone
from ._prior_key import OF_ANOTHER, Prior

__all__ = ["Narrator", "Trouble", "brief", "noun_of"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What last went wrong, in words.

    Attributes:
        about: What.
        until: When it is tried again, on trio's clock.
        is_ban: Whether a rate limit or ban is in force until then.
    """

    about: str
    until: float
    is_ban: bool = False


class Narrator(Instrument):
    """Writes a line for each call of the instrument. The lines contain no key, because instruments receive none.

    Args:
        note: Takes the lines.
        venue: The exchange.
        prior: Whether the account had a key before, and so what becomes of it at the end.

    Attributes:
        on_foreign_key: Called if the exchange has told a key in place of ours that it had not said to be dead: somebody
            has made it, and holds it.
        key_trouble: Why requests about the key fail; ``None`` while they do not.
        socket_trouble: Why there is no socket; ``None`` while there is one.
    """

    __slots__ = (
        "_has_key",
        "_is_foreign",
        "_is_lost",
        "_note",
        "_noun",
        "_others",
        "_prior",
        "_venue",
        "key_trouble",
        "on_foreign_key",
        "socket_trouble",
    )

    def __init__(self, note: Callable[[str, str, Tone], None], venue: Venue | SignedVenue, prior: Prior) -> None:
        self._note = note
        self._has_key = isinstance(venue, Venue)
        self._venue, self._noun = venue.name, noun_of(venue)
        self._prior = prior
        self._is_lost = self._is_foreign = False
        self._others = 0
        self.on_foreign_key: Callable[[], None] | None = None
        self.key_trouble: Trouble | None = None
        self.socket_trouble: str | None = None

    def created(self, name: str, generation: int) -> None:
        """The first key."""
        what, about = {
            True: ("joined", ", which already existed"),
            False: ("created", ""),
            None: ("opened", "; whether it already existed is not known"),
        }[self._prior.had_key]
        self.key_trouble = None
        self._note(what, f"{self._noun} {generation} at {self._venue}{about}", "good")

    def renewed(self, name: str, generation: int) -> None:
        """A keepalive succeeded."""
        self.key_trouble = None
        self._note("kept alive", f"{self._noun} {generation}", "good")

    def retrying(self, name: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed and will be tried again."""
        until = trio.current_time() + delay
        self.key_trouble = Trouble(f"{error.verb}: {brief(error)}", until, error.status in NOISE)
        self._note("retrying", f"{self.key_trouble.about}; next try in {delay:.1f} s", "busy")

    def lost(self, name: str, generation: int, error: ListenKeyError) -> None:
        """The key is dead."""
        self._is_lost = True
        self._note("lost", f"{self._noun} {generation}: {brief(error)}", "bad")

    def replaced(self, name: str, generation: int) -> None:
        """There is another key."""
        self.key_trouble = None
        self._is_foreign, self._is_lost = not self._is_lost, False
        about = ", which another program made" if self._is_foreign else ""
        self._note("replaced", f"{self._noun} {generation - 1} by {self._noun} {generation}{about}", "good")
        if self._is_foreign and self.on_foreign_key is not None:
            self.on_foreign_key()

    def closed(self, name: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over."""
        if error is not None:
            what = f"{self._noun} {generation}" if generation else f"perhaps a {self._noun}"
            self._note("left behind", f"{what}, which expires by itself: {brief(error)}", "bad")
        elif why := self._prior.why_left or (self.on_foreign_key and self._is_foreign and OF_ANOTHER):
            self._note("left", f"{self._noun} {generation}, {why}", "story")
        elif self._others:
            self._note("left", f"{self._noun} {generation}, to the others who share it", "story")
        else:
            self._note("closed", f"{self._noun} {generation}", "good")

    def sharing_changed(self, name: str, generation: int, sharing: SharingStatistics) -> None:
        """Those who share the key are more or fewer, or this program has another part."""
        self._others = sharing.members - 1
        part = {"alone": "the register cannot be used: this program keeps the key alive by itself"}.get(
            sharing.role, f"{sharing.role} of {sharing.members}"
        )
        self._note("sharing", part, "bad" if sharing.register_away else "story")

    def connected(self, name: str, generation: int) -> None:
        """A socket is open."""
        self.socket_trouble = None
        self._note("connected", f"with {self._noun} {generation}" if self._has_key else f"to {self._venue}", "good")

    def dropped(self, name: str, generation: int, error: Exception) -> None:
        """A socket is over."""
        if isinstance(error, RefusedError | UsageError):
            return  # and so is everything else: that is told at the end, and with what to do about it
        self.socket_trouble = brief(error)
        self._note("dropped", f"the socket: {brief(error)}", "bad")

    def gap(self, name: str, generation: int, gap: Gap) -> None:
        """Events may be missing."""
        if gap.cause == "opened":
            self._note("stream open", "earlier events are not known: fetch the account's state", "story")
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
