"""A line for each thing that happens: for people at a terminal, for logs, and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from rich.text import Text

__all__ = [
    "NOISE",
    "STYLES",
    "Form",
    "Note",
    "Tone",
    "for_logs",
    "for_people",
    "for_programs",
    "for_stories",
    "visible",
]

Tone = Literal["good", "busy", "bad", "fatal", "story"]
"""How a line is meant. ``"fatal"``: it is the end of something."""

STYLES: Final[dict[Tone, str]] = {
    "good": "green",
    "busy": "yellow",
    "bad": "bold red",
    "fatal": "bold red",
    "story": "cyan",
}
"""How each tone is coloured on a terminal."""

NOISE: Final = frozenset({418, 429})
"""HTTP statuses of a rate limit or ban."""

_LEVELS: Final[dict[Tone, str]] = {
    "good": "info",
    "busy": "warning",
    "bad": "warning",
    "fatal": "error",
    "story": "info",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that happened.

    Attributes:
        at: When, in local time with its offset.
        account: To which account; empty if it is about the command.
        what: A word or two.
        about: The rest.
        tone: How it is meant.
    """

    at: datetime
    account: str
    what: str
    about: str
    tone: Tone


Form = Callable[[Note], Text]
"""What makes a line of a note."""


def for_people(*, name_accounts: bool) -> Form:
    """Lines for a terminal: the time of day, and the account's name if there are several accounts."""

    def line(note: Note) -> Text:
        account = f"{note.account}  " if name_accounts and note.account else ""
        return Text.assemble(
            (f"{note.at:%H:%M:%S}  {account}", "dim"),
            (f"{note.what:<11} ", STYLES[note.tone]),
            visible(note.about),
        )

    return line


def for_stories(start: datetime) -> Form:
    """Lines that begin with the seconds since ``start``."""

    def line(note: Note) -> Text:
        when = f"{(note.at - start).total_seconds():6.2f} s  "
        return Text.assemble((when, "dim"), (f"{note.what:<11} ", STYLES[note.tone]), visible(note.about))

    return line


def for_logs(note: Note) -> Text:
    """A line for a log: date and time with offset, level, account, what happened."""
    at = note.at.isoformat(timespec="milliseconds")
    return Text(f"{at} {_LEVELS[note.tone].upper():<7} {note.account or '-'} {note.what:<11} {visible(note.about)}")


def for_programs(note: Note) -> Text:
    """A line for a program: an object of JSON."""
    told = {
        "time": note.at.isoformat(timespec="milliseconds"),
        "level": _LEVELS[note.tone],
        "account": note.account or None,
        "event": note.what,
        "message": note.about,
    }
    return Text(json.dumps(told))


def visible(text: str) -> str:
    """``text`` without what a terminal would take for a command; a JSON string means the same as before."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be", "surrogatepass").hex())
