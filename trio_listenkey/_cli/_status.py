"""Standard error as the place where a command tells how it goes: lines, and on a terminal a live panel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import click
import trio
from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.text import Text

from ._lines import Form, Note, Tone, for_logs, for_people, for_programs, visible
from ._output import Descriptor, write_all
from ._process import current_process

__all__ = ["Picture", "Status", "clear_of_the_edge", "open_status"]

Picture = Callable[[], RenderableType | None]
"""What there is to draw now, if there is anything."""

_FRAME: Final = 0.25  # seconds from one picture to the next
_LAST_WORD: Final = 1.0  # seconds in which a terminal or a pipe has to take what is left to say
_ECHO: Final = len("^C^C")


class Status:
    """Lines of what happened and, on a terminal, a picture of how things are. All of it is written by threads.

    Args:
        file: Where to tell: standard error, as a rule.
        stdout: The file descriptor of standard output.
        form: What makes lines of what happened.
        live: Whether to draw.
        quiet: Tell what went wrong alone.
    """

    def __init__(self, file: Descriptor, stdout: int, form: Form, *, live: bool, quiet: bool) -> None:
        self.file = file
        self._console = Console(file=file, highlight=False)  # type: ignore[arg-type]
        self._form = form
        self._live = live
        self._stdout = stdout
        self._to_terminal = os.isatty(stdout)
        self._shared = live and self._to_terminal  # lines have to go above the picture
        self._quiet = quiet
        self._notes: list[Note] = []
        self._news = trio.Event()
        self._writing = trio.Lock()  # accounts take turns, so that no line is torn by another
        self._telling = trio.Lock()
        self._is_over = self._is_put_away = False
        self.picture: Picture | None = None
        """Set it while there is something to draw."""

    def note(self, what: str, about: str, tone: Tone, account: str = "") -> None:
        """Something happened."""
        if not self._quiet or tone in {"bad", "fatal"}:
            self._notes.append(Note(datetime.now().astimezone(), account, what, about, tone))
            self._news.set()

    def last_line(self, error: Exception) -> str:
        """The line that tells why the command ends; it is written when nothing else is any more."""
        if self._form is not for_programs:
            line = f"Error: {error}"
            # On a terminal it is broken between words; elsewhere it is one line.
            return click.wrap_text(line, shutil.get_terminal_size().columns) if self.file.isatty() else line
        return str(self._form(Note(datetime.now().astimezone(), "", "error", str(error), "fatal")))

    async def write(self, lines: Sequence[bytes]) -> None:
        """Write lines to standard output, as fast as its reader allows.

        Raises:
            OSError: It cannot be written to, or its reader is gone.
        """
        if self._to_terminal:
            lines = [visible(line.decode("utf-8", "replace")).encode() for line in lines]
        async with self._writing:
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
            await self.flush()
        with trio.move_on_after(_LAST_WORD):
            await self.flush()

    def put_the_picture_away(self) -> None:
        """Continue in lines. The terminal is restored, with its cursor, in case the process ends now."""
        self._is_put_away = True
        self._news.set()

    def finish(self) -> None:
        """Say what is left to say, and let ``run`` end."""
        self._is_over = True
        self._news.set()

    async def _draw(self, live: Live) -> None:
        try:
            while not (self._is_over or self._is_put_away):
                picture = None if self.picture is None else self.picture()
                if picture is not None:
                    await trio.to_thread.run_sync(self._paint, live, picture, abandon_on_cancel=True)
                await self.flush()
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

    async def flush(self) -> None:
        """Tell what there is to tell, and wait until it was told."""
        async with self._telling:
            notes, self._notes = self._notes, []
            if not self._is_over:
                self._news = trio.Event()
            if notes:
                await trio.to_thread.run_sync(self._print_notes, notes, abandon_on_cancel=True)

    def _print_notes(self, notes: list[Note]) -> None:
        for note in notes:
            self._console.print(self._form(note), soft_wrap=not self._console.is_terminal)

    def _print_lines(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._console.print(Text(line.decode()), soft_wrap=True)


def open_status(
    *,
    panel: bool | None = False,
    quiet: bool = False,
    form: Form | None = None,
    name_accounts: bool = False,
    on_stdout: bool = False,
) -> Status:
    """What suits standard error as it is.

    Args:
        panel: Whether to draw a panel, if standard error is a terminal. ``None`` draws one if standard output is a
            terminal, too: a reader of what is piped there most often writes to this very terminal, over the panel.
        quiet: Tell what went wrong alone, and draw nothing that was not asked for.
        form: What makes lines; ``None`` takes what suits people or logs.
        name_accounts: There are several accounts, so that each line has to name its own.
        on_stdout: Tell it on standard output instead.
    """
    process = current_process()
    file = Descriptor(process.stdout if on_stdout else process.stderr)
    console = Console(file=file)  # type: ignore[arg-type]
    if form is None:
        form = for_people(name_accounts=name_accounts) if console.is_terminal else for_logs
    is_capable = console.is_terminal and not console.is_dumb_terminal
    is_wanted = os.isatty(process.stdout) and not quiet if panel is None else panel
    return Status(file, process.stdout, form, live=is_capable and is_wanted, quiet=quiet)


def clear_of_the_edge(console: Console, picture: RenderableType) -> RenderableType:
    """``picture``, with room for what a terminal writes behind it.

    It echoes Ctrl-C there. Where that is on a new line, it is not known any more where the picture began, and a part of
    it stays behind.
    """
    return Constrain(picture, max(1, console.width - _ECHO))
