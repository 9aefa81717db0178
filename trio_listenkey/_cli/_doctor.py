"""``trio-listenkey doctor``: every step from this machine to an account's stream, one at a time."""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial
from typing import Final

import click
from rich.console import Console
from rich.status import Status as Spinner
from rich.text import Text

from .._core._venue import Venue
from ._account import Account, account_options
from ._checkup import Checkup, Closing
from ._exits import EXIT_HELP
from ._findings import STEPS, Finding
from ._keeping import SECONDS
from ._output import Descriptor
from ._status import open_status, visible
from ._supervision import supervise

__all__ = ["doctor"]

_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_STDOUT: Final = 1
_WIDEST: Final = max(map(len, STEPS.values()))


@click.command(epilog=EXIT_HELP)
@click.option(
    "--leave",
    "closing",
    flag_value="leave",
    help="Leave the key open in any case; it expires by itself, within the hour.",
)
@click.option(
    "--close",
    "closing",
    flag_value="close",
    help="Close the key in any case, and so silence every program that holds it.",
)
@click.option(
    "--timeout", type=SECONDS, default=10.0, show_default=True, metavar="SECONDS", help="How long a step may take."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON at the end, instead of the text.")
@account_options()
def doctor(*, account: Account[Venue], closing: Closing | None, timeout: float, as_json: bool) -> None:
    """Find out why there are no events: check every step from here to an account's stream.

    VENUE is the exchange, for example binance-usdm. The steps: the names of its two hosts, TCP and TLS (and for how
    many days the certificates are good), this machine's clock against the exchange's, the credentials, a listen key
    that is created and kept alive, a socket that opens and answers a ping, and the key closed. Each is told with the
    time that it took and, if it failed, with a hint. What cannot be tried any more is skipped.

    On most exchanges an account has one key, and closing it silences every program that holds it. So the key is
    closed only if the exchange said that there was none before; if there was, or if the exchange does not tell, it is
    left open and expires by itself. --close and --leave decide it otherwise.

    The exit status is that of the first step that failed. A warning is no failure.

    \b
    Examples:
      trio-listenkey doctor binance-usdm
      trio-listenkey doctor binance-usdm --leave --json |
          jq -c '.steps[] | select(.verdict == "failed")'
    """  # noqa: D301 - Click reads the escapes
    if closing == "close":
        click.echo("Warning: this closes the account's listen key, and silences every program that holds it.", err=True)
    report = _Report(Console(file=Descriptor(_STDOUT), highlight=False), as_json=as_json)  # type: ignore[arg-type]
    checkup = Checkup(account, closing or "careful", timeout, report.begin, report.tell)
    supervise(partial(_check, checkup, report), open_status(plain=True, quiet=True), writes=False)


async def _check(checkup: Checkup, report: _Report) -> int:
    with report:
        await checkup.run()
    report.conclude(checkup)
    return checkup.code


class _Report(ExitStack):
    """Tells what is found, as it is found; on a terminal also what is being waited for. Leave it to clear that away."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        super().__init__()
        self._console = console
        self._as_json = as_json
        self._spinner: Spinner | None = None
        if console.is_terminal and not console.is_dumb_terminal and not as_json:
            self._spinner = console.status("", spinner="line")
            self.callback(self._spinner.stop)

    def begin(self, step: str) -> None:
        """A step begins."""
        if self._spinner is not None:
            self._spinner.update(f"{STEPS[step]} ...")
            self._spinner.start()

    def tell(self, finding: Finding) -> None:
        """A step was taken, or cannot be."""
        if self._as_json:
            return
        took = "" if finding.seconds is None else f"{finding.seconds * 1000:.0f} ms"
        style = _STYLES[finding.verdict]
        self._print(
            (f"{finding.verdict:<8} ", style),
            f"{STEPS[finding.step]:<{_WIDEST}} ",
            (f"{took:>8}  ", "dim"),
            (visible(finding.about), "dim" if finding.verdict == "skipped" else ""),
        )
        if finding.hint is not None:
            self._print((f"{'':<9}{visible(finding.hint)}.", style))

    def conclude(self, checkup: Checkup) -> None:
        """Everything was told."""
        bad = [found for found in checkup.findings if found.verdict == "failed"]
        if self._as_json:
            told = {
                "venue": checkup.account.venue.name,
                "ok": not bad,
                "exit_status": int(checkup.code),
                "had_key": checkup.had_key,
                "steps": [found.as_json() for found in checkup.findings],
            }
            self._print(json.dumps(told))
        elif bad:
            self._print((f"Not well: {STEPS[bad[0].step]}.", "bold red"))
        else:
            self._print(("All is well.", "bold green"))

    def _print(self, *parts: str | tuple[str, str]) -> None:
        self._console.print(Text.assemble(*parts), soft_wrap=True)
