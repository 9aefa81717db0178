"""The command line.

::

    __init__   the commands

    _demo      a key's life against an exchange on this machine: the story, and what must be true at its end
    _exchange  the test exchange as a process
    _venues    the exchanges that there are, and what is known of each

    _watch _hold _doctor/           the commands for real accounts, and ...
    _account _venue_name            whose account, where
    _account_options _credentials _config   ... as it is said: in options, in files, for several accounts
    _keeping                        what watch and hold have in common
    _members                        who shares which key
    _prior_key                      whether the account had a key before, and so what becomes of it
    _gap_command _metrics           what else they do: run a command for each gap, tell Prometheus
    _process                        where they write, and the signals that end them
    _supervision _exit_codes        how they end, and with what status
    _status _lines _narration       how they tell of themselves: when, in what form, in what words
    _panel _headline                ... and as a picture, whose first answer is whether all is well
    _output                         writing that holds up nothing
"""

from __future__ import annotations

import sys
from typing import Any

import click

from ._demo import demo
from ._doctor import doctor
from ._exchange import exchange
from ._exit_codes import Exit
from ._hold import hold
from ._members import members
from ._output import give_up
from ._venues import venues
from ._watch import watch

__all__ = ["commands"]


class _Commands(click.Group):
    """Handles a standard output that is a full disk, or a pipe without a reader."""

    def invoke(self, ctx: click.Context) -> Any:
        """See Click. Commands that go on for long look after this by themselves, see ``_supervision``."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            give_up(sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                ctx.exit(Exit.FINE)
            raise click.ClickException(f"standard output: {error.strerror}") from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trio-listenkey")
def commands() -> None:
    """Keep exchange listen keys alive, and watch their streams."""


commands.add_command(demo)
commands.add_command(exchange)
commands.add_command(venues)
commands.add_command(watch)
commands.add_command(hold)
commands.add_command(doctor)
commands.add_command(members)
