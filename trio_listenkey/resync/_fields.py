"""Fields of an exchange's JSON, as what they should be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["decimal", "milliseconds", "quotient", "text", "whole"]

# As milliseconds that is the year 5138; as microseconds, 1973.
_LEAST_MICROSECONDS = 10**14
_LARGEST = 10**20
_LONGEST = 40  # characters of a number


def text(value: Any) -> str:
    """A text.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - one kind of error for all that does not fit
    return value


def whole(value: Any) -> int:
    """A whole number.

    Raises:
        ValueError: It is none, or far beyond any number of an exchange.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LARGEST:
        raise ValueError("no whole number")
    return value


def milliseconds(value: Any) -> int:
    """A time in milliseconds since 1970, though it was told in microseconds, which streams can be asked for.

    Raises:
        ValueError: It is none.
    """
    time = whole(value)
    return time // 1000 if time >= _LEAST_MICROSECONDS else time


def decimal(value: Any) -> Decimal:
    """A quantity or price, which exchanges send as texts.

    Raises:
        ArithmeticError: It is none.
        ValueError: It is no text, or no finite number.
    """
    number = Decimal(text(value)) if len(text(value)) <= _LONGEST else Decimal("NaN")
    if not number.is_finite():
        raise ValueError("no finite number")
    return number


def quotient(value: Decimal, by: Decimal) -> Decimal:
    """One by the other; zero for nothing."""
    return value / by if by else Decimal(0)
