"""What happened in a demo so far: the library's side, as an instrument, and the promises at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import trio

from .._errors import ListenKeyError
from .._instrument import Instrument

__all__ = ["Chronicle", "Chronicler", "Entry", "Promise"]

Tone = Literal["good", "busy", "bad", "story"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: when, in seconds since the start, what, and what about it."""

    when: float
    what: str
    about: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that must be true at the end, with the figure that shows it."""

    text: str
    figure: str
    kept: bool


@dataclass
class Chronicle:
    """All that happened, in order. ``tell`` is called with each entry as it is made."""

    clock: Callable[[], float]
    tell: Callable[[Entry], None]
    entries: list[Entry] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    _news: trio.Event = field(default_factory=trio.Event)

    def note(self, what: str, about: str, tone: Tone) -> None:
        """Add a line, now."""
        entry = Entry(self.clock(), what, about, tone)
        self.entries.append(entry)
        self.tell(entry)
        self._news.set()
        self._news = trio.Event()

    def count(self, what: str) -> int:
        """How many lines there are of that kind."""
        return sum(entry.what == what for entry in self.entries)

    async def wait_for(self, what: str, times: int) -> None:
        """Wait until there are ``times`` lines of that kind."""
        while self.count(what) < times:
            await self._news.wait()

    async def wait_for_next(self, what: str) -> None:
        """Wait until there is one line more of that kind."""
        await self.wait_for(what, self.count(what) + 1)


class Chronicler(Instrument):
    """Writes what the library tells into a chronicle. No key is in it: instruments are told none."""

    __slots__ = ("_chronicle",)

    def __init__(self, chronicle: Chronicle) -> None:
        self._chronicle = chronicle

    def created(self, venue: str, generation: int) -> None:
        """The first key."""
        self._chronicle.note("created", f"key {generation} at {venue}", "good")

    def renewed(self, venue: str, generation: int) -> None:
        """A keepalive succeeded."""
        self._chronicle.note("kept alive", f"key {generation}", "good")

    def retrying(self, venue: str, generation: int, error: ListenKeyError, delay: float) -> None:
        """A request failed and will be tried again."""
        status = "no answer" if error.status is None else f"HTTP {error.status}"
        self._chronicle.note("retrying", f"{status} to {error.verb}; next try in {delay:.1f} s", "busy")

    def lost(self, venue: str, generation: int, error: ListenKeyError) -> None:
        """The key is dead."""
        self._chronicle.note("lost", f"key {generation}: the exchange does not know it (code {error.code})", "bad")

    def replaced(self, venue: str, generation: int) -> None:
        """There is another key."""
        self._chronicle.note("replaced", f"by key {generation}; whoever waits for it is woken", "good")

    def closed(self, venue: str, generation: int, error: ListenKeyError | None) -> None:
        """The block is over."""
        if error is None:
            self._chronicle.note("closed", f"key {generation}", "good")
        else:
            self._chronicle.note("left behind", str(error), "bad")
