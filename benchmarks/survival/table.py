"""The results, for people and for documents."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .judge import Figures
from .part import Settings
from .scenarios import EVENTS_PER_SECOND, Scenario

__all__ = ["NOTES", "Result", "format_result", "heading", "write_csv", "write_json", "write_rst"]

_USUAL = Settings()

_LATE = 2.0
"""Seconds of deafness from which on a reader wants to know of it although nothing was lost."""

_NOTES = f"""
All four consume the USD-M user stream of an account with {EVENTS_PER_SECOND} order updates a second, unless the
scenario says otherwise, each from its own exchange, on one machine. There was one run for each cell; a second more or
less is chance. So is more where retries come at random times: python-binance gives up for good after five, which may be
before or after the 20 s of refused handshakes are over.

*No event for* (*deaf*) is the longest time from an event to the next one that reached the user.

*Handshakes in a second* are the most within any one second after the sockets were lost. They are shown where there are
many consumers.

*Not reported* (*untold*) are lost events of which the user cannot know. This library reports them by a gap, which has
to cover the moment of the event, and may begin as early as the last answer to a ping. The others have no gaps: there,
any exception or message among the events counts that came within a second of the loss, although it does not say from
when to when. A line in a log does not count.

An hour has become {_USUAL.validity:g} s, or what the scenario needs, from 16 s to 120 s. Keepalives are sent every
{_USUAL.keepalive_every:g} s, and every 15 s where the key dies behind the client's back. By default it is 30 minutes in
this library, 5 minutes in python-binance, 20 in ccxt and 59 in trio-binance: a library that detects a dead key by its
keepalive only receives nothing for as long as that.

Requests time out after {_USUAL.request_timeout:g} s, and pings are sent every {_USUAL.ping_every:g} s. trio-binance has
no option for its pings (20 s, answered within 10 s); its 59 minutes, and the 10 s between two tries (1 s here) had to
be replaced in the module.

This library closes its key within {_USUAL.close_timeout:g} s, and after {_USUAL.silence_check_every:g} s of silence it
asks whether the key is alive. Where the exchange is out for 20 s or more, it waits for up to 10 s between two tries; by
default it would be a minute. Everything else is as it is by default, in all four.

Where a library raises an exception, its user waits a second and calls it again. ccxt creates a key whenever it is
called without one: how many requests it sends during a ban depends on its user.

Stopping is measured on an account that has been quiet for a second; python-binance waits for one more message, for up
to 10 s. The others leave the key open: they never delete it.

A process that stands still (SIGSTOP) is not a machine in suspend: its clocks go on, its kernel keeps taking in what the
exchange sends, and its connections stay up. The 14 s count as deaf.
"""
NOTES = tuple(note.replace("\n", " ") for note in _NOTES.strip().split("\n\n"))


@dataclass(frozen=True, slots=True)
class Result:
    """One cell: a scenario, a player, and what came of it, or why nothing did."""

    scenario: Scenario
    player: str
    figures: Figures | None
    broken: tuple[str, ...]


_COLUMNS = (
    *("scenario", "player", "deaf s", "lost", "untold", "doubled", "in ban", "stop s", "keys left", "gap s"),
    "busiest s",
)


def _cells(result: Result) -> list[str]:
    figures = result.figures
    if figures is None:
        return [result.scenario.name, result.player, *["-"] * (len(_COLUMNS) - 2)]
    return [
        result.scenario.name,
        result.player,
        f"{figures.deaf:.1f}{'+' if figures.deaf_to_the_end else ''}",
        str(figures.lost),
        str(figures.untold),
        str(figures.doubled),
        str(figures.requests_in_bans),
        "killed" if figures.stopping is None else f"{figures.stopping:.1f}",
        str(figures.keys_left),
        f"{figures.gap_seconds:.1f}" if figures.gaps else "",
        str(figures.busiest_second) if result.scenario.is_storm else "",
    ]


def _row(cells: Iterable[str]) -> str:
    name, player, *numbers = cells
    return f"{name:<18} {player:<15}" + "".join(f"{number:>10}" for number in numbers)


def heading() -> str:
    """The first line of the table in a terminal."""
    return _row(_COLUMNS)


def format_result(result: Result) -> str:
    """One line of it."""
    broken = "".join(f"\n    BROKEN: {message}" for message in result.broken)
    return _row(_cells(result)) + broken


def write_csv(path: Path, results: Sequence[Result]) -> None:
    """Everything that the terminal shows, one line for each scenario and player."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(map(_cells, results))


def write_json(path: Path, results: Sequence[Result], versions: dict[str, str]) -> None:
    """Everything that is known."""
    told: dict[str, Any] = {"versions": versions, "notes": NOTES, "results": []}
    for result in results:
        told["results"].append(
            {
                "scenario": result.scenario.name,
                "title": result.scenario.title,
                "seconds": result.scenario.seconds,
                "settings": asdict(result.scenario.settings),
                "player": result.player,
                "figures": None if result.figures is None else asdict(result.figures),
                "broken": result.broken,
            }
        )
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def write_rst(path: Path, results: Sequence[Result], versions: dict[str, str]) -> None:
    """A table for readers: one row for each scenario, one column for each player, and the notes below it."""
    players = list(dict.fromkeys(result.player for result in results))
    found = {(result.scenario.name, result.player): result for result in results}
    titles = {result.scenario.name: result.scenario.title for result in results}
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - What happens"]
    lines += [f"     - {player} {versions.get(player, '')}".rstrip() for player in players]
    for name, title in titles.items():
        lines.append(f"   * - {title[0].upper()}{title[1:]}")
        lines += [f"     - {_sentence(found.get((name, player)))}" for player in players]
    lines += ["", *(f"* {note}" for note in NOTES), ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def _sentence(result: Result | None) -> str:
    """What a reader wants to know of a cell, and nothing that went well."""
    if result is None or result.figures is None:
        return "not run"
    figures = result.figures
    bad = []
    if figures.lost:
        to_the_end = " to the end" if figures.deaf_to_the_end else ""
        bad.append(f"deaf for {figures.deaf:.1f} s{to_the_end}, {figures.lost} lost, {_knowledge(figures)}")
    elif figures.deaf > _LATE:
        bad.append(f"nothing for {figures.deaf:.1f} s, then all of it")
    if figures.doubled:
        bad.append(f"{figures.doubled} doubled")
    if figures.requests_in_bans:
        bad.append(f"{figures.requests_in_bans} requests in the ban")
    if figures.stopping is None:
        bad.append("never stopped")
    elif result.scenario.is_about_stopping:
        bad.append(f"stopped after {figures.stopping:.1f} s")
    if result.scenario.is_storm:
        bad.append(f"{figures.busiest_second} handshakes in a second")
    return "; ".join(bad) or "nothing lost"


def _knowledge(figures: Figures) -> str:
    """What the user knows of the lost events."""
    if figures.untold:
        return "untold" if figures.untold == figures.lost else f"{figures.untold} of them untold"
    return f"told by a gap of {figures.gap_seconds:.1f} s" if figures.gaps else "told"
