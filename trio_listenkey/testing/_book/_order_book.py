"""What a test asks of the order book, and what it commands."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Literal

from ..._errors import UsageError
from .._dialects._binance import Dialect
from .._state._accounts import Accounts
from ._books import Books, Countdown, PastOrdersRule
from ._holdings import Balance
from ._markets import Market, market_of
from ._orders import NewOrder, OrderInfo
from ._refusals import RefusalError
from ._symbols import Symbol

__all__ = ["OrderBook"]

Number = Decimal | int | float | str
"""A quantity or price. A text or an ``int`` is exact; a ``float`` is taken as it is printed."""


class OrderBook:
    """Orders, balances and positions at an exchange: :attr:`Exchange.book`.

    Clients place, cancel and query orders over REST, at Binance's spot, USD-M and COIN-M futures. They are filled by
    :meth:`fill`, or when :meth:`set_price` reaches them. The account's events report it.

    Quantities and prices are texts, numbers or :class:`~decimal.Decimal`; of a ``float``, what ``repr`` shows is meant.
    Every method that depends on the time is told it, as those of :class:`Exchange`.

    Where ``dialect`` may be left out, it is needed if the exchange serves several markets that have such a symbol or
    account; ``SPOT`` and ``SPOT_CLASSIC`` are one market.
    """

    def __init__(self, books: Books, accounts: Accounts, advance: Callable[[float], None]) -> None:
        self._books = books
        self._accounts = accounts
        self._advance = advance

    def __repr__(self) -> str:
        return f"<OrderBook of {', '.join(self._books.markets) or 'no market'}>"

    @property
    def past_orders(self) -> PastOrdersRule:
        """How a query for past orders is read where the documents leave it open; it can be set."""
        return self._books.past_orders

    @past_orders.setter
    def past_orders(self, reading: PastOrdersRule) -> None:
        self._books.past_orders = reading

    # --- What a market does

    def set_price(self, symbol: str, price: Number, now: float, *, dialect: Dialect | None = None) -> None:
        """A symbol has this price now, until another is set.

        Limit orders that it reaches are filled, at their own price. Later market orders, and limit orders that are
        better than it, are filled at once, at this price. Before a price is set, a market order expires.

        Args:
            symbol: For example ``"BTCUSDT"``.
            price: More than zero.
            now: The exchange's time.
            dialect: Where; ``None`` for every market that has this symbol.

        Raises:
            UsageError: There is no such symbol, or that is no price.
        """
        self._advance(now)
        amount = _positive("price", price)
        for market in self._markets_with(symbol, dialect):
            self._books.set_price(market, symbol, amount, now)

    def fill(
        self, order: int | str, now: float, *, quantity: Number | None = None, price: Number | None = None
    ) -> OrderInfo:
        """Trade some of an open order, or all that is left of it.

        Args:
            order: Its number, or the client's name for it.
            now: The exchange's time.
            quantity: How much; ``None`` for all that is left.
            price: At which price; ``None`` for the order's own.

        Raises:
            UsageError: There is no such open order, so much is not left of it, or the price is worse than its own.
        """
        self._advance(now)
        book, found = self._books.find(order)
        amount = found.left if quantity is None else _positive("quantity", quantity)
        if amount > found.left:
            raise UsageError(f"quantity={amount} is more than the {found.left} that are left", advice="Pass less")
        at = found.want.price if price is None else _positive("price", price)
        if (at - found.want.price) * found.want.sign > 0:
            raise UsageError(f"price={at} is worse than the order's {found.want.price}", advice="Pass a better one")
        book.fill(found, amount, at, self._books.at(now))
        return self._info(found.number)

    def cancel(self, order: int | str, now: float) -> OrderInfo:
        """Cancel an open order, as its owner would from another client.

        Raises:
            UsageError: There is no such open order.
        """
        return self._end(order, "CANCELED", now)

    def expire(self, order: int | str, now: float) -> OrderInfo:
        """Let an open order expire, as the exchange may do.

        Raises:
            UsageError: There is no such open order.
        """
        return self._end(order, "EXPIRED", now)

    def place(
        self,
        account: str,
        symbol: str,
        side: Literal["BUY", "SELL"],
        quantity: Number,
        now: float,
        *,
        price: Number | None = None,
        client_id: str = "",
        dialect: Dialect | None = None,
    ) -> OrderInfo:
        """Place an order, as its owner would from another client, for example the exchange's web page.

        Args:
            account: The account's name.
            symbol: Of what.
            side: ``"BUY"`` or ``"SELL"``.
            quantity: How much.
            now: The exchange's time.
            price: Of a limit order; ``None`` for a market order.
            client_id: The client's name for it; empty for one of the exchange's.
            dialect: Where.

        Raises:
            UsageError: The exchange would refuse it; or there is no such account, symbol or quantity.
        """
        self._advance(now)
        market = self._one_market(account, symbol, dialect)
        found = self._books.symbol(market, symbol)
        assert found is not None
        want = NewOrder(
            symbol=found,
            side=side,
            type="MARKET" if price is None else "LIMIT",
            time_in_force="GTC",
            quantity=_positive("quantity", quantity),
            price=Decimal(0) if price is None else _positive("price", price),
            client_id=client_id,
        )
        at = self._books.prices(market).get(symbol)
        try:
            order, _ = self._books.book(account, market).place(want, at, self._books.at(now))
        except RefusalError as refusal:
            raise UsageError(
                f"the exchange refuses this order: {refusal.status.body.decode()}", advice="Pass another"
            ) from None
        return self._info(order.number)

    def deposit(
        self, account: str, asset: str, amount: Number, now: float, *, dialect: Dialect | None = None
    ) -> Decimal:
        """Add so much to a balance, or take it away if it is negative, and return what there is.

        At spot an account can trade what it has. At futures no order is refused for lack of funds.

        Args:
            account: The account's name.
            asset: For example ``"USDT"``.
            amount: How much.
            now: The exchange's time.
            dialect: Where.

        Raises:
            UsageError: There is no such account, or that is no amount.
        """
        self._advance(now)
        book = self._books.book(account, self._one_market(account, None, dialect))
        book.move_funds(asset, _number("amount", amount), self._books.at(now))
        return book.holdings.balances[asset].free

    def add_symbol(
        self, symbol: str, base: str, quote: str, *, contract_size: Number | None = None, dialect: Dialect | None = None
    ) -> None:
        """Add a symbol. Some usual ones exist already, ``"BTCUSDT"`` and ``"BTCUSD_PERP"`` among them.

        Args:
            symbol: Its name: ``"DOGEUSDT"``.
            base: What is bought and sold: ``"DOGE"``.
            quote: What prices are in: ``"USDT"``.
            contract_size: At COIN-M, what one contract is worth in ``quote``.
            dialect: Where.

        Raises:
            UsageError: At COIN-M there is no contract size; elsewhere there is one.
        """
        market = self._one_market(None, None, dialect)
        if (market.name == "coinm") != (contract_size is not None):
            raise UsageError("contract_size is for COIN-M, and needed there", advice="Pass it there alone")
        size = None if contract_size is None else _positive("contract_size", contract_size)
        self._books.add_symbol(market, Symbol(symbol, base, quote, size))

    # --- What a test asks

    def orders(self, account: str | None = None, *, open_only: bool = False) -> tuple[OrderInfo, ...]:
        """The orders of an account, or of all, in the order of their creation.

        Those that are over are remembered until 10,000 more of the account are.
        """
        found = [
            order.info(market.name, whose)
            for whose, market, book in self._books.all_books()
            for order in book.orders.values()
            if account in {None, whose} and (order.is_open or not open_only)
        ]
        return tuple(sorted(found, key=lambda each: each.number))

    def balance(self, account: str, asset: str, *, dialect: Dialect | None = None) -> tuple[Decimal, Decimal]:
        """What an account has of an asset: what is free, and what open orders have locked. At futures, the wallet."""
        holdings = self._books.book(account, self._one_market(account, None, dialect)).holdings
        balance = holdings.balances.get(asset, Balance())
        return balance.free, balance.locked

    def position(self, account: str, symbol: str, *, dialect: Dialect | None = None) -> tuple[Decimal, Decimal]:
        """An account's position in a contract: how much, negative if it is short, and at which average price."""
        holdings = self._books.book(account, self._one_market(account, symbol, dialect)).holdings
        position = holdings.positions.get(symbol)
        return (Decimal(0), Decimal(0)) if position is None else (position.amount, position.entry)

    def countdowns(self) -> tuple[Countdown, ...]:
        """The running countdowns of ``countdownCancelAll``, the next to expire first."""
        return self._books.countdowns()

    # --- How they are done

    def _end(self, order: int | str, status: str, now: float) -> OrderInfo:
        self._advance(now)
        book, found = self._books.find(order)
        book.end(found, status, self._books.at(now))
        return self._info(found.number)

    def _info(self, number: int) -> OrderInfo:
        return next(each for each in self.orders() if each.number == number)

    def _markets_with(self, symbol: str | None, dialect: Dialect | None) -> list[Market]:
        markets = list(self._books.markets.values())
        if dialect is not None:
            wanted = market_of(dialect)
            markets = [each for each in markets if each is wanted]
        found = [each for each in markets if symbol is None or self._books.symbol(each, symbol) is not None]
        if not found:
            what = "orders are not taken here" if symbol is None else f"no symbol {symbol[:40]!r} is traded here"
            raise UsageError(what, advice="Pass another dialect, or add_symbol first")
        return found

    def _one_market(self, account: str | None, symbol: str | None, dialect: Dialect | None) -> Market:
        if account is not None and account not in self._accounts.names:
            raise UsageError(f"no account is named {account!r}", advice="Pass what add_account returned")
        markets = self._markets_with(symbol, dialect)
        if len(markets) > 1:
            raise UsageError("that may be meant at several markets", advice="Pass dialect=")
        return markets[0]


def _number(name: str, value: Number) -> Decimal:
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError, TypeError):
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > Decimal(10) ** 15:
        raise UsageError(f"{name}={str(value)[:40]!r} is no amount", advice="Pass a number")
    return number


def _positive(name: str, value: Number) -> Decimal:
    number = _number(name, value)
    if number <= 0:
        raise UsageError(f"{name}={str(value)[:40]!r} is not more than zero", advice="Pass a positive number")
    return number
