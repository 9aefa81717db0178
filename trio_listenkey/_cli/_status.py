"""Standard error as the place where a command tells how it goes: lines in a pipe, a live panel on a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import trio
from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.text import Text

from ._narration import Tone
from ._output import Descriptor, write_all
from ._process import current_process

__all__ = ["Picture", "Status", "clear_of_the_edge", "open_status", "visible"]

Picture = Callable[[], RenderableType]

_STYLES: Final = {"good": "green", "busy": "yellow", "bad": "bold red", "story": "cyan"}
_FRAME: Final = 0.25  # seconds from one picture to the next
_LAST_WORD: Final = 1.0  # seconds in which a terminal or a pipe has to take what is left to say
_ECHO: Final = len("^C^C")


@dataclass(frozen=True, slots=True)
class _Note:
    when: str
    what: str
    about: str
    tone: Tone


class Status:
    """Lines of what happened and, on a terminal, a picture of how things are. All of it is written by threads.

    Args:
        console: Standard error.
        stdout: The file descriptor of standard output.
        live: Whether to draw.
        quiet: Tell what went wrong alone.
    """

    def __init__(self, console: Console, stdout: int, *, live: bool, quiet: bool) -> None:
        self._console = console
        self._live = live
        self._stdout = stdout
        self._to_terminal = os.isatty(stdout)
        self._shared = live and self._to_terminal  # lines have to go above the picture
        self._quiet = quiet
        self._notes: list[_Note] = []
        self._news = trio.Event()
        self._is_over = self._is_put_away = False
        self.picture: Picture | None = None
        """Set it while there is something to draw."""

    def note(self, what: str, about: str, tone: Tone) -> None:
        """Something happened."""
        if not self._quiet or tone == "bad":
            self._notes.append(_Note(datetime.now().astimezone().strftime("%H:%M:%S"), what, about, tone))
            self._news.set()

    async def write(self, lines: Sequence[bytes]) -> None:
        """Write lines to standard output, as fast as whoever reads it allows.

        Raises:
            OSError: It cannot be written to, or nobody reads it any more.
        """
        if self._to_terminal:
            lines = [visible(line.decode("utf-8", "replace")).encode() for line in lines]
        if self._shared:
            await trio.to_thread.run_sync(self._print_lines, lines, abandon_on_cancel=True)
        else:
            data = b"".join(line + b"\n" for line in lines)
            await trio.to_thread.run_sync(write_all, self._stdout, data, abandon_on_cancel=True)

    async def run(self) -> None:
        """Tell and draw until it is over."""
        if self._live:
            live = Live(
                console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            await self._draw(live)
        while not self._is_over:
            await self._news.wait()
            await self._flush()
        with trio.move_on_after(_LAST_WORD):
            await self._flush()

    def put_the_picture_away(self) -> None:
        """Go on in lines. Whoever ends the process now finds a terminal as it was, with its cursor."""
        self._is_put_away = True
        self._news.set()

    def finish(self) -> None:
        """Say what is left to say, and let ``run`` end."""
        self._is_over = True
        self._news.set()

    async def _draw(self, live: Live) -> None:
        try:
            while not (self._is_over or self._is_put_away):
                if self.picture is not None:
                    await trio.to_thread.run_sync(self._paint, live, self.picture(), abandon_on_cancel=True)
                await self._flush()
                with trio.move_on_after(_FRAME):
                    await self._news.wait()
        finally:
            with trio.move_on_after(_LAST_WORD, shield=True):
                await trio.to_thread.run_sync(live.stop, abandon_on_cancel=True)

    def _paint(self, live: Live, picture: RenderableType) -> None:
        live.update(clear_of_the_edge(self._console, picture))
        if not live.is_started:
            live.start()
        live.refresh()

    async def _flush(self) -> None:
        notes, self._notes = self._notes, []
        if not self._is_over:
            self._news = trio.Event()
        if notes:
            await trio.to_thread.run_sync(self._print_notes, notes, abandon_on_cancel=True)

    def _print_notes(self, notes: list[_Note]) -> None:
        for note in notes:
            self._console.print(
                Text.assemble(
                    (f"{note.when}  ", "dim"), (f"{note.what:<11} ", _STYLES[note.tone]), visible(note.about)
                ),
                soft_wrap=not self._console.is_terminal,
            )

    def _print_lines(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._console.print(Text(line.decode()), soft_wrap=True)


def open_status(*, plain: bool, quiet: bool) -> Status:
    """What suits standard error as it is."""
    process = current_process()
    console = Console(file=Descriptor(process.stderr), highlight=False)  # type: ignore[arg-type]
    live = console.is_terminal and not console.is_dumb_terminal and not plain and not quiet
    return Status(console, process.stdout, live=live, quiet=quiet)


def clear_of_the_edge(console: Console, picture: RenderableType) -> RenderableType:
    """``picture``, with room for what a terminal writes behind it.

    It echoes Ctrl-C there. Where that is on a new line, it is not known any more where the picture began, and a part of
    it stays behind.
    """
    return Constrain(picture, max(1, console.width - _ECHO))


def visible(text: str) -> str:
    """``text`` without what a terminal would take for a command; a JSON string means the same as before."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be", "surrogatepass").hex())
