"""How a chronicle is shown: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import click
import trio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ._chronicle import Chronicle, Entry
from ._output import give_up
from ._status import clear_of_the_edge

__all__ = ["Screen", "pick_screen"]

LiveFacts = tuple[str, float, float]

_STYLES: Final = {"good": "green", "busy": "yellow", "bad": "bold red", "story": "cyan"}
_FRAME: Final = 0.1  # seconds from one picture to the next


class Screen(Protocol):
    """Where a demo is shown."""

    def show(self, entry: Entry) -> None:
        """Something happened."""
        ...

    async def watch(self, look: Callable[[], LiveFacts], play: Callable[[], Awaitable[None]]) -> None:
        """Run ``play``; meanwhile show what ``look`` says."""
        ...

    def conclude(self, chronicle: Chronicle) -> None:
        """It is over."""
        ...


def pick_screen(*, plain: bool) -> Screen:
    """The live view if standard output is a terminal and ``plain`` does not say otherwise."""
    console = Console()
    return LiveScreen(console) if console.is_terminal and not plain else PlainScreen()


class PlainScreen:
    """A line for each entry, at once: for pipes, logs and tests."""

    def show(self, entry: Entry) -> None:
        """Print the line."""
        _print(f"{entry.when:6.2f} s  {entry.what:<11} {entry.about}")

    async def watch(self, look: Callable[[], LiveFacts], play: Callable[[], Awaitable[None]]) -> None:
        """Run ``play``; the lines say it all."""
        await play()

    def conclude(self, chronicle: Chronicle) -> None:
        """Print the promises."""
        _print("")
        for promise in chronicle.promises:
            _print(f"{'kept  ' if promise.kept else 'BROKEN'}  {promise.text}: {promise.figure}")
        _print(_verdict(chronicle))


def _print(line: str) -> None:
    try:
        click.echo(line)
    except OSError:
        give_up(sys.stdout.fileno())
        raise


def _verdict(chronicle: Chronicle) -> str:
    kept = all(promise.kept for promise in chronicle.promises)
    return "Everything was as promised." if kept else "Something was not as promised."


class LiveScreen:
    """A panel with the key's two bars below the lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def show(self, entry: Entry) -> None:
        """Print the line above the panel."""
        line = Text.assemble(
            (f"{entry.when:6.2f} s  ", "dim"), (f"{entry.what:<11} ", _STYLES[entry.tone]), entry.about
        )
        self._console.print(line)

    async def watch(self, look: Callable[[], LiveFacts], play: Callable[[], Awaitable[None]]) -> None:
        """Run ``play`` below a panel that is drawn ten times a second."""
        with Live(self._picture(look()), console=self._console, auto_refresh=False, transient=True) as live:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._draw, live, look)
                await play()
                nursery.cancel_scope.cancel()

    async def _draw(self, live: Live, look: Callable[[], LiveFacts]) -> None:
        while True:
            live.update(self._picture(look()), refresh=True)
            await trio.sleep(_FRAME)

    def _picture(self, facts: LiveFacts) -> RenderableType:
        return clear_of_the_edge(self._console, _panel(facts))

    def conclude(self, chronicle: Chronicle) -> None:
        """Print the promises as a table."""
        table = Table(
            title="What was promised", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0)
        )
        for promise in chronicle.promises:
            mark = Text("kept", "green") if promise.kept else Text("BROKEN", "bold red")
            table.add_row(mark, promise.text, Text(promise.figure, "bold"))
        self._console.print()
        self._console.print(table)
        self._console.print(_verdict(chronicle), style="bold")


def _panel(facts: LiveFacts) -> Panel:
    state, to_request, to_expiry = facts
    grid = Table.grid(padding=(0, 2))
    grid.add_row("next request", ProgressBar(total=1.0, completed=to_request, width=40, complete_style="cyan"))
    grid.add_row("key expires", ProgressBar(total=1.0, completed=to_expiry, width=40, complete_style="green"))
    return Panel(Group(Text(state, "bold"), grid), title="listen key", title_align="left", width=64)
