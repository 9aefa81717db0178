"""``trio-listenkey watch``: an account's events as JSON lines."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any, Final, NoReturn

import click
import msgspec

from .._core._key_lifecycle import KeepaliveSchedule
from .._errors import UsageError
from .._events import Gap, UserEvent
from .._shell._open_stream import open_user_stream
from .._shell._user_stream import UserStream
from .._venue._venue import Venue
from ._account import Account
from ._account_options import accounts_options
from ._exit_codes import EXIT_HELP
from ._gap_command import GapCommand
from ._keeping import SECONDS, Keeping, keep_all, keeping_options
from ._narration import Narrator
from ._panel import Board, StreamPanel
from ._prior_key import find_out
from ._process import current_process
from ._supervision import supervise
from ._venue_name import AnyVenue

__all__ = ["line_of", "watch"]

_TO_JSON: Final = msgspec.json.Encoder().encode
_HIDDEN: Final = b"[hidden]"
# Events that tell of a key's end name it.
_NAMED_KEY: Final = re.compile(rb'("listenKey"\s*:\s*")[^"]*')
_SPACES: Final = bytes.maketrans(b"\r\n\t", b"   ")


@click.command(epilog=EXIT_HELP)
@click.option(
    "--check-every",
    type=SECONDS,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Ask the exchange whether the key is alive after so many seconds without an event: a key that another program "
    "closes is detected that soon. Each check is one request.",
)
@click.option(
    "--exec",
    "command",
    metavar="COMMAND",
    help="Run this for each gap, one at a time, with the gap as JSON on its standard input and GAP_ACCOUNT, GAP_CAUSE, "
    "GAP_STARTED_AT and more in its environment. What it prints goes to standard error.",
)
@accounts_options()
@keeping_options
def watch(
    *, accounts: tuple[Account[AnyVenue], ...], keeping: Keeping, check_every: float, command: str | None
) -> None:
    """Stream an account's events to standard output, as JSON lines.

    VENUE is the exchange, for example binance-spot. Each event is one line of JSON, as the exchange sent it, flushed at
    once. Where events may be missing, there is a line that says so:

    \b
      {"gap": {"cause": "disconnected", "unix_started_at": 1795459200.5,
               "unix_ended_at": 1795459203.1, "duration": 2.6,
               "last_event_time": 1795459199870, "missed": null,
               "generation_before": 1, "generation_after": 1}}

    \b
    It is printed as a single line. The cause is one of
      opened        the stream is open: earlier events are not known
      disconnected  the socket was closed
      unresponsive  a ping was not answered
      key_lost      the listen key expired, or another program closed it
      overflow      the reader of the lines is too slow; "missed" counts them
    Query the exchange's REST API for what happened in between. A message that is
    not JSON is printed as {"unreadable": {"base64": "..."}}.

    Progress is reported on standard error: in lines, and on a terminal in a panel. The command runs until Ctrl-C,
    SIGTERM, or until the reader closes its output.

    ON MOST EXCHANGES AN ACCOUNT HAS ONE LISTEN KEY, AND CLOSING IT SILENCES EVERY PROGRAM THAT HOLDS IT. So the key is
    closed at the end only if the exchange confirmed that there was none before. --close and --leave override this.
    binance-spot and binance-margin have no listen keys, so nothing is closed there.

    With --config there can be several accounts. Each line then names its account: {"account": "main", "event": {...}}.

    \b
    Examples:
      trio-listenkey watch binance-spot
      trio-listenkey watch binance-usdm --exec ./fetch-orders
      trio-listenkey watch --config ~/.config/accounts.toml --no-panel
      trio-listenkey watch binance-usdm --credentials ~/.config/binance.toml |
          jq -c 'select(.e == "ORDER_TRADE_UPDATE") | .o'
      trio-listenkey watch binance-usdm | head -2
      BINANCE_API_KEY=test-api-key trio-listenkey watch binance-usdm \\
          --rest-url http://127.0.0.1:8180 --stream-url ws://127.0.0.1:8180
    """  # noqa: D301 - Click reads the escapes
    try:
        keeping = replace(keeping, timing=replace(keeping.timing, silence_check_every=check_every))
    except UsageError as error:
        raise click.UsageError(f"{error.problem}.") from None
    hook = None if command is None else GapCommand(command, current_process().stderr, keeping.status.note)
    watcher = _Watcher(keeping, Board(*(account.name for account in accounts)), hook, name_lines=len(accounts) > 1)
    beside = () if hook is None else (hook.run,)
    supervise(partial(keep_all, accounts, keeping, watcher.watch), keeping.status, writes=True, beside=beside)


class _Watcher:
    """Watches accounts: writes their lines, and tells of them on the board, in the metrics and to the hook."""

    def __init__(self, keeping: Keeping, board: Board, hook: GapCommand | None, *, name_lines: bool) -> None:
        self._keeping, self._board, self._hook = keeping, board, hook
        self._name_lines = name_lines
        keeping.status.picture = board

    async def watch(self, account: Account[AnyVenue]) -> NoReturn:
        """Watch one account, until it is refused."""
        assert account.credentials is not None  # the options have seen to it
        prior = await find_out(account, self._keeping.closing, self._keeping.timing)
        narrator = Narrator(partial(self._keeping.status.note, account=account.name), account.venue, prior)
        async with open_user_stream(
            account.venue,
            account.credentials,
            timing=self._keeping.timing,
            on_exit=prior.on_exit,
            sharing=self._keeping.sharing,
            instrument=narrator,
            name=account.name,
        ) as stream:
            venue = account.venue
            if isinstance(venue, Venue) and self._keeping.closing == "careful":
                narrator.on_foreign_key = stream.key._leave_open  # noqa: SLF001 - nobody else is to need it
            pace = KeepaliveSchedule.of(venue, self._keeping.timing) if isinstance(venue, Venue) else None
            panel = StreamPanel(account.name, stream, pace, narrator)
            with self._board.shown(account.name, panel):
                await self._pass_on(account, stream, panel)

    async def _pass_on(self, account: Account[AnyVenue], stream: UserStream, panel: StreamPanel) -> NoReturn:
        gauges = self._keeping.metrics.account(account.name)
        gauges.stream = stream
        key = stream.key if isinstance(account.venue, Venue) else None
        name = account.name if self._name_lines else None
        while True:
            batch = await stream.receive_batch()
            lines = [line_of(item, key and key.value, name) for item in batch]
            for item, line in zip(batch, lines, strict=True):
                panel.saw(item)
                if isinstance(item, Gap):
                    gauges.saw(item)
                    if self._hook is not None:
                        self._hook.tell(account, item, line)
            await self._keeping.status.write(lines)


def line_of(item: UserEvent | Gap, key: str | None, account: str | None = None) -> bytes:
    """``item`` as a line of JSON, without its end and without the listen key; with the ``account``, if there is one."""
    whose = {} if account is None else {"account": account}
    if isinstance(item, Gap):
        return _TO_JSON({**whose, "gap": _gap(item)})
    if not _is_json(item):
        # msgspec makes base64 of bytes.
        return _TO_JSON({**whose, "unreadable": {"base64": _hide(item.raw, key)}})
    line = _NAMED_KEY.sub(rb"\1" + _HIDDEN, item.payload)
    # JSON has line breaks between its tokens only.
    line = _hide(line, key).translate(_SPACES)
    return line if account is None else b'{"account":%b,"event":%b}' % (_TO_JSON(account), line)


def _hide(text: bytes, key: str | None) -> bytes:
    return text if key is None else text.replace(key.encode(), _HIDDEN)


def _is_json(event: UserEvent) -> bool:
    try:
        _ = event.data
    except ValueError:
        return False
    return True


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "cause": gap.cause,
        "unix_started_at": round(gap.unix_started_at, 3),
        "unix_ended_at": round(gap.unix_ended_at, 3),
        "duration": round(gap.duration, 3),
        "last_event_time": gap.last_event_time,
        "missed": gap.missed,
        "generation_before": gap.generation_before,
        "generation_after": gap.generation_after,
    }
