"""The table of the exchanges that the library knows."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from .. import venues as known_venues
from .._errors import UsageError
from .._venue._summary import HEADS, facts_of

__all__ = ["venues"]


@click.command(short_help="Show the exchanges that this library knows.")
@click.option("--plain", is_flag=True, help="Plain lines, as in a pipe, although this is a terminal.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def venues(*, plain: bool, names: tuple[str, ...]) -> None:
    """Show the exchanges that this library knows, or those of these NAMEs, and what it knows of them.

    In a pipe, one line for each: its cells are separated by tabs, and the first line has their names.
    """
    try:
        shown = [known_venues.by_name(name) for name in names] or [
            *known_venues.known(),
            *known_venues.sessions(),
        ]
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    rows = [facts_of(venue) for venue in shown]
    if plain or not sys.stdout.isatty():
        for row in (HEADS, *rows):
            click.echo("\t".join(row))
        return
    table = Table(*HEADS, show_lines=True)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
