"""The books of all accounts, the prices that tests set, and the countdowns after which orders are cancelled."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ..._errors import UsageError
from .._dialects._binance import Dialect
from .._state._keys import Place
from ._account_book import AccountBook, reaches
from ._markets import MARKETS, Market, market_of
from ._orders import Order
from ._symbols import Symbol

__all__ = ["Books", "Countdown", "PastOrdersRule"]

Publish = Callable[[Place, str, dict[str, Any], float], None]
"""Sends an event of that kind to who listens at a place, at that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Countdown:
    """A running countdown, after which the open orders of an account in one symbol are cancelled, unless it is renewed.

    Attributes:
        account: Whose.
        market: ``"usdm"`` or ``"coinm"``.
        symbol: Of which.
        ends_at: When, in the exchange's time.
    """

    account: str
    market: str
    symbol: str
    ends_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrdersRule:
    """How ``allOrders`` reads a query, where Binance's documents leave it open.

    A client should be correct with each of them.

    Attributes:
        times: Whether ``startTime`` and ``endTime`` are about when an order was ``"created"``, or last ``"updated"``.
        keeps: Which orders are in the answer if there are more than its limit: the ``"latest"``, or the ``"earliest"``.
    """

    times: Literal["created", "updated"] = "created"
    keeps: Literal["latest", "earliest"] = "latest"


class Books:
    """What is traded at one exchange.

    Args:
        dialects: The endpoints that are served: they say at which markets orders are taken.
        unix_time: The exchange's wall clock.
        publish: Sends an event.

    Attributes:
        markets: Those at which orders are taken, by name.
        past_orders: How queries for past orders are read.
        changed: Called with a place whenever there may be something due earlier than there was.
    """

    def __init__(self, dialects: Iterable[Dialect], unix_time: Callable[[float], float], publish: Publish) -> None:
        served = [(market, each) for each in dialects if (market := market_of(each)) is not None]
        self.markets: dict[str, Market] = {market.name: market for market, _ in served}
        self.past_orders: PastOrdersRule = PastOrdersRule()
        self.changed: Callable[[Place], None] = _nobody
        self._paths = {
            name: [dialect.path for market, dialect in served if market.name == name] for name in self.markets
        }
        self._symbols = {each.name: {symbol.name: symbol for symbol in each.symbols} for each in MARKETS}
        self._prices: dict[str, dict[str, Decimal]] = {name: {} for name in self.markets}
        self._books: dict[tuple[str, str], AccountBook] = {}
        self._unix_time = unix_time
        self._publish = publish
        self._numbers = itertools.count(1)
        self._now = -math.inf
        self._countdowns: dict[tuple[str, str, str], float] = {}
        self._agenda: list[tuple[float, tuple[str, str, str]]] = []

    # --- What there is

    def book(self, account: str, market: Market) -> AccountBook:
        """The book of an account; it is made when it is first asked for."""
        key = account, market.name
        if key not in self._books:
            self._books[key] = AccountBook(market, lambda kind, event: self._tell(key, kind, event), self._numbers)
        return self._books[key]

    def symbol(self, market: Market, name: str) -> Symbol | None:
        """The symbol of that name."""
        return self._symbols[market.name].get(name)

    def symbols(self, market: Market) -> Iterable[Symbol]:
        """All that is traded."""
        return self._symbols[market.name].values()

    def add_symbol(self, market: Market, symbol: Symbol) -> None:
        """From now on this is traded, too."""
        self._symbols[market.name][symbol.name] = symbol

    def prices(self, market: Market) -> Mapping[str, Decimal]:
        """What was set."""
        return self._prices[market.name]

    def all_books(self) -> Iterable[tuple[str, Market, AccountBook]]:
        """Every one, with whose and where it is."""
        return [(account, self.markets[name], book) for (account, name), book in self._books.items()]

    def find(self, order: int | str) -> tuple[AccountBook, Order]:
        """An order by its number, or the latest open one that a client called so.

        Raises:
            UsageError: There is none, or it is over.
        """
        for _, _, book in self.all_books():
            found = [each for each in book.open_orders() if order in {each.number, each.client_id}]
            if found:
                return book, found[-1]
        raise UsageError(f"there is no open order {str(order)[:40]!r}", advice="Pass its number, or its client id")

    # --- Time

    def milliseconds(self, now: float) -> int:
        """The exchange's wall clock."""
        return int(self._unix_time(now) * 1000)

    def at(self, now: float) -> int:
        """What is done from here on happens at this time; the same in Unix milliseconds."""
        self._now = now
        return self.milliseconds(now)

    def advance(self, now: float) -> None:
        """Let the countdowns run out whose time has come, each at its own."""
        while self._agenda and self._agenda[0][0] <= now:
            ends_at, key = heapq.heappop(self._agenda)
            if self._countdowns.get(key) == ends_at:
                del self._countdowns[key]
                self._cancel_all(key, ends_at)

    def next_at(self, place: Place) -> float:
        """When the next countdown of a place runs out."""
        account, path = place
        ends = [
            at
            for (whose, market, _), at in self._countdowns.items()
            if whose == account and path in self._paths[market]
        ]
        return min(ends, default=math.inf)

    def count_down(self, account: str, market: Market, symbol: Symbol, seconds: float, now: float) -> None:
        """Cancel the account's orders in this symbol in so many seconds; zero for never. It replaces an earlier one."""
        key = account, market.name, symbol.name
        self._countdowns.pop(key, None)
        if seconds:
            self._countdowns[key] = ends_at = now + seconds
            self._forget_replaced()
            heapq.heappush(self._agenda, (ends_at, key))
            for path in self._paths[market.name]:
                self.changed((account, path))

    def countdowns(self) -> tuple[Countdown, ...]:
        """Those that run, the next first."""
        running = sorted((at, *key) for key, at in self._countdowns.items())
        return tuple(
            Countdown(account=account, market=market, symbol=symbol, ends_at=at)
            for at, account, market, symbol in running
        )

    def _forget_replaced(self) -> None:
        # Each renewal leaves an entry behind that means nothing: as many as there are real ones may stay.
        if len(self._agenda) > 2 * len(self._countdowns) + 16:
            self._agenda = [(at, key) for at, key in self._agenda if self._countdowns.get(key) == at]
            heapq.heapify(self._agenda)

    def _cancel_all(self, key: tuple[str, str, str], now: float) -> None:
        account, market, symbol = key
        book, ms = self.book(account, self.markets[market]), self.at(now)
        for order in book.open_orders(symbol):
            book.end(order, "CANCELED", ms)

    # --- Prices

    def set_price(self, market: Market, symbol: str, price: Decimal, now: float) -> None:
        """A symbol has this price now: limit orders that it reaches are filled, at their own price."""
        ms = self.at(now)
        self._prices[market.name][symbol] = price
        for _, each, book in self.all_books():
            reached = [order for order in book.open_orders(symbol) if each is market and reaches(order.want, price)]
            for order in reached:
                book.fill(order, order.left, order.want.price, ms)

    def _tell(self, key: tuple[str, str], kind: str, event: dict[str, Any]) -> None:
        account, market = key
        for path in self._paths[market]:
            self._publish((account, path), kind, event, self._now)


def _nobody(place: Place) -> None:
    """Nobody wants to know."""
