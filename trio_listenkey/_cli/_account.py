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
from .._errors import UsageError
from .._protocol._signing import check_credentials, check_session
from .._settings import Credentials
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue
from ._credentials import read_credentials

__all__ = ["Account", "AnyVenue", "account_options"]

_LONGEST_NAME: Final = 40  # characters; what is longer is likely to be a key that went to the wrong place


AnyVenue = Venue | SignedVenue
_V = TypeVar("_V", bound=AnyVenue)


@dataclass(frozen=True, slots=True)
class Account(Generic[_V]):
    """Whom to speak to, and as whom.

    Attributes:
        venue: The exchange.
        credentials: The account's.
        prefix: Of the environment variables in which these are looked for.
    """

    venue: _V
    credentials: Credentials
    prefix: str

    @property
    def lack(self) -> UsageError | None:
        """Why nothing can be asked for with these credentials; ``None`` if that can be tried."""
        venue: AnyVenue = self.venue
        try:
            if isinstance(venue, SignedVenue):
                check_session(venue, self.credentials)
            else:
                check_credentials(venue, self.credentials)
        except UsageError as error:
            if isinstance(venue, Venue) and venue.signing is not None and venue.signing.by == "signer":
                advice = "The command line has none: use the library there"
            else:
                advice = f"Export {self.prefix}_API_SECRET, or put api_secret into the file that --credentials names"
            return UsageError(error.problem, advice=advice, venue=venue.name)
        return None


class _VenueName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """The name of a venue, as ``trio_listenkey.venues`` has it."""

    name = "venue"

    def __init__(self, *, keys_alone: bool) -> None:
        self._keys_alone = keys_alone

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyVenue:
        """See Click."""
        wanted = str(value).lower().replace("_", "-")
        every: tuple[AnyVenue, ...] = (*venues.known(), *venues.sessions())
        found = {venue.name: venue for venue in every}
        names = sorted(name for name, venue in found.items() if not self._keys_alone or _has_urls(venue))
        if wanted in names:
            return found[wanted]
        if wanted in found:
            what = "no listen keys" if isinstance(found[wanted], SignedVenue) else "tokens in place of listen keys"
            return self.fail(
                f"{wanted} has {what}: its events are asked for on the socket itself. So there is nothing to hold for "
                f"another program, and no URL that one could open. To see the events: trio-listenkey watch {wanted}",
                param,
                ctx,
            )
        quoted = repr(value) if len(wanted) <= _LONGEST_NAME else "that"
        # "spot" is what comes last in some names; they come before those that are merely alike.
        near = [name for name in names if name.endswith(f"-{wanted}")] or difflib.get_close_matches(wanted, names, n=1)
        question = f" Did you mean {' or '.join(near)}?" if near else ""
        return self.fail(f"no venue is named {quoted}.{question} Known are: {', '.join(names)}", param, ctx)


def _has_urls(venue: AnyVenue) -> bool:
    """Whether there are keys that can be given to another program, in a URL."""
    return isinstance(venue, Venue) and not venue.stream.says_key


def account_options(
    *, keys_alone: bool = False, may_lack: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the argument and the options, and hand it an `Account` in their place.

    Args:
        keys_alone: Whether only exchanges will do that have listen keys.
        may_lack: Whether it is the command that tells what the credentials lack.
    """
    return partial(_with_options, keys_alone, may_lack)


def _with_options(keys_alone: bool, may_lack: bool, command: Callable[..., Any]) -> Callable[..., Any]:

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
        account = Account(moved, _credentials(env_prefix, credentials_file), env_prefix)
        if account.lack is not None and not may_lack:
            raise click.UsageError(str(account.lack))
        return command(account=account, **others)

    for add in reversed(_OPTIONS):
        call = add(call)
    return click.argument("venue", type=_VenueName(keys_alone=keys_alone))(call)


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
    if rest_url is None and isinstance(venue, SignedVenue):
        rest_url = stream_url  # it has but one address
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
