"""``trio-listenkey hold``: a key that is kept alive, for clients in other languages."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import click

from .._core._key_lifecycle import KeepaliveSchedule, OnExit
from .._settings import Timing
from .._shell._keeper import open_listen_key
from .._venue._venue import Venue
from ._account import Account, account_options
from ._exit_codes import EXIT_HELP
from ._keeping import keeping_options
from ._narration import Narrator
from ._panel import KeyPanel
from ._status import Status
from ._supervision import supervise

__all__ = ["hold"]


@click.command(epilog=EXIT_HELP)
@click.option(
    "--show-url",
    is_flag=True,
    help="Print the URL of the private stream, and again whenever there is another key. Whoever has it can read the "
    "account's events.",
)
@account_options(keys_alone=True)
@keeping_options
def hold(*, account: Account[Venue], timing: Timing, on_exit: OnExit, status: Status, show_url: bool) -> None:
    """Keep a listen key alive, for as long as this runs.

    VENUE is the exchange, for example binance-usdm; not binance-spot or binance-margin, for they have no listen keys
    any more. With --show-url, standard output gets the URL of the stream in a line, flushed at once: connect to it from
    whatever language you like. A further line says that the key was replaced: close your socket, connect to the new
    URL, and treat the time in between as unobserved. Without --show-url nothing secret is shown at all.

    It runs until Ctrl-C or SIGTERM; with --show-url also until nobody reads its output any more. Then it closes the
    listen key. ON MOST EXCHANGES AN ACCOUNT HAS ONE KEY, AND CLOSING IT SILENCES EVERY PROGRAM THAT HOLDS IT. If a bot
    runs on this account, say --leave.

    \b
    Examples:
      trio-listenkey hold binance-usdm --leave
      trio-listenkey hold binance-usdm --show-url --quiet |
          while read -r url; do restart-my-client "$url"; done
    """  # noqa: D301 - Click reads the escapes
    supervise(partial(_hold, account, timing, on_exit, status, show_url), status, writes=show_url)


async def _hold(account: Account[Venue], timing: Timing, on_exit: OnExit, status: Status, show_url: bool) -> NoReturn:
    async with open_listen_key(
        account.venue,
        account.credentials,
        timing=timing,
        on_exit=on_exit,
        instrument=Narrator(status.note, account.venue, leaves=on_exit == "leave"),
    ) as key:
        status.picture = KeyPanel(key.venue.name, key, KeepaliveSchedule.of(account.venue, timing))
        generation = key.generation
        while True:
            if show_url:
                await status.write([key.stream_url.encode()])
            generation = await key.wait_replaced(generation)
