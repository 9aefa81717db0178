"""Checks of what users pass, made before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Final

from ._errors import UsageError

__all__ = ["check_choice", "check_name", "check_port", "check_seconds", "check_since", "check_type"]

# What times since 1970 are today, in milliseconds: from 2001 to 5138. In seconds they are less, in microseconds more.
_MILLISECONDS: Final = range(10**12, 10**14)
_LONGEST_NAME: Final = 64


def check_type(name: str, value: object, wanted: type | UnionType, example: str) -> None:
    """``value`` has to be a ``wanted``; ``example`` says what to pass."""
    if not isinstance(value, wanted):
        # Not the value: a string in the place of credentials is likely to be one.
        raise UsageError(f"{name} is of type {type(value).__name__}", advice=f"Pass {example}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """``value`` has to be one of ``choices``."""
    if value not in choices:
        raise UsageError(f"{name} is {value!r}", advice=f"Pass one of {', '.join(map(repr, choices))}")


def check_port(name: str, value: object, method: str, example: str) -> None:
    """``value`` has to be ``None`` or something that has ``method``: anyone may write one."""
    if value is not None and not hasattr(value, method):
        raise UsageError(f"{name} is of type {type(value).__name__}", advice=f"Pass {example}")


def check_name(name: object, venue: str, secrets: Iterable[str | None]) -> str:
    """``name`` as what an account is called; ``None`` takes the venue's.

    It gets into logs and metrics: so it is short, and has no line break, no command for a terminal and no secret in it.
    """
    if name is None:
        return venue
    check_type("name", name, str, "a string: what the account is to be called")
    assert isinstance(name, str)
    if any(secret and secret in name for secret in secrets):
        raise UsageError("name contains a secret, and names appear in logs", advice="Choose another name")
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"name is empty, is longer than {_LONGEST_NAME} characters, or has some that cannot be printed",
            advice="Pass a short name in one line",
        )
    return name


def check_seconds(name: str, value: object, *, most: float) -> None:
    """``value`` has to be a number of seconds, from 0 to ``most``."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        told = f"{value:g}" if isinstance(value, float) else f"of type {type(value).__name__}, or out of bounds"
        raise UsageError(f"{name} is {told}", advice=f"Pass seconds, from 0 to {most:g}")


def check_since(value: object) -> None:
    """``value`` has to be ``None`` or a time in milliseconds since 1970: with another unit the gap would be wrong."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value in _MILLISECONDS):
        return
    told = f"{value:g}" if isinstance(value, int | float) and abs(value) < 10**20 else f"of type {type(value).__name__}"
    raise UsageError(
        f"since is {told}", advice="Pass UserStream.last_event_time, which is in whole milliseconds since 1970, or None"
    )
