"""One order, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ._symbols import Symbol

__all__ = ["Execution", "NewOrder", "Order", "OrderInfo", "Status"]

Status = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"]

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What somebody wants, checked.

    Attributes:
        symbol: Of what.
        side: ``"BUY"`` or ``"SELL"``.
        type: ``"LIMIT"``, ``"MARKET"`` or ``"LIMIT_MAKER"``.
        time_in_force: Of a limit order; ``"GTC"`` otherwise.
        quantity: How much.
        price: Zero for a market order.
        client_id: The client's name for it; empty for one of the exchange's.
        reduce_only: Whether it may only make a position smaller.
    """

    symbol: Symbol
    side: Literal["BUY", "SELL"]
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    client_id: str = ""
    reduce_only: bool = False

    @property
    def sign(self) -> int:
        """Of what it does to a position."""
        return 1 if self.side == "BUY" else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One thing that happened to an order.

    Attributes:
        kind: What, as in ``x`` of the event.
        quantity: Of this trade.
        price: Of this trade.
        trade: Its number.
        fee: Its commission ...
        fee_asset: ... in this.
        is_maker: Whether the order waited in the book.
        profit: What it realised of a position.
        cancel_id: The client's name for the request to cancel; spot shows it.
    """

    kind: Literal["NEW", "TRADE", "CANCELED", "EXPIRED"]
    quantity: Decimal = _ZERO
    price: Decimal = _ZERO
    trade: int = 0
    fee: Decimal = _ZERO
    fee_asset: str = ""
    is_maker: bool = False
    profit: Decimal = _ZERO
    cancel_id: str = ""


@dataclass(slots=True, eq=False, kw_only=True)
class Order:
    """An order that the exchange has taken.

    Attributes:
        want: What was asked for.
        number: Its number, which no other order of this exchange has.
        client_id: The client's name for it.
        created: When it was taken, in Unix milliseconds.
        updated: When something last happened to it.
        funded_at: The price for which funds are locked, on spot.
        status: Where it stands.
        filled: How much was traded.
        value: What that was worth.
    """

    want: NewOrder
    number: int
    client_id: str
    created: int
    updated: int
    funded_at: Decimal
    status: Status = "NEW"
    filled: Decimal = _ZERO
    value: Decimal = _ZERO

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status in {"NEW", "PARTIALLY_FILLED"}

    @property
    def left(self) -> Decimal:
        """How much is still wanted."""
        return self.want.quantity - self.filled

    @property
    def average(self) -> Decimal:
        """The price of what was traded; zero if nothing was."""
        return self.want.symbol.average(self.filled, self.value)

    def trade(self, quantity: Decimal, price: Decimal) -> None:
        """So much of it was traded."""
        self.filled += quantity
        self.value += self.want.symbol.value(quantity, price)
        self.status = "FILLED" if not self.left else "PARTIALLY_FILLED"

    def info(self, market: str, account: str) -> OrderInfo:
        """As a test sees it."""
        want = self.want
        return OrderInfo(
            account=account,
            market=market,
            symbol=want.symbol.name,
            number=self.number,
            client_id=self.client_id,
            side=want.side,
            order_type=want.type,
            status=self.status,
            quantity=want.quantity,
            price=want.price,
            filled=self.filled,
            average=self.average,
            created=self.created,
            updated=self.updated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInfo:
    """One order at the exchange, as it was when you asked.

    Attributes:
        account: Whose.
        market: ``"spot"``, ``"usdm"`` or ``"coinm"``.
        symbol: Of what.
        number: The exchange's number, ``orderId``.
        client_id: The client's name for it.
        side: ``"BUY"`` or ``"SELL"``.
        order_type: ``"LIMIT"``, ``"MARKET"`` or ``"LIMIT_MAKER"``.
        status: ``"NEW"``, ``"PARTIALLY_FILLED"``, ``"FILLED"``, ``"CANCELED"`` or ``"EXPIRED"``.
        quantity: How much was wanted.
        price: For how much; zero for a market order.
        filled: How much was traded.
        average: The price of that; zero if nothing was.
        created: When it was taken, in Unix milliseconds.
        updated: When something last happened to it, in Unix milliseconds.
    """

    account: str
    market: str
    symbol: str
    number: int
    client_id: str
    side: Literal["BUY", "SELL"]
    order_type: str
    status: Status
    quantity: Decimal
    price: Decimal
    filled: Decimal
    average: Decimal
    created: int
    updated: int

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status in {"NEW", "PARTIALLY_FILLED"}
