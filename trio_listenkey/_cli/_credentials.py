"""Credentials from a file. Never from the argument list: every user of the machine can read that."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Final

import click

from .._errors import UsageError
from .._settings import Credentials

__all__ = ["read_credentials", "read_private"]

_HAS_MODES: Final = os.name == "posix"
_LONGEST: Final = 64 * 1024  # bytes; it is not a file of credentials if there are more
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

# export NAME='value'   # a comment after a space
_LINE: Final = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'#]*))"""
    r"""\s*(?:(?<=\s)\#.*)?""",
    re.ASCII | re.VERBOSE,
)


def read_credentials(path: Path, prefix: str) -> Credentials:
    """Read ``api_key`` and ``api_secret``, or ``<prefix>_API_KEY`` and ``<prefix>_API_SECRET``, from TOML or KEY=VALUE.

    Raises:
        click.ClickException: The file cannot be read, others can, or it has no API key. No message quotes it.
    """
    found = _parse(read_private(path), path)
    values = {
        name: next((found[each] for each in (f"{prefix}_{name}".upper(), name.upper()) if each in found), None)
        for name in ("api_key", "api_secret")
    }
    if values["api_key"] is None:
        raise click.UsageError(f'{path} has no api_key. Write api_key = "...", or {prefix}_API_KEY=..., on a line.')
    try:
        return Credentials(values["api_key"], values["api_secret"])
    except UsageError as error:
        raise click.UsageError(f"{path}: {error}") from None


def read_private(path: Path) -> str:
    """Read a file that has credentials in it.

    Raises:
        click.UsageError: It cannot be read, or others can read it.
    """
    try:
        with path.open("rb") as file:
            # Of the file that is open, not of whatever has the name a moment later.
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if _HAS_MODES and mode & _OTHERS:
                raise click.UsageError(
                    f"{path} has an account's API key in it, and other users may open it (mode {mode:o}). "
                    f"Run: chmod 600 {path}"
                )
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}.") from None
    if len(content) > _LONGEST:
        raise click.UsageError(f"{path} has more than {_LONGEST} bytes: it is no file of credentials.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not a text in UTF-8.") from None


def _parse(text: str, path: Path) -> dict[str, str]:
    """What is defined in it, by names in capitals."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return _parse_lines(text, path)
    return {name.upper(): value for name, value in table.items() if isinstance(value, str)}


def _parse_lines(text: str, path: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise click.UsageError(f"{path}, line {number}: this is neither TOML nor KEY=VALUE.")
        found[match["name"].upper()] = match["double"] or match["single"] or match["bare"] or ""
    return found
