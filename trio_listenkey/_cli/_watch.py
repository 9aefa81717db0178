"""``trio-listenkey watch``: an account's events as JSON lines."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any, Final, NoReturn

import click
import msgspec

from .._core._key_lifecycle import KeepaliveSchedule, OnExit
from .._errors import UsageError
from .._events import Gap, UserEvent
from .._settings import Timing
from .._shell._open_stream import open_user_stream
from .._venue._venue import Venue
from ._account import Account, AnyVenue, account_options
from ._exit_codes import EXIT_HELP
from ._keeping import SECONDS, keeping_options
from ._narration import Narrator
from ._panel import StreamPanel
from ._status import Status
from ._supervision import supervise

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
    help="After so long without an event ask the exchange whether the key is alive. It is how soon it is noticed that "
    "somebody has closed the key, and costs a request each time.",
)
@account_options()
@keeping_options
def watch(*, account: Account[AnyVenue], timing: Timing, on_exit: OnExit, status: Status, check_every: float) -> None:
    """Stream an account's events to standard output, as JSON lines.

    VENUE is the exchange, for example binance-spot. Each event is a line: its own JSON, as the exchange sent it,
    flushed at once. Where events may be missing there is a line of another kind in their place:

    \b
      {"gap": {"cause": "disconnected", "unix_started_at": 1795459200.5,
               "unix_ended_at": 1795459203.1, "duration": 2.6,
               "last_event_time": 1795459199870, "missed": null,
               "generation_before": 1, "generation_after": 1}}

    \b
    That is one line. The cause is one of
      opened        the stream begins: this is the first line
      disconnected  the socket ended
      unresponsive  a ping was not answered
      key_lost      the listen key died, or somebody closed it
      overflow      whoever reads the lines is too slow; "missed" counts them
    What happened in between, the exchange's REST API can tell. A message that is
    no JSON is told as {"unreadable": {"base64": "..."}}.

    How it goes is told on standard error: in lines, or on a terminal by a panel. It runs until Ctrl-C, SIGTERM, or
    until nobody reads its output any more. Then it closes the listen key. ON MOST EXCHANGES AN ACCOUNT HAS ONE KEY,
    AND CLOSING IT SILENCES EVERY PROGRAM THAT HOLDS IT. If a bot runs on this account, say --leave. binance-spot and
    binance-margin have no listen keys: nothing is closed there, and what is said of keys does not matter.

    \b
    Examples:
      trio-listenkey watch binance-spot
      trio-listenkey watch binance-usdm --leave
      trio-listenkey watch binance-usdm --credentials ~/.config/binance.toml |
          jq -c 'select(.e == "ORDER_TRADE_UPDATE") | .o'
      trio-listenkey watch binance-usdm | head -2
      BINANCE_API_KEY=test-api-key trio-listenkey watch binance-usdm \\
          --rest-url http://127.0.0.1:8180 --stream-url ws://127.0.0.1:8180
    """  # noqa: D301 - Click reads the escapes
    try:
        timing = replace(timing, silence_check_every=check_every)
    except UsageError as error:
        raise click.UsageError(f"{error.problem}.") from None
    supervise(partial(_watch, account, timing, on_exit, status), status, writes=True)


async def _watch(account: Account[AnyVenue], timing: Timing, on_exit: OnExit, status: Status) -> NoReturn:
    async with open_user_stream(
        account.venue,
        account.credentials,
        timing=timing,
        on_exit=on_exit,
        instrument=Narrator(status.note, account.venue, leaves=on_exit == "leave"),
    ) as stream:
        key, pace = (
            (stream.key, KeepaliveSchedule.of(account.venue, timing))
            if isinstance(account.venue, Venue)
            else (None, None)
        )
        panel = StreamPanel(stream, key, pace)
        status.picture = panel
        while True:
            batch = await stream.receive_batch()
            for item in batch:
                panel.saw(item)
            await status.write([line_of(item, key and key.value) for item in batch])


def line_of(item: UserEvent | Gap, key: str | None) -> bytes:
    """``item`` as a line of JSON, without its end and without the listen key."""
    if isinstance(item, Gap):
        return _TO_JSON({"gap": _gap(item)})
    if not _is_json(item):
        # msgspec makes base64 of bytes.
        return _TO_JSON({"unreadable": {"base64": _hide(item.raw, key)}})
    line = _NAMED_KEY.sub(rb"\1" + _HIDDEN, item.payload)
    # JSON has line breaks between its tokens only.
    return _hide(line, key).translate(_SPACES)


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
