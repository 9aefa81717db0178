"""``trio-listenkey hold``: a key that is kept alive, for clients in other languages."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import click

from .._core._key_lifecycle import KeepaliveSchedule
from .._shell._keeper import open_listen_key
from .._venue._venue import Venue
from ._account import Account
from ._account_options import accounts_options
from ._exit_codes import EXIT_HELP
from ._keeping import Keeping, keep_all, keeping_options
from ._narration import Narrator
from ._panel import Board, KeyPanel
from ._prior_key import find_out
from ._supervision import supervise

__all__ = ["hold"]


@click.command(epilog=EXIT_HELP)
@click.option(
    "--show-url",
    is_flag=True,
    help="Print the URL of the private stream, and again whenever the key is replaced. Anyone who has it can read the "
    "account's events.",
)
@accounts_options(keys_alone=True)
@keeping_options
def hold(*, accounts: tuple[Account[Venue], ...], keeping: Keeping, show_url: bool) -> None:
    """Keep a listen key alive, for as long as this runs.

    VENUE is the exchange, for example binance-usdm; not binance-spot or binance-margin, for they have no listen keys
    any more. With --show-url, the URL of the stream is printed on a line, flushed at once: connect to it from any
    language. Another line means that the key was replaced: close your socket, connect to the new URL, and treat the
    time in between as a gap. Without --show-url nothing secret is shown.

    The command runs until Ctrl-C or SIGTERM; with --show-url also until the reader closes its output.

    ON MOST EXCHANGES AN ACCOUNT HAS ONE KEY, AND CLOSING IT SILENCES EVERY PROGRAM THAT HOLDS IT. So the key is closed
    at the end only if the exchange confirmed that there was none before. --close and --leave override this.

    With --config there can be several accounts. Each URL then follows its account's name and a tab.

    \b
    Examples:
      trio-listenkey hold binance-usdm --leave
      trio-listenkey hold binance-usdm --show-url --quiet |
          while read -r url; do restart-my-client "$url"; done
    """  # noqa: D301 - Click reads the escapes
    keeping.status.picture = board = Board(*(account.name for account in accounts))
    prefixes = {account.name: f"{account.name}\t" if len(accounts) > 1 else "" for account in accounts}

    async def hold_one(account: Account[Venue]) -> NoReturn:
        await _hold(account, keeping, board, prefixes[account.name] if show_url else None)

    supervise(partial(keep_all, accounts, keeping, hold_one), keeping.status, writes=show_url)


async def _hold(account: Account[Venue], keeping: Keeping, board: Board, prefix: str | None) -> NoReturn:
    """Hold one account's key, until it is refused; write its URLs, after ``prefix``, if that is not ``None``."""
    assert account.credentials is not None  # the options have seen to it
    prior = await find_out(account, keeping.closing, keeping.timing)
    narrator = Narrator(partial(keeping.status.note, account=account.name), account.venue, prior)
    async with open_listen_key(
        account.venue,
        account.credentials,
        timing=keeping.timing,
        on_exit=prior.on_exit,
        sharing=keeping.sharing,
        instrument=narrator,
        name=account.name,
    ) as key:
        keeping.metrics.account(account.name).key = key
        if keeping.closing == "careful":
            narrator.on_foreign_key = key._leave_open  # noqa: SLF001 - nobody else is to need it
        panel = KeyPanel(account.name, key, KeepaliveSchedule.of(account.venue, keeping.timing), narrator)
        generation = key.generation
        with board.shown(account.name, panel):
            while True:
                if prefix is not None:
                    await keeping.status.write([f"{prefix}{key.stream_url}".encode()])
                generation = await key.wait_replaced(generation)
