"""Checks of what users pass, made before anything is sent."""

from __future__ import annotations

from types import UnionType

from ._errors import UsageError

__all__ = ["check_choice", "check_port", "check_type"]


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
