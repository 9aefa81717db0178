"""``trio-listenkey doctor``: every step from this machine to an account's stream, one at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import click
import trio
from rich.console import Console
from rich.status import Status as Spinner
from rich.table import Table
from rich.text import Text

from ..._venue._signed_venue import SignedVenue
from ..._venue._venue import Venue
from ...sharing import SharedKey
from .._account import Account
from .._account_options import account_options
from .._exit_codes import EXIT_HELP
from .._keeping import SECONDS, closing_options
from .._lines import visible
from .._members import closed_at_end, open_register, share_option
from .._output import Descriptor
from .._prior_key import Closing
from .._process import current_process
from .._status import open_status
from .._supervision import supervise
from .._venue_name import AnyVenue
from ._checkup import Checkup
from ._key_checkup import KeyCheckup
from ._results import Finding, steps_of
from ._session_checkup import SessionCheckup

__all__ = ["doctor"]

_WARNING: Final = "Warning: this closes the account's listen key, and silences every program that holds it.\n"
_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


@click.command(epilog=EXIT_HELP, short_help="Find out why there are no events.")
@closing_options
@click.option(
    "--timeout", type=SECONDS, default=10.0, show_default=True, metavar="SECONDS", help="How long a step may take."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON at the end, instead of the text.")
@share_option
@account_options
def doctor(
    *, account: Account[AnyVenue], closing: Closing | None, timeout: float, as_json: bool, share: str | None
) -> None:
    """Find out why there are no events: check every step from here to an account's stream.

    VENUE is the exchange, for example binance-spot or binance-usdm. The steps: the names of its hosts (DNS), TCP and
    TLS (and the days until the certificates expire), this machine's clock against the exchange's, the credentials,
    creating and renewing a listen key, opening a socket, a ping, and closing the key. At exchanges without listen keys,
    such as binance-spot, the steps subscribe on the socket and check the subscription. Each step is printed with its
    duration and, if it failed, a hint. Steps that depend on a failed one are skipped.

    On most exchanges with keys an account has one, and closing it silences every program that holds it. So the key is
    closed only if the exchange confirmed that there was none before. Otherwise it is left open and expires by itself.
    --close and --leave override this.

    With --share, the register is checked as well, and the key is left open: the check ends before it could be known
    whether others share the key.

    Without credentials, only the network and the clock are checked.

    The exit status is that of the first step that failed. A warning is not a failure.

    \b
    Examples:
      trio-listenkey doctor binance-spot
      trio-listenkey doctor binance-usdm
      trio-listenkey doctor binance-usdm --leave --json |
          jq -c '.steps[] | select(.verdict == "failed")'
    """  # noqa: D301 - Click reads the escapes
    process = current_process()
    if closing == "close" and isinstance(account.venue, Venue) and account.venue.close is not None:
        Descriptor(process.stderr).write(_WARNING)
    report = _Report(Descriptor(process.stdout), steps_of(account.venue, shares=share is not None), as_json=as_json)
    kind: Any = SessionCheckup if isinstance(account.venue, SignedVenue) else KeyCheckup
    if share is not None and isinstance(account.venue, SignedVenue):
        raise click.UsageError(f"--share: {account.venue.name} has no listen keys, so there is nothing to share.")
    sharing = None if share is None else SharedKey(open_register(share))
    closing = closing or ("careful" if sharing is None else "close")
    checkup = kind(account, closing, timeout, report.begin, report.tell, sharing)
    supervise(partial(_check, checkup, report), open_status(quiet=True), writes=False)


async def _check(checkup: Checkup[Any], report: _Report) -> int:
    with report:
        async with closed_at_end(checkup.sharing), trio.open_nursery() as nursery:
            nursery.start_soon(report.close_if_interrupted)
            await checkup.run()
            nursery.cancel_scope.cancel()
    report.conclude(checkup)
    return checkup.code


class _Report(ExitStack):
    """Tells what is found, as it is found; on a terminal also what is being waited for. Leave it to clear that away."""

    def __init__(self, file: Descriptor, steps: Mapping[str, str], *, as_json: bool) -> None:
        super().__init__()
        self._file = file
        self._console = console = Console(file=file, highlight=False)  # type: ignore[arg-type]
        self._steps = steps
        self._widest = max(map(len, steps.values()))
        self._as_json = as_json
        self._spinner: Spinner | None = None
        if console.is_terminal and not console.is_dumb_terminal and not as_json:
            self._spinner = console.status("", spinner="line")
            self.callback(self._spinner.stop)

    async def close_if_interrupted(self) -> None:
        """Whoever interrupts twice ends the process: its terminal must have its cursor again by then."""
        try:
            await trio.sleep_forever()
        finally:
            self.close()

    def begin(self, step: str) -> None:
        """A step begins."""
        if self._spinner is not None:
            self._spinner.update(f"{self._steps[step]} ...")
            self._spinner.start()

    def tell(self, finding: Finding) -> None:
        """A step was taken, or cannot be."""
        if self._as_json:
            return
        took = "" if finding.seconds is None else f"{finding.seconds * 1000:.0f} ms"
        style = _STYLES[finding.verdict]
        head = Text.assemble(
            (f"{finding.verdict:<8} ", style), f"{self._steps[finding.step]:<{self._widest}} ", (f"{took:>8}  ", "dim")
        )
        self._print_row(head, Text(visible(finding.about), "dim" if finding.verdict == "skipped" else ""))
        if finding.hint is not None:
            self._print_row(Text(" " * 9), Text(f"{visible(finding.hint)}.", style))

    def conclude(self, checkup: Checkup[Any]) -> None:
        """Everything was told.

        Raises:
            OSError: It could not be, and what is in a file now is not all.
        """
        bad = [found for found in checkup.findings if found.verdict == "failed"]
        if self._as_json:
            told = {
                "venue": checkup.account.venue.name,
                "ok": not bad,
                "exit_status": int(checkup.code),
                "had_key": checkup.had_key,
                "steps": [found.as_json() for found in checkup.findings],
            }
            self._print(Text(json.dumps(told)))
        elif bad:
            self._print(Text(f"Not well: {self._steps[bad[0].step]}.", "bold red"))
        elif checkup.account.credentials is None:
            self._print(Text("The network is fine. Without credentials, nothing else was checked.", "bold green"))
        else:
            self._print(Text("All is well.", "bold green"))
        if self._file.failure is not None:
            raise self._file.failure

    def _print_row(self, head: Text, about: Text) -> None:
        if not self._console.is_terminal:
            self._print(head + about)
            return
        row = Table.grid()
        row.add_column(no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(head, about)
        self._console.print(row)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
