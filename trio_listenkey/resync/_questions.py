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
    """Which orders were there in a time span? The answer is :class:`PastOrders`.

    It does not matter whether the exchange takes the times to be those of an order's creation or of its last change.

    Attributes:
        symbol: In which symbol.
        start: The start, in milliseconds on the exchange's clock ...
        end: ... and the end, inclusive.
    """

    symbol: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AskOrder:
    """What is the state of this order? The answer is an :class:`Order`, or ``None`` if the exchange does not know it.

    Attributes:
        symbol: Its symbol.
        id: Its number.
        attempt: 1, or more if the exchange did not know the order before: then wait a second first.
    """

    symbol: str
    id: int
    attempt: int = 1


Question = AskOpenOrders | AskHoldings | AskPastOrders | AskOrder
