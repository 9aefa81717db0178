"""The reports about an order, a balance and a position, from events and queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Generic, Literal, TypeVar

__all__ = ["Balance", "Change", "Changes", "Holdings", "Order", "PastOrders", "Position", "Source", "Word"]

Source = Literal["stream", "query"]

# What an order can be in its end. Binance: "Public API Definitions" (USD-M, COIN-M, 2026-05), "Order status" (spot
# enums, 2026-07). Whatever else it may be, it is not over: to ask about an order too often costs a request, and to hold
# one for closed that is open costs money.
_FINAL = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order, as last reported by the stream or a query.

    Attributes:
        symbol: Of what.
        id: The exchange's number, ``orderId``, unique within the symbol.
        client_id: Your own id, ``clientOrderId``.
        side: ``"BUY"`` or ``"SELL"``.
        order_type: ``"LIMIT"``, ``"MARKET"`` or another.
        status: ``"NEW"``, ``"PARTIALLY_FILLED"``, ``"FILLED"``, ``"CANCELED"``, ``"EXPIRED"`` or another.
        price: Of a limit order; zero otherwise.
        quantity: The ordered quantity.
        executed: The executed quantity.
        average_price: The average price of the executed quantity; zero if nothing was executed.
        updated_at: When it last changed, in milliseconds since 1970 by the exchange's clock.
        created_at: When it was created; ``None`` if not known.
        position_side: ``"BOTH"``, or ``"LONG"`` or ``"SHORT"`` in hedge mode; ``"BOTH"`` at spot.
        told_by: ``"stream"`` or ``"query"``.
    """

    symbol: str
    id: int
    client_id: str
    side: str
    order_type: str
    status: str
    price: Decimal
    quantity: Decimal
    executed: Decimal
    average_price: Decimal
    updated_at: int
    created_at: int | None = None
    position_side: str = "BOTH"
    told_by: Source = "query"

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others."""
        return self.symbol, self.id

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status not in _FINAL

    @property
    def rank(self) -> tuple[int | Decimal, ...]:
        """Of two words about one order, the later one has the greater rank.

        What is over stays over, and what was traded is never less; both say more than a time in milliseconds, in which
        several things may happen.
        """
        return not self.is_open, self.executed, self.updated_at

    def after(self, earlier: Order) -> Order:
        """The same, with what only ``earlier`` said."""
        return self if self.created_at is not None else replace(self, created_at=earlier.created_at)

    def says_the_same_as(self, other: Order) -> bool:
        """Whether there is no difference between the two but who told it, and when."""
        return replace(self, told_by=other.told_by, updated_at=other.updated_at, created_at=other.created_at) == other


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The account's balance of one asset.

    Attributes:
        asset: Which.
        amount: At spot, the free amount; at futures, the wallet balance.
        locked: At spot, the amount locked by open orders; zero at futures.
        updated_at: When it last changed, in milliseconds since 1970 by the exchange's clock.
        told_by: ``"stream"`` or ``"query"``.
    """

    asset: str
    amount: Decimal
    locked: Decimal = Decimal(0)
    updated_at: int
    told_by: Source = "query"

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return self.asset

    @property
    def rank(self) -> tuple[int | Decimal, ...]:
        """Of two words, the later one has the greater rank."""
        return (self.updated_at,)

    def after(self, earlier: Balance) -> Balance:  # noqa: ARG002 - as with orders
        """The same: it is a whole value."""
        return self

    def says_the_same_as(self, other: Balance) -> bool:
        """Whether the amounts are the same."""
        return (self.amount, self.locked) == (other.amount, other.locked)

    def emptied(self, at: int) -> Balance:
        """There is nothing of it, says a query of a time not before ``at`` that does not mention it."""
        since = max(self.updated_at + 1, at)
        return replace(self, amount=Decimal(0), locked=Decimal(0), updated_at=since, told_by="query")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The account's position in one contract.

    Attributes:
        symbol: Which.
        side: ``"BOTH"``, or ``"LONG"`` or ``"SHORT"`` in hedge mode.
        amount: How much; negative if it is short.
        entry_price: Its average price; zero if there is none.
        updated_at: When it last changed, in milliseconds since 1970 by the exchange's clock.
        told_by: ``"stream"`` or ``"query"``.
    """

    symbol: str
    side: str
    amount: Decimal
    entry_price: Decimal
    updated_at: int
    told_by: Source = "query"

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.symbol, self.side

    @property
    def rank(self) -> tuple[int | Decimal, ...]:
        """Of two words, the later one has the greater rank."""
        return (self.updated_at,)

    def after(self, earlier: Position) -> Position:  # noqa: ARG002 - as with orders
        """The same: it is a whole value."""
        return self

    def says_the_same_as(self, other: Position) -> bool:
        """Whether amount and price are the same."""
        return (self.amount, self.entry_price) == (other.amount, other.entry_price)

    def emptied(self, at: int) -> Position:
        """There is none, says a query of a time not before ``at`` that does not mention it."""
        since = max(self.updated_at + 1, at)
        return replace(self, amount=Decimal(0), entry_price=Decimal(0), updated_at=since, told_by="query")


Word = Order | Balance | Position
W = TypeVar("W", Order, Balance, Position)


@dataclass(frozen=True, slots=True)
class Change(Generic[W]):
    """The state before and after.

    Attributes:
        before: ``None`` if nothing was.
        after: What is known now.
    """

    before: W | None
    after: W


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an event or answer has changed; false if nothing.

    Attributes:
        orders: The orders whose state has changed, each once.
        balances: The same for balances ...
        positions: ... and positions.
        gone: Orders that seemed open, but that the exchange does not know any more: they ended days ago without a
            trade. They are deleted.
        unresolved: What could not be determined, as text. Empty unless the exchange contradicts itself, or sends an
            event that cannot be read; then do not rely on these, and query again later.
    """

    orders: tuple[Change[Order], ...] = ()
    balances: tuple[Change[Balance], ...] = ()
    positions: tuple[Change[Position], ...] = ()
    gone: tuple[Order, ...] = ()
    unresolved: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.orders or self.balances or self.positions or self.gone or self.unresolved)


@dataclass(frozen=True, slots=True)
class PastOrders:
    """Orders of a symbol and a span of time.

    Attributes:
        orders: Those that the exchange returned.
        is_cut: Whether there may be more: the page is full.
    """

    orders: tuple[Order, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Holdings:
    """All balances and positions of an account. A missing balance or position is zero.

    Attributes:
        balances: Each asset with a balance.
        positions: Each that is open.
    """

    balances: tuple[Balance, ...]
    positions: tuple[Position, ...] = ()
