"""The options that the commands share which keep a key for as long as they run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from .._core._key_lifecycle import KeepaliveSchedule
from .._errors import UsageError
from .._settings import Timing
from .._venue._venue import Venue
from ._account import Account, AnyVenue
from ._status import open_status

__all__ = ["SECONDS", "keeping_options"]

SECONDS: Final = click.FloatRange(min=0, min_open=True)


def keeping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` the options, and hand it a `Timing`, ``on_exit`` and a `Status` in their place."""

    @wraps(command)
    def call(
        *,
        account: Account[AnyVenue],
        leave: bool,
        timeout: float,
        validity: float | None,
        keepalive_every: float | None,
        quiet: bool,
        plain: bool,
        **others: Any,
    ) -> Any:
        try:
            timing = Timing(open_timeout=timeout, validity=validity, keepalive_every=keepalive_every)
            if isinstance(account.venue, Venue):
                KeepaliveSchedule.of(account.venue, timing)
        except UsageError as error:
            raise click.UsageError(error.problem + ".") from None
        return command(
            account=account,
            timing=timing,
            on_exit="leave" if leave else "close",
            status=open_status(plain=plain, quiet=quiet),
            **others,
        )

    for add in reversed(_OPTIONS):
        call = add(call)
    return call


_OPTIONS: Final[tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...]] = (
    click.option(
        "--leave",
        is_flag=True,
        help="Do not close the listen key at the end: it expires by itself, within the hour. Closing it would silence "
        "every other program on the account, for they all hold the same key.",
    ),
    click.option(
        "--timeout",
        type=SECONDS,
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to try at the start. Later, it tries for as long as it runs.",
    ),
    click.option(
        "--keepalive-every",
        type=SECONDS,
        metavar="SECONDS",
        help="Keep the key alive that often; by default, when half of its life is over. Each time it is noticed "
        "whether somebody has closed the key.",
    ),
    click.option(
        "--validity",
        type=SECONDS,
        metavar="SECONDS",
        help="How long a key lives, for an exchange that is faster than the real one.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Tell of nothing but trouble."),
    click.option("--plain", is_flag=True, help="Tell in lines, although this is a terminal."),
)
