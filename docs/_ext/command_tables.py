"""The tables of the command line's page, made from its code.

``.. command-list::``, ``.. exit-statuses::`` and ``.. doctor-steps::``.
"""

from __future__ import annotations

import click
from docutils import nodes
from exchange_tables import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from trio_listenkey import venues
from trio_listenkey._cli import commands
from trio_listenkey._cli._doctor._results import STEPS, steps_of
from trio_listenkey._cli._exit_codes import EXITS


class CommandList(SphinxDirective):
    """Every command, and what it does; its section is called ``command-NAME``."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = [
            [f":ref:`{name} <command-{name}>`", command.get_short_help_str(limit=200)]
            for name, command in sorted(commands.commands.items())
        ]
        return self.parse_text_to_nodes("\n".join(table("16 84", ["Command", "What it does"], *rows)))


class ExitStatuses(SphinxDirective):
    """Every exit status."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = [[str(int(code)), meaning] for code, meaning in EXITS.items()]
        return self.parse_text_to_nodes("\n".join(table("12 88", ["Status", "Meaning"], *rows)))


class DoctorSteps(SphinxDirective):
    """Every step of the doctor, and at which venues it is taken."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        kinds = {
            "listen keys": steps_of(venues.BINANCE_USDM),
            "tokens": steps_of(venues.BINANCE_MARGIN),
            "neither": steps_of(venues.BINANCE_SPOT),
        }
        rows = [
            [
                f"``{step}``",
                words,
                *(str(list(steps).index(step) + 1) if step in steps else "" for steps in kinds.values()),
            ]
            for step, words in STEPS.items()
        ]
        text = table("20 26 18 18 18", ["Step", "Is told as", *kinds], *rows)
        return self.parse_text_to_nodes("\n".join(text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    assert isinstance(commands, click.Group)
    app.add_directive("command-list", CommandList)
    app.add_directive("exit-statuses", ExitStatuses)
    app.add_directive("doctor-steps", DoctorSteps)
    return {"parallel_read_safe": True}
