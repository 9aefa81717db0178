"""The first question: is the stream live or deaf, since when, and why? In letters that can be read from a distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from .._statistics import KeyStatistics, StreamStatistics
from ._lines import visible
from ._narration import Narrator, Trouble

__all__ = ["Headline", "Verdict", "judge_key", "judge_stream", "span"]

_PATIENCE: Final = 5.0  # seconds in which a ping may be unanswered before it is a reason to worry

_WAITS: Final = {
    "exchange": "banned",
    "own_limit": "connection limit reached",
}
# Three rows for each letter.
_LETTERS: Final = {
    "A": ("▄▀▄", "█▀█", "▀ ▀"),
    "D": ("█▀▄", "█ █", "▀▀ "),
    "E": ("█▀▀", "█▀ ", "▀▀▀"),
    "F": ("█▀▀", "█▀ ", "▀  "),
    "I": ("█", "█", "▀"),
    "L": ("█  ", "█  ", "▀▀▀"),
    "V": ("█ █", "█ █", " ▀ "),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        word: ``"LIVE"``, ``"DEAF"``, or of a key ``"DEAD"``.
        why: What there is to say about it.
        since: Since when at least, on trio's clock, where something says so.
    """

    word: str
    why: str
    since: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether all is well."""
        return self.word == "LIVE"


def judge_stream(stream: StreamStatistics, narrator: Narrator, noun: str, now: float) -> Verdict:
    """Whether a fill would be received now. In doubt, the answer is deaf."""
    banned = _ban(narrator.key_trouble, now)
    if stream.connected_since is None:
        return Verdict("DEAF", banned or _why_no_connection(stream, narrator, now))
    if stream.presumed_valid_until <= now:
        about = f": {narrator.key_trouble.about}" if narrator.key_trouble else ""
        return Verdict("DEAF", banned or f"the {noun} is dead, and not replaced yet{about}")
    unanswered = stream.ping_unanswered_since
    if unanswered is not None and now - unanswered >= _PATIENCE:
        return Verdict("DEAF", "a ping is not answered: the connection may be half open", unanswered)
    if not stream.is_live:
        about = f": {narrator.key_trouble.about}" if narrator.key_trouble else ""
        return Verdict("DEAF", banned or f"the exchange has not confirmed that the {noun} is alive{about}")
    return Verdict("LIVE", "the events of the account are being received")


def _why_no_connection(stream: StreamStatistics, narrator: Narrator, now: float) -> str:
    if stream.next_connect_at is not None and stream.waits_for in _WAITS:
        return f"{_WAITS[stream.waits_for]}: next connection in {span(stream.next_connect_at - now)}"
    return f"there is no connection: {narrator.socket_trouble}" if narrator.socket_trouble else "there is no connection"


def judge_key(key: KeyStatistics, narrator: Narrator, noun: str, now: float) -> Verdict:
    """Whether a key is presumed alive."""
    trouble = narrator.key_trouble
    banned = _ban(trouble, now)
    if key.expires_at <= now:
        about = f": {trouble.about}" if trouble else ""
        return Verdict("DEAD", banned or f"the {noun} is not replaced yet{about}")
    return Verdict("LIVE", f"but {banned or trouble.about}" if trouble else f"the {noun} is kept alive")


def _ban(trouble: Trouble | None, now: float) -> str:
    """The words for a ban or rate limit; empty if there is none."""
    if trouble is None or not trouble.is_ban or trouble.until <= now:
        return ""
    return f"banned: next request in {span(trouble.until - now)}"


class Headline:
    """A verdict as it is shown, with the time for which it has held."""

    def __init__(self, now: float) -> None:
        self._word, self._since = "LIVE", now  # what is shown has just been opened

    def duration(self, verdict: Verdict, now: float) -> float:
        """For how long it has been so, as far as anyone has looked; tell it of each verdict."""
        if verdict.word != self._word:
            self._word, self._since = verdict.word, now
        return now - min(self._since, verdict.since if verdict.since is not None else now)

    def brief(self, verdict: Verdict, now: float) -> Text:
        """The verdict in words; why, if all is not well."""
        words = self._words(verdict, now)
        return words if verdict.is_live else words.append(f": {visible(verdict.why)}", "red")

    def __call__(self, verdict: Verdict, now: float) -> RenderableType:
        """The verdict in large letters, and in words beside them."""
        words = self._words(verdict, now)
        words.append(f"\n{visible(verdict.why)}", "" if verdict.is_live else "red")
        letters = zip(*(_LETTERS[letter] for letter in verdict.word), strict=True)
        grid = Table.grid(padding=(0, 3))
        grid.add_column(no_wrap=True)
        grid.add_column()
        grid.add_row(Text("\n".join(map(" ".join, letters)), _style(verdict)), words)
        return grid

    def _words(self, verdict: Verdict, now: float) -> Text:
        return Text.styled(f"{verdict.word} for {span(self.duration(verdict, now))}", _style(verdict))


def _style(verdict: Verdict) -> str:
    return "bold green" if verdict.is_live else "bold red"


def span(seconds: float) -> str:
    """``9 s``, ``12:30``, ``1:12:30`` or ``2 d 1:12:30``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}:{rest:02}"
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hours}:{minutes:02}:{rest:02}"
