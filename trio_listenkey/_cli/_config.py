"""Several accounts in one file.

::

    [accounts.main]
    venue = "binance-usdm"
    api_key = "..."

    [accounts.hedge]
    venue = "bitrue"
    env_prefix = "HEDGE"

The credentials stand in the file, or in the environment. No message quotes the file, for it has secrets in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from .._errors import UsageError
from .._settings import Credentials
from ._account import Account, moved
from ._credentials import read_private
from ._venue_name import VenueName, prefix_of

__all__ = ["read_config"]

_TEXTS: Final = ("venue", "api_key", "api_secret", "env_prefix", "rest_url", "stream_url")
_SWITCHES: Final = ("allow_plaintext",)


def read_config(path: Path, names: VenueName) -> tuple[Account[Any], ...]:
    """The accounts that are described in a file.

    Args:
        path: The file.
        names: Which exchanges will do.

    Raises:
        click.UsageError: It cannot be read, others can read it, or something in it is wrong.
    """
    try:
        content = tomllib.loads(read_private(path))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at .*\)", str(error))
        raise click.UsageError(f"{path} is not TOML {place[0] if place else ''}".rstrip() + ".") from None
    accounts = content.get("accounts")
    if not isinstance(accounts, dict) or not accounts or len(content) > 1:
        raise click.UsageError(f"{path} has to consist of tables [accounts.NAME], and of nothing else.")
    return tuple(_account(name, table, f"{path}: account {name!r}", names) for name, table in accounts.items())


def _account(name: str, table: Any, where: str, names: VenueName) -> Account[Any]:
    if not isinstance(table, Mapping):
        raise click.UsageError(f"{where} is no table.")
    for key, value in table.items():
        if key not in {*_TEXTS, *_SWITCHES}:
            raise click.UsageError(f"{where} has {key!r}. Known are: {', '.join((*_TEXTS, *_SWITCHES))}.")
        if not isinstance(value, str if key in _TEXTS else bool):
            raise click.UsageError(f"{where}: {key} has to be {'a text' if key in _TEXTS else 'true or false'}.")
    if "venue" not in table:
        raise click.UsageError(f"{where} has no venue.")
    try:
        venue = names.convert(table["venue"], None, None)
        prefix = table.get("env_prefix") or prefix_of(venue.name)
        moved_venue = moved(
            venue,
            table.get("rest_url"),
            table.get("stream_url"),
            allow_plaintext=table.get("allow_plaintext", False),
        )
        return Account(name, moved_venue, _credentials(table, prefix), prefix)
    except click.UsageError as error:
        raise click.UsageError(f"{where}: {error.message}") from None
    except UsageError as error:
        raise click.UsageError(f"{where}: {error}") from None


def _credentials(table: Mapping[str, Any], prefix: str) -> Credentials:
    if "api_key" not in table:
        return Credentials.from_env(prefix)
    return Credentials(table["api_key"], table.get("api_secret"))
