"""What is asked of the exchange after a gap."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AskHoldings", "AskOpenOrders", "AskOrder", "AskPastOrders", "Question"]


@dataclass(frozen=True, slots=True)
class AskOpenOrders:
    """Which orders are open? The answer is a sequence of :class:`Order`.

    Attributes:
        symbol: In which symbol; ``None`` for all.
    """

    symbol: str | None


@dataclass(frozen=True, slots=True)
class AskHoldings:
    """What are the balances and positions? The answer is :class:`Holdings`."""


@dataclass(frozen=True, slots=True)
class AskPastOrders:
    """Which orders were there in a span of time? The answer is :class:`PastOrders`.

    It does not matter whether the exchange takes the times to be those of an order's creation or of its last change.

    Attributes:
        symbol: In which symbol.
        start: From when on, in the exchange's milliseconds ...
        end: ... to when, this moment included.
    """

    symbol: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AskOrder:
    """How does this order stand? The answer is an :class:`Order`, or ``None`` if the exchange does not know it.

    Attributes:
        symbol: Its symbol.
        id: Its number.
        attempt: 1, or more if the exchange did not know it a moment ago: then wait a second before.
    """

    symbol: str
    id: int
    attempt: int = 1


Question = AskOpenOrders | AskHoldings | AskPastOrders | AskOrder
