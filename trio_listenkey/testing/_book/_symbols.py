"""What is traded, and how its quantities and prices make values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

__all__ = ["Symbol", "money", "plain"]

_ZERO = Decimal(0)
_MONEY = Decimal("0.00000001")
_EXACT = Context(prec=80)  # more than any sum has: a number that is too long for its context is an error


@dataclass(frozen=True, slots=True)
class Symbol:
    """One pair or contract.

    Attributes:
        name: For example ``"BTCUSDT"``.
        base: The asset that is bought and sold.
        quote: The asset that prices are in.
        size: Of a contract whose value is fixed in ``quote``, that value; such a contract is settled in ``base``.
            ``None`` where quantities are in ``base`` and everything is settled in ``quote``.
    """

    name: str
    base: str
    quote: str
    size: Decimal | None = None

    @property
    def asset(self) -> str:
        """What trades are settled in."""
        return self.quote if self.size is None else self.base

    @property
    def pair(self) -> str:
        """The name without what comes after an underscore."""
        return self.name.partition("_")[0]

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What so much is worth at a price, in :attr:`asset`."""
        return quantity * price if self.size is None else quantity * self.size / price

    def average(self, quantity: Decimal, value: Decimal) -> Decimal:
        """The price at which so much is worth ``value``; zero for nothing."""
        if not quantity:
            return _ZERO
        return value / quantity if self.size is None else quantity * self.size / value

    def profit(self, amount: Decimal, entry: Decimal, price: Decimal) -> Decimal:
        """What a position of ``amount``, negative if it is short, has gained from one price to the other."""
        if not amount:
            return _ZERO
        return amount * (price - entry) if self.size is None else amount * self.size * (1 / entry - 1 / price)

    def break_even(self, amount: Decimal, entry: Decimal, fees: Decimal) -> Decimal:
        """The price at which a position's profit is what was paid in fees; zero for no position."""
        if not amount:
            return _ZERO
        return entry + fees / amount if self.size is None else 1 / (1 / entry - fees / (amount * self.size))


def plain(number: Decimal) -> str:
    """As futures send prices and quantities: no more digits than it takes."""
    return format(number.quantize(_MONEY, context=_EXACT).normalize(_EXACT), "f") if number else "0"


def money(number: Decimal) -> str:
    """As balances are sent: eight digits after the point."""
    return format(number.quantize(_MONEY, context=_EXACT), "f")
