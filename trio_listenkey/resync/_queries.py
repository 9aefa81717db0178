"""The port through which an exchange is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ._words import Holdings, Order, PastOrders

__all__ = ["OrderQueries"]


@runtime_checkable
class OrderQueries(Protocol):
    """Queries an exchange about an account, as :class:`BinanceQueries` does. Implement it with your own client.

    Each method raises :exc:`~trio_listenkey.UnavailableError`, :exc:`~trio_listenkey.RateLimitedError` or
    :exc:`OSError` if there is no answer now; :func:`catch_up` then retries. Any other error is final.
    """

    @property
    def span(self) -> int:
        """How many milliseconds one query for past orders may cover."""
        ...

    @property
    def clock_ahead(self) -> float:
        """Seconds that the exchange's clock is ahead of this machine's, as far as it is known; 0.0 otherwise."""
        ...

    async def open_orders(self, symbol: str | None) -> Iterable[Order]:
        """The orders that are open, in one symbol or in all."""
        ...

    async def order(self, symbol: str, id: int) -> Order | None:  # noqa: A002 - the exchange's word
        """One order, open or over; ``None`` if the exchange does not know it."""
        ...

    async def past_orders(self, symbol: str, start: int, end: int) -> PastOrders:
        """Orders of a span of time, both ends included, in milliseconds since 1970."""
        ...

    async def holdings(self) -> Holdings:
        """All balances and positions."""
        ...
