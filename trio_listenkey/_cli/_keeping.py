"""What the commands have in common that keep keys for as long as they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, NoReturn

import click
import trio

from .._core._key_lifecycle import KeepaliveSchedule
from .._errors import ListenKeyError, UsageError
from .._settings import Timing
from .._venue._venue import Venue
from ..sharing import SharedKey
from ._account import Account
from ._exit_codes import Exit, exit_for
from ._lines import for_programs
from ._members import closed_at_end, open_register, share_option
from ._metrics import Metrics, check_metrics
from ._prior_key import Closing
from ._status import Status, open_status

__all__ = ["SECONDS", "Keeping", "closing_options", "keep_all", "keeping_options"]

SECONDS: Final = click.FloatRange(min=0, min_open=True)
_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How keys are kept.

    Attributes:
        timing: Every duration.
        closing: What becomes of the keys at the end.
        status: Where to tell how it goes.
        metrics: What Prometheus is told, and where.
        sharing: With whom the keys are shared.
    """

    timing: Timing
    closing: Closing
    status: Status
    metrics: Metrics
    sharing: SharedKey | None = None


async def keep_all(
    accounts: tuple[Account[Any], ...], keeping: Keeping, keep: Callable[[Account[Any]], Awaitable[NoReturn]]
) -> int:
    """Do ``keep`` for each account; the exit status.

    The end of one of several does not end the others: it is told at once, and when all have ended, the status is that
    of the first one.

    Raises:
        ListenKeyError: There is one account, and it came to that.
        OSError: Standard output cannot be written to.
    """
    async with keeping.metrics.served(), closed_at_end(keeping.sharing):
        if len(accounts) == 1:
            await keep(accounts[0])
        ends: list[Exit] = []
        broken: list[OSError] = []
        async with trio.open_nursery() as nursery:

            async def keep_one(account: Account[Any]) -> None:
                try:
                    await keep(account)
                except ListenKeyError as error:
                    ends.append(exit_for(error))
                    keeping.status.note("ended", str(error), "fatal", account.name)
                except OSError as error:
                    broken.append(error)
                    nursery.cancel_scope.cancel("standard output cannot be written to")

            for account in accounts:
                nursery.start_soon(keep_one, account)
        if broken:
            raise broken[0]
        return ends[0]


def closing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` the options that say what becomes of the key, as ``closing``."""
    leave = click.option(
        "--leave",
        "closing",
        flag_value="leave",
        help="Leave the key open in any case; it expires by itself, within the hour.",
    )
    close = click.option(
        "--close",
        "closing",
        flag_value="close",
        help="Close the key in any case. This silences every program that holds it.",
    )
    return leave(close(command))


def keeping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` the options, and hand it a `Keeping` in their place."""

    @wraps(command)
    def call(
        *,
        accounts: tuple[Account[Any], ...],
        closing: Closing | None,
        timeout: float,
        validity: float | None,
        keepalive_every: float | None,
        quiet: bool,
        panel: bool | None,
        log_json: bool,
        metrics_port: int | None,
        metrics_host: str,
        share: str | None,
        **others: Any,
    ) -> Any:
        check_metrics(metrics_port)
        try:
            timing = Timing(open_timeout=timeout, validity=validity, keepalive_every=keepalive_every)
            for account in accounts:
                if isinstance(account.venue, Venue):
                    KeepaliveSchedule.of(account.venue, timing)
        except UsageError as error:
            raise click.UsageError(error.problem + ".") from None
        status = open_status(
            panel=panel, quiet=quiet, form=for_programs if log_json else None, name_accounts=len(accounts) > 1
        )
        # Among those who share, the last one closes the key: that is for the register to say.
        closing = closing or ("careful" if share is None else "close")
        sharing = None if share is None else SharedKey(open_register(share))
        keeping = Keeping(timing, closing, status, Metrics(metrics_host, metrics_port), sharing)
        return command(accounts=accounts, keeping=keeping, **others)

    decorated: Callable[..., Any] = call
    for add in reversed(_OPTIONS):
        decorated = add(decorated)
    return closing_options(share_option(decorated))


_OPTIONS: Final[tuple[_Decorator, ...]] = (
    click.option(
        "--timeout",
        type=SECONDS,
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to try when starting. After that, it retries for as long as it runs.",
    ),
    click.option(
        "--keepalive-every",
        type=SECONDS,
        metavar="SECONDS",
        help="Seconds between keepalives; by default, half of the key's life. Each keepalive also detects a key that "
        "another program has closed.",
    ),
    click.option(
        "--validity",
        type=SECONDS,
        metavar="SECONDS",
        help="Seconds until a key expires, for a test exchange with short-lived keys.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print only warnings and errors."),
    click.option(
        "--panel/--no-panel",
        " /--plain",
        default=None,
        help="Draw a panel on standard error, if that is a terminal. By default only if standard output is one, too: "
        "the reader of a pipe often writes to the same terminal.",
    ),
    click.option("--log-json", is_flag=True, help="Log as lines of JSON: time, level, account, event, message."),
    click.option(
        "--metrics-port",
        type=click.IntRange(1, 65535),
        metavar="PORT",
        help="Serve Prometheus metrics at this port, under /metrics. It needs the extra 'metrics'.",
    ),
    click.option(
        "--metrics-host",
        default="127.0.0.1",
        show_default=True,
        metavar="ADDRESS",
        help="The address to serve metrics at; 0.0.0.0 allows other machines.",
    ),
)
