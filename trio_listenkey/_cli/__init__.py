"""The command line.

::

    __init__   the commands and their options
    _demo      a key's life against an exchange on this machine: the story, and what must be true at its end
    _chronicle  what happened so far, as data
    _screen     how a chronicle is shown: a live view on a terminal, plain lines elsewhere
    _exchange  the test exchange as a process
    _venues    the table of the exchanges

    _watch _hold _doctor/   the commands for real accounts, and ...
    _account _credentials   whose account, where
    _keeping                what watch and hold have in common
    _process                where they write, and the signals that end them
    _supervision _exit_codes    how they end, and with what status
    _status _narration _panel   how they tell of themselves on standard error: lines, or a panel
    _output                 writing that holds up nothing
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from ._demo import run_demo
from ._doctor import doctor
from ._exchange import exchange
from ._exit_codes import Exit
from ._hold import hold
from ._output import give_up
from ._screen import Screen, pick_screen
from ._status import open_status
from ._supervision import supervise
from ._venues import venues
from ._watch import watch

__all__ = ["commands"]


class _Commands(click.Group):
    """Knows that standard output may be a full disk, or a pipe that nobody reads any more."""

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
    """Keep exchange listen keys alive, and see how."""


@commands.command()
@click.option("--plain", is_flag=True, help="Plain lines, as in a pipe, although this is a terminal.")
@click.option("--tls/--no-tls", default=True, show_default=True, help="Speak TLS, with a throw-away CA.")
def demo(*, plain: bool, tls: bool) -> None:
    """Watch a real listen key live, in about nine seconds.

    Starts an exchange on a port of this machine and opens a listen key there over real sockets. The key is created and
    kept alive; a keepalive gets a 503 and is tried again; the exchange asks for silence and gets it; the key is
    killed behind the library's back and replaced; in the end it is closed. Keys live for six seconds here, not for
    an hour.

    The exit status is 0 if everything was as promised, 1 if anything was not, and 130 after Ctrl-C.
    """
    work = partial(_demo, pick_screen(plain=plain), tls)
    farewell = "Interrupted; no key was left behind."
    supervise(work, open_status(plain=True, quiet=True), writes=True, farewell=farewell)


async def _demo(screen: Screen, tls: bool) -> Exit:
    return Exit.FINE if await run_demo(screen, tls) else Exit.BROKEN


commands.add_command(exchange)
commands.add_command(venues)
commands.add_command(watch)
commands.add_command(hold)
commands.add_command(doctor)
