"""The options that all commands share which speak to an account: which exchange, where, and by whose credentials."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import click

from .. import venues
from .._core._session_venue import SessionVenue
from .._core._venue import Venue
from .._errors import UsageError
from .._values import Credentials
from ._credentials import read_credentials

__all__ = ["Account", "AnyVenue", "account_options"]

_LONGEST_NAME: Final = 40  # characters; what is longer is likely to be a key that went to the wrong place


AnyVenue = Venue | SessionVenue
_V = TypeVar("_V", bound=AnyVenue)


@dataclass(frozen=True, slots=True)
class Account(Generic[_V]):
    """Whom to speak to, and as whom."""

    venue: _V
    credentials: Credentials


class _VenueName(click.ParamType[AnyVenue]):
    """The name of a venue, as ``trio_listenkey.venues`` has it."""

    name = "venue"

    def __init__(self, *, sessions: bool) -> None:
        self._sessions = sessions

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyVenue:
        """See Click."""
        keyless = [venue.name for venue in venues.sessions()]
        names = sorted([venue.name for venue in venues.known()] + (keyless if self._sessions else []))
        wanted = str(value).lower().replace("_", "-")
        if wanted in names:
            return venues.by_name(wanted)
        if wanted in keyless:
            return self.fail(
                f"{wanted} has no listen keys any more. Its events come by sessions: see watch", param, ctx
            )
        quoted = repr(value) if len(wanted) <= _LONGEST_NAME else "that"
        near = difflib.get_close_matches(wanted, names, n=1)
        question = f" Did you mean {near[0]}?" if near else ""
        return self.fail(f"no venue is named {quoted}.{question} Known are: {', '.join(names)}", param, ctx)


def account_options(*, sessions: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the argument and the options, and hand it an `Account` in their place.

    Args:
        sessions: Whether exchanges will do that have no listen keys.
    """
    return partial(_with_options, sessions)


def _with_options(sessions: bool, command: Callable[..., Any]) -> Callable[..., Any]:

    @wraps(command)
    def call(
        *,
        venue: AnyVenue,
        rest_url: str | None,
        stream_url: str | None,
        allow_plaintext: bool,
        env_prefix: str,
        credentials_file: Path | None,
        **others: Any,
    ) -> Any:
        moved = _move(venue, rest_url, stream_url, allow_plaintext=allow_plaintext)
        return command(account=Account(moved, _credentials(env_prefix, credentials_file)), **others)

    for add in reversed(_OPTIONS):
        call = add(call)
    return click.argument("venue", type=_VenueName(sessions=sessions))(call)


_OPTIONS: Final[tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...]] = (
    click.option(
        "--credentials",
        "credentials_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help='Read the credentials from this file instead: TOML (api_key = "...") or KEY=VALUE lines. Nobody but you '
        "may be able to open it.",
    ),
    click.option(
        "--env-prefix",
        default="BINANCE",
        show_default=True,
        metavar="PREFIX",
        help="Read the credentials from the environment variables PREFIX_API_KEY and PREFIX_API_SECRET.",
    ),
    click.option(
        "--rest-url",
        metavar="URL",
        help="Send the requests there: a testnet, or an exchange on this machine. Goes with --stream-url.",
    ),
    click.option("--stream-url", metavar="URL", help="Open the socket there."),
    click.option(
        "--allow-plaintext",
        is_flag=True,
        help="Let http and ws leave this machine, readable by everyone on the way, credentials included.",
    ),
)


def _move(venue: AnyVenue, rest_url: str | None, stream_url: str | None, *, allow_plaintext: bool) -> AnyVenue:
    if rest_url is None and stream_url is None:
        if allow_plaintext:
            raise click.UsageError("--allow-plaintext is for the addresses of --rest-url and --stream-url.")
        return venue
    if rest_url is None or stream_url is None:
        # One of them alone would take a testnet's key to the real exchange, or the other way round.
        raise click.UsageError("--rest-url and --stream-url go together.")
    try:
        return venue.at(rest_url, stream_url, allow_plaintext=allow_plaintext)
    except UsageError as error:
        raise click.UsageError(str(error).replace("allow_plaintext=True", "--allow-plaintext")) from None


def _credentials(prefix: str, file: Path | None) -> Credentials:
    if file is not None:
        return read_credentials(file, prefix)
    try:
        return Credentials.from_env(prefix)
    except UsageError as error:
        raise click.UsageError(f"{error} Or put them into a file, and name it with --credentials.") from None
