"""The options that all commands share which speak to accounts: which exchange, where, and by whose credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final

import click

from .._errors import UsageError
from .._settings import Credentials
from ._account import Account, moved
from ._config import read_config
from ._credentials import read_credentials
from ._venue_name import AnyVenue, VenueName, prefix_of

__all__ = ["account_options", "accounts_options"]

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def account_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument and the options, and hand it an `Account` in their place, perhaps with a lack."""

    @wraps(command)
    def call(**given: Any) -> Any:
        account = _take_account(given, may_lack=True)
        return command(account=account, **given)

    return _with(call, click.argument("venue", type=VenueName()))


def accounts_options(*, keys_alone: bool = False) -> _Decorator:
    """Give a command the argument and the options, and hand it one or several `Account` in their place: all complete.

    Args:
        keys_alone: Whether only exchanges will do that have listen keys.
    """
    return partial(_with_accounts, VenueName(keys_alone=keys_alone))


def _with_accounts(names: VenueName, command: Callable[..., Any]) -> Callable[..., Any]:

    @wraps(command)
    def call(config: Path | None, **given: Any) -> Any:
        if config is None and given["venue"] is None:
            raise click.UsageError("Missing argument 'VENUE', or --config with a file that names accounts.")
        accounts: tuple[Account[Any], ...]
        if config is None:
            accounts, where = (_take_account(given, may_lack=False),), ""
        else:
            accounts, where = read_config(_alone(config, given), names), f"{config}: "
        for account in accounts:
            if account.lack is not None:
                raise click.UsageError(f"{where}{account.lack}")
        return command(accounts=accounts, **given)

    return _with(call, click.argument("venue", type=names, required=False), _CONFIG)


def _with(call: Callable[..., Any], *more: _Decorator) -> Callable[..., Any]:
    for add in reversed((*more, *_OPTIONS)):
        call = add(call)
    return call


def _alone(config: Path, given: dict[str, Any]) -> Path:
    """``config``, if nothing was said that belongs into it."""
    said = [name for name in ("venue", *_PARAMETERS) if given.pop(name)]
    if said:
        raise click.UsageError(f"--config describes the accounts; it cannot be combined with {', '.join(said)}.")
    return config


def _take_account(given: dict[str, Any], *, may_lack: bool) -> Account[Any]:
    """The account that is described by ``given``, out of which that is taken."""
    venue: AnyVenue = given.pop("venue")
    name, rest_url, stream_url, allow_plaintext, env_prefix, file = (given.pop(each) for each in _PARAMETERS)
    prefix = env_prefix or prefix_of(venue.name)
    return Account(
        name or venue.name,
        moved(venue, rest_url, stream_url, allow_plaintext=allow_plaintext),
        _credentials(prefix, file, may_lack=may_lack),
        prefix,
    )


_PARAMETERS: Final = ("name", "rest_url", "stream_url", "allow_plaintext", "env_prefix", "credentials_file")
_CONFIG: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of VENUE: a TOML file that describes one or several accounts. Only you may have access to it.",
)


_OPTIONS: Final[tuple[_Decorator, ...]] = (
    click.option(
        "--credentials",
        "credentials_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help='Read the credentials from this file instead: TOML (api_key = "...") or KEY=VALUE lines. Only you may '
        "have access to it.",
    ),
    click.option(
        "--env-prefix",
        metavar="PREFIX",
        help="Read the credentials from the environment variables PREFIX_API_KEY and PREFIX_API_SECRET. By default, "
        "PREFIX is the exchange: BINANCE for binance-usdm, MEXC for mexc.",
    ),
    click.option("--name", metavar="NAME", help="The account's name in logs and events. By default, the venue's name."),
    click.option(
        "--rest-url",
        metavar="URL",
        help="The REST address: a testnet, or an exchange on this machine. Requires --stream-url.",
    ),
    click.option("--stream-url", metavar="URL", help="The WebSocket address. Requires --rest-url."),
    click.option(
        "--allow-plaintext",
        is_flag=True,
        help="Allow http and ws to other machines: anyone on the network path can read the credentials.",
    ),
)


def _credentials(prefix: str, file: Path | None, *, may_lack: bool) -> Credentials | None:
    if file is not None:
        return read_credentials(file, prefix)
    if may_lack and f"{prefix}_API_KEY" not in os.environ:
        return None
    try:
        return Credentials.from_env(prefix)
    except UsageError as error:
        raise click.UsageError(f"{error} Or put them into a file, and pass it with --credentials.") from None
