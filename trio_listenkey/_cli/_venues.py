"""The exchanges that the library knows: a table of all, everything about some, or JSON."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .._venue._signed_venue import SignedVenue
from .._venue._summary import HEADS, facts_of
from ._venue_name import AnyVenue, VenueName, every_venue, prefix_of

__all__ = ["venues"]

_BY: Final = {
    "session": "a signed subscription",
    "token": "a token",
    "key": "a listen key",
}
_NAMES: Final = (
    *("name", "requests", "key_named_in", "authentication", "second_create", "close", "lives_renewed"),
    *("stream", "source", "events"),
)
"""The heads of `facts_of`, for programs."""


@click.command(short_help="Show the exchanges that this library knows.")
@click.option("--plain", is_flag=True, help="Plain lines with tabs, as in a pipe.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects in JSON, with all that is known.")
@click.argument("chosen", nargs=-1, metavar="[NAME]...", type=VenueName())
def venues(*, plain: bool, as_json: bool, chosen: tuple[AnyVenue, ...]) -> None:
    """Show the exchanges that this library knows; with NAMEs, everything that is known of those.

    In a pipe, one line for each with everything: its cells are separated by tabs, and the first line has their names.
    """
    shown = chosen or tuple(every_venue().values())
    if as_json:
        click.echo(json.dumps([_for_programs(venue) for venue in shown], indent=2))
    elif plain or not sys.stdout.isatty():
        for row in (HEADS, *map(facts_of, shown)):
            click.echo("\t".join(row))
    elif chosen:
        for venue in chosen:
            Console().print(_details(venue))
    else:
        Console().print(_overview(shown))
        click.echo("More of one: trio-listenkey venues NAME")


def _overview(shown: tuple[AnyVenue, ...]) -> Table:
    table = Table("Venue", "Events come by", "What a close does to others", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    for venue in shown:
        facts = dict(zip(HEADS, facts_of(venue), strict=True))
        close = re.split("[,:]", facts["What a close does to other holders"])[0]  # the rest is for who asks for one
        table.add_row(venue.name, _BY[_kind(venue)], "retired" if _is_retired(venue) else close)
    return table


def _details(venue: AnyVenue) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for head, fact in zip(HEADS, facts_of(venue), strict=True):
        table.add_row(Text(head, "dim"), Text(fact, "bold" if head == HEADS[0] else ""))
    table.add_row(Text("Credentials in", "dim"), f"{prefix_of(venue.name)}_API_KEY, {prefix_of(venue.name)}_API_SECRET")
    table.add_row()
    return table


def _for_programs(venue: AnyVenue) -> dict[str, Any]:
    facts = dict(zip(_NAMES, facts_of(venue), strict=True))
    return {
        "name": facts.pop("name"),
        "kind": _kind(venue),
        "rest_url": None if isinstance(venue, SignedVenue) else venue.rest_url,
        "stream_url": venue.stream_url,
        "env_prefix": prefix_of(venue.name),
        "validity": None if isinstance(venue, SignedVenue) else venue.validity,
        "keepalive_every": None if isinstance(venue, SignedVenue) else venue.keepalive_every,
        "retired": _is_retired(venue),
        **facts,
    }


def _kind(venue: AnyVenue) -> str:
    if isinstance(venue, SignedVenue):
        return "session"
    return "token" if venue.stream.says_key else "key"


def _is_retired(venue: AnyVenue) -> bool:
    return not isinstance(venue, SignedVenue) and bool(venue.retired)
