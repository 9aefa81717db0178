"""The orders and holdings of one account at one market."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from ._holding_shapes import funds_event, holdings_event
from ._holdings import Balance, FuturesHoldings, Holdings, SpotHoldings
from ._markets import Market
from ._order_shapes import order_event
from ._orders import Execution, NewOrder, Order
from ._refusals import DUPLICATE_ID, INSUFFICIENT, REDUCE_ONLY, TOO_MANY_OPEN, WOULD_TAKE, RefusalError

__all__ = ["AccountBook", "reaches"]

MOST_OPEN: Final = 200  # of one symbol, as at the exchange
REMEMBERED: Final = 10_000  # orders that are over: memory is bounded

Tell = Callable[[str, dict[str, Any]], None]
"""Sends an event of that kind to whoever listens to the account."""


class AccountBook:
    """Takes orders, fills, cancels and expires them, and tells what happened by events.

    Args:
        market: Where.
        tell: Takes each event, in order.
        numbers: The numbers of orders and trades to come, which all books share.

    Attributes:
        orders: Every order that is open or remembered, by number, in the order of their creation.
        holdings: What the account has.
    """

    def __init__(self, market: Market, tell: Tell, numbers: Iterator[int]) -> None:
        self.orders: dict[int, Order] = {}
        self.holdings: Holdings = SpotHoldings() if market.is_spot else FuturesHoldings()
        self._market = market
        self._tell = tell
        self._numbers = numbers
        self._by_client: dict[tuple[str, str], Order] = {}
        self._over: deque[Order] = deque()

    # --- Questions

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Those that are open, of one symbol or of all."""
        return [each for each in self.orders.values() if each.is_open and symbol in {None, each.want.symbol.name}]

    def by_client_id(self, symbol: str, client_id: str) -> Order | None:
        """The latest order that the client called so."""
        return self._by_client.get((symbol, client_id))

    # --- Commands

    def place(self, want: NewOrder, price: Decimal | None, ms: int) -> tuple[Order, list[Execution]]:
        """Take an order, and trade it at once if it can be.

        Args:
            want: The order.
            price: That of its symbol, if it has one.
            ms: When, in Unix milliseconds.

        Returns:
            The order, and the trades that it had at once.

        Raises:
            RefusalError: It is not taken.
        """
        can_trade = price is not None and reaches(want, price)
        funded_at = want.price if want.type != "MARKET" else (price or Decimal(0))
        self._check(want, funded_at, can_trade=can_trade)
        number = next(self._numbers)
        order = Order(
            want=want,
            number=number,
            client_id=want.client_id or f"x-{number}",
            created=ms,
            updated=ms,
            funded_at=funded_at,
        )
        self.orders[number] = self._by_client[want.symbol.name, order.client_id] = order
        changed = self.holdings.lock(order, ms)
        self._report(order, Execution(kind="NEW"), changed, ms)
        trades: list[Execution] = []
        if can_trade and want.time_in_force != "GTX":
            assert price is not None
            trades.append(self.fill(order, order.left, price, ms, is_maker=False))
        elif can_trade or want.type == "MARKET" or want.time_in_force in {"IOC", "FOK"}:
            # Nobody is there to trade with, or it was not to trade at once.
            self.end(order, "EXPIRED", ms)
        return order, trades

    def fill(self, order: Order, quantity: Decimal, price: Decimal, ms: int, *, is_maker: bool = True) -> Execution:
        """Trade so much of an open order."""
        rate = self._market.maker if is_maker else self._market.taker
        settled = self.holdings.settle(order, quantity, price, rate, ms)
        order.trade(quantity, price)
        execution = Execution(
            kind="TRADE",
            quantity=quantity,
            price=price,
            trade=next(self._numbers),
            fee=settled.fee,
            fee_asset=settled.asset,
            is_maker=is_maker,
            profit=settled.profit,
        )
        self._report(order, execution, settled.changed, ms)
        return execution

    def end(self, order: Order, status: str, ms: int, cancel_id: str = "") -> None:
        """Cancel or expire an open order: what was not traded is given back."""
        changed = self.holdings.release(order, ms)
        if status == "CANCELED":
            order.status = "CANCELED"
            self._report(order, Execution(kind="CANCELED", cancel_id=cancel_id), changed, ms)
        else:
            order.status = "EXPIRED"
            self._report(order, Execution(kind="EXPIRED"), changed, ms)

    def move_funds(self, asset: str, amount: Decimal, ms: int) -> None:
        """Deposit so much, or withdraw it if it is negative."""
        balance = self.holdings.balances.setdefault(asset, Balance())
        balance.free += amount
        balance.updated = ms
        for event in funds_event(self._market, self.holdings, asset, amount, ms):
            self._tell(event["e"], event)

    # --- How they are done

    def _check(self, want: NewOrder, price: Decimal, *, can_trade: bool) -> None:
        is_spot, symbol = self._market.is_spot, want.symbol.name
        earlier = self.by_client_id(symbol, want.client_id) if want.client_id else None
        if earlier is not None and earlier.is_open:
            raise RefusalError(DUPLICATE_ID[is_spot])
        if len(self.open_orders(symbol)) >= MOST_OPEN:
            raise RefusalError(TOO_MANY_OPEN[is_spot])
        if want.type == "LIMIT_MAKER" and can_trade:
            raise RefusalError(WOULD_TAKE)
        if not self.holdings.can_fund(want, price):
            raise RefusalError(INSUFFICIENT)
        if want.reduce_only:
            position = self.holdings.positions.get(symbol)
            amount = position.amount if position is not None else Decimal(0)
            if amount * want.sign >= 0 or want.quantity > abs(amount):
                raise RefusalError(REDUCE_ONLY)

    def _report(self, order: Order, execution: Execution, changed: tuple[str, ...], ms: int) -> None:
        order.updated = ms
        event = order_event(self._market, order, execution, ms)
        told = [event]
        if changed:
            holdings = holdings_event(self._market, self.holdings, changed, order.want.symbol.name, ms)
            # Futures tell of the account first; the documents do not say so, and clients must not rely on it.
            told = [event, holdings] if self._market.is_spot else [holdings, event]
        if not order.is_open:
            self._remember(order)
        for each in told:
            self._tell(each["e"], each)

    def _remember(self, order: Order) -> None:
        """An order is over: it is kept until many others are, too."""
        self._over.append(order)
        if len(self._over) > REMEMBERED:
            oldest = self._over.popleft()
            del self.orders[oldest.number]
            key = oldest.want.symbol.name, oldest.client_id
            if self._by_client[key] is oldest:
                del self._by_client[key]


def reaches(want: NewOrder, price: Decimal) -> bool:
    """Whether an order trades at this price."""
    return want.type == "MARKET" or (price <= want.price if want.side == "BUY" else price >= want.price)
