"""What an account has: balances at spot, a wallet and positions at futures."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ._orders import NewOrder, Order
from ._symbols import Symbol

__all__ = ["Balance", "FuturesHoldings", "Holdings", "Position", "SpotHoldings"]

_ZERO = Decimal(0)


@dataclass(slots=True)
class Balance:
    """Of one asset; at futures nothing is ever locked.

    Attributes:
        free: What can be spent.
        locked: What open orders have set aside.
        updated: When it last changed, in Unix milliseconds.
    """

    free: Decimal = _ZERO
    locked: Decimal = _ZERO
    updated: int = 0


@dataclass(slots=True)
class Position:
    """Of one contract.

    Attributes:
        symbol: Which.
        amount: How much; negative if it is short.
        entry: Its average price; zero for none.
        fees: What was paid since it was last nothing.
        realised: What was gained by it, before fees.
        updated: When it last changed, in Unix milliseconds.
    """

    symbol: Symbol
    amount: Decimal = _ZERO
    entry: Decimal = _ZERO
    fees: Decimal = _ZERO
    realised: Decimal = _ZERO
    updated: int = 0

    @property
    def break_even(self) -> Decimal:
        """The price at which its profit is what was paid in fees."""
        return self.symbol.break_even(self.amount, self.entry, self.fees)

    def trade(self, signed: Decimal, price: Decimal) -> Decimal:
        """So much was bought or, if negative, sold: what that realised."""
        closing = _ZERO
        if self.amount * signed < 0:
            closing = min(abs(self.amount), abs(signed)).copy_sign(self.amount)
        profit = self.symbol.profit(closing, self.entry, price)
        opening = signed + closing
        left = self.amount - closing
        self.amount += signed
        if opening:
            value = abs(self.symbol.value(left, self.entry) if left else _ZERO) + abs(self.symbol.value(opening, price))
            self.entry = self.symbol.average(abs(self.amount), value)
        elif not self.amount:
            self.entry = _ZERO
        if not left:  # what was paid for a position that is over is no matter of the next
            self.fees = _ZERO
        self.realised += profit
        return profit


class Holdings(Protocol):
    """What the book of an account wants of them."""

    balances: dict[str, Balance]
    positions: dict[str, Position]

    def can_fund(self, want: NewOrder, price: Decimal) -> bool:
        """Whether there is enough for it at this price."""
        ...

    def lock(self, order: Order, ms: int) -> tuple[str, ...]:
        """Set aside what it takes, and say which balances changed."""
        ...

    def release(self, order: Order, ms: int) -> tuple[str, ...]:
        """Give back what is left of that."""
        ...

    def settle(self, order: Order, quantity: Decimal, price: Decimal, rate: Decimal, ms: int) -> Settled:
        """Book a trade of an order."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What a trade came to: the commission, in which asset, the profit it realised, and which balances changed."""

    fee: Decimal
    asset: str
    profit: Decimal
    changed: tuple[str, ...]


class SpotHoldings:
    """Free and locked amounts. An order locks what it may cost, so that nothing is ever negative."""

    def __init__(self) -> None:
        self.balances: dict[str, Balance] = {}
        self.positions: dict[str, Position] = {}

    def can_fund(self, want: NewOrder, price: Decimal) -> bool:
        asset, amount = _cost(want, want.quantity, price)
        return self.balances.get(asset, Balance()).free >= amount

    def lock(self, order: Order, ms: int) -> tuple[str, ...]:
        asset, amount = _cost(order.want, order.left, order.funded_at)
        self._add(asset, ms, free=-amount, locked=amount)
        return (order.want.symbol.base, order.want.symbol.quote)

    def release(self, order: Order, ms: int) -> tuple[str, ...]:
        asset, amount = _cost(order.want, order.left, order.funded_at)
        self._add(asset, ms, free=amount, locked=-amount)
        return (order.want.symbol.base, order.want.symbol.quote)

    def settle(self, order: Order, quantity: Decimal, price: Decimal, rate: Decimal, ms: int) -> Settled:
        base, quote, value = order.want.symbol.base, order.want.symbol.quote, quantity * price
        asset, reserved = _cost(order.want, quantity, order.funded_at)
        # The commission is a part of what is received.
        if order.want.side == "BUY":
            fee, fee_asset = quantity * rate, base
            self._add(asset, ms, free=reserved - value, locked=-reserved)
            self._add(base, ms, free=quantity - fee)
        else:
            fee, fee_asset = value * rate, quote
            self._add(asset, ms, locked=-reserved)
            self._add(quote, ms, free=value - fee)
        return Settled(fee, fee_asset, _ZERO, (base, quote))

    def _add(self, asset: str, ms: int, *, free: Decimal = _ZERO, locked: Decimal = _ZERO) -> None:
        balance = self.balances.setdefault(asset, Balance())
        balance.free += free
        balance.locked += locked
        balance.updated = ms


class FuturesHoldings:
    """A wallet and positions in one-way mode. There is no margin: no order is refused for want of it."""

    def __init__(self) -> None:
        self.balances: dict[str, Balance] = {}
        self.positions: dict[str, Position] = {}

    def can_fund(self, want: NewOrder, price: Decimal) -> bool:  # noqa: ARG002 - the port's
        return True

    def lock(self, order: Order, ms: int) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        return ()

    def release(self, order: Order, ms: int) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        return ()

    def settle(self, order: Order, quantity: Decimal, price: Decimal, rate: Decimal, ms: int) -> Settled:
        symbol = order.want.symbol
        position = self.positions.setdefault(symbol.name, Position(symbol))
        profit = position.trade(order.want.sign * quantity, price)
        fee = symbol.value(quantity, price) * rate
        if position.amount:
            position.fees += fee
        balance = self.balances.setdefault(symbol.asset, Balance())
        balance.free += profit - fee
        balance.updated = position.updated = ms
        return Settled(fee, symbol.asset, profit, (symbol.asset,))


def _cost(want: NewOrder, quantity: Decimal, price: Decimal) -> tuple[str, Decimal]:
    """What so much of an order may cost at most, and in which asset."""
    return (want.symbol.quote, quantity * price) if want.side == "BUY" else (want.symbol.base, quantity)
