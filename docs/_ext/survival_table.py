"""``.. survival-summary::``, ``.. survival-table:: PEER``, ``.. survival-settings::`` and ``.. survival-notes::``.

They show ``survival.csv``, which ``nox -s survival -- --csv docs/survival.csv`` writes, with the titles, settings and
notes of the benchmark itself.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from docutils import nodes
from exchange_tables import table
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
CSV = ROOT / "docs" / "survival.csv"
sys.path.insert(0, str(ROOT / "benchmarks"))

from survival.part import Settings  # noqa: E402 - it is no package that is installed
from survival.scenarios import SCENARIOS, Scenario  # noqa: E402
from survival.table import NOTES  # noqa: E402

OURS = "trio-listenkey"
LATE = 2.0  # seconds without an event from which on a reader wants to know of it although nothing was lost
FINE = "nothing lost"
S = "\N{NO-BREAK SPACE}s"

Row = dict[str, str]


def results() -> dict[tuple[str, str], Row]:
    """The rows of the file, by scenario and player."""
    with CSV.open(newline="", encoding="utf-8") as file:
        found = {(row["scenario"], row["player"]): row for row in csv.DictReader(file)}
    missing = {scenario.name for scenario in SCENARIOS} ^ {name for name, _ in found}
    if missing:
        raise ExtensionError(f"survival.csv and the benchmark do not have the same scenarios: {missing}")
    return found


def versions() -> dict[str, str]:
    """The peers, and which version of each is run."""
    (pinned,) = re.findall(r"^PEERS = (\[.*\])$", (ROOT / "noxfile.py").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(peer.split("==") for peer in ast.literal_eval(pinned))


def players(found: Iterable[tuple[str, str]]) -> list[str]:
    """In the order of the file."""
    return list(dict.fromkeys(player for _, player in found))


def was_run(row: Row) -> bool:
    """Whether there are figures."""
    return row["deaf s"] != "-"


def deaf(row: Row) -> float:
    """Seconds."""
    return float(row["deaf s"].rstrip("+"))


def cell(scenario: Scenario, row: Row) -> str:
    """What a reader wants to know, in a few words."""
    if not was_run(row):
        return "not run"
    told: list[str] = []
    lost, untold = int(row["lost"]), int(row["untold"])
    if lost:
        told.append("**no event until the end**" if row["deaf s"].endswith("+") else f"no event for {deaf(row):.1f}{S}")
        told.append(f"{lost} lost")
        told.append(
            "reported" if not untold else "**not reported**" if untold == lost else f"**{untold} not reported**"
        )
    elif deaf(row) > LATE:
        told.append(f"{deaf(row):.1f}{S} late")
    if int(row["doubled"]):
        told.append(f"{row['doubled']} duplicate")
    if int(row["in ban"]):
        told.append(f"**{row['in ban']} requests during the ban**")
    if row["stop s"] == "killed":
        told.append("**never stopped**")
    elif scenario.is_about_stopping:
        told.append(f"stopped in {row['stop s']}{S}")
    if row["busiest s"]:
        told.append(f"{row['busiest s']} handshakes in a second")
    return ", ".join(told) or FINE


class SurvivalSummary(SphinxDirective):
    """One line for each library."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        found = results()
        rows = []
        for player in players(found):
            own = [row for (_, name), row in found.items() if name == player and was_run(row)]
            stops = [float(row["stop s"]) for row in own if row["stop s"] != "killed"]
            counts = (
                sum(int(row["untold"]) > 0 for row in own),
                sum(row["deaf s"].endswith("+") for row in own),
                sum(int(row["in ban"]) for row in own),
                sum(int(row["keys left"]) > 0 for row in own),
            )
            name = f"{player} {versions().get(player, '')}".strip()
            longest = f"{max(stops):.1f}{S}"
            rows.append([f"**{name}**" if player == OURS else name, *map(str, counts), longest])
        heads = ["", "Not reported", "No event until the end", "Requests during a ban", "Key left open", "Longest stop"]
        return self.parse_text_to_nodes("\n".join(table("30 14 14 14 14 14", heads, *rows)))


class SurvivalTable(SphinxDirective):
    """This library and one peer; what made no difference is one sentence."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table, and the sentence."""
        (peer,) = self.arguments
        found = results()
        rows, alike = [], []
        for scenario in SCENARIOS:
            ours, theirs = (cell(scenario, found[scenario.name, player]) for player in (OURS, peer))
            if ours == theirs == FINE:
                alike.append(scenario.title)
            else:
                rows.append([scenario.title[0].upper() + scenario.title[1:], ours, theirs])
        lines = table("36 30 34", ["What happens", "here", peer], *rows)
        if alike:
            lines += ["", f"Neither lost an event when {'; '.join(alike)}."]
        return self.parse_text_to_nodes("\n".join(lines))


class SurvivalSettings(SphinxDirective):
    """How the players are set."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        described = re.findall(
            r"^        (\w+): ((?:.+\n(?:            .+\n)*))", Settings.__doc__ or "", flags=re.MULTILINE
        )
        meanings = {name: " ".join(text.split()) for name, text in described}
        usual = Settings()
        rows = []
        for each in fields(Settings):
            seconds = getattr(usual, each.name)
            shown = "24 h" if seconds == 86_400 else f"{seconds:g} s"
            rows.append([f"``{each.name}``", shown, meanings[each.name]])
        return self.parse_text_to_nodes("\n".join(table("28 12 60", ["Setting", "Value", "What it is"], *rows)))


class SurvivalNotes(SphinxDirective):
    """What the benchmark says about itself."""

    def run(self) -> list[nodes.Node]:
        """A list."""
        return self.parse_text_to_nodes("\n".join(f"* {note}" for note in NOTES))


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directives known."""
    app.add_directive("survival-summary", SurvivalSummary)
    app.add_directive("survival-table", SurvivalTable)
    app.add_directive("survival-settings", SurvivalSettings)
    app.add_directive("survival-notes", SurvivalNotes)
    return {"parallel_read_safe": True}
