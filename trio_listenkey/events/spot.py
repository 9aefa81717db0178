"""Binance spot, margin and Binance.US: the events of ``BINANCE_SPOT``, ``BINANCE_MARGIN``, ``BINANCE_US`` and more.

Prices are in the quote asset of the symbol, quantities in its base asset. Times are in milliseconds, or in microseconds
where the stream was asked for them by ``timeUnit=MICROSECOND``. On binance.com each comes in an envelope,
``{"subscriptionId": 0, "event": {...}}``; at Binance.US it does not.

Source: https://github.com/binance/binance-spot-api-docs, ``user-data-stream.md`` as of 2026-07-21; for Binance.US
https://github.com/binance-us/binance-us-api-docs, ``user-data-stream.md`` as of 2024-06-17; for margin
https://developers.binance.com/docs/margin_trading/trade-data-stream and Binance's SDK 8.9.0 (2026-10).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeAlias

from msgspec import field

from ._execution import Execution
from ._record import Event as _Event, Milliseconds, Number, Record
from ._types import EventTypes

__all__ = [
    "AS_SENT",
    "DECIMALS",
    "Balance",
    "BalanceUpdate",
    "Event",
    "EventStreamTerminated",
    "ExecutionReport",
    "ExternalLockUpdate",
    "ListStatus",
    "ListedOrder",
    "ListenKeyExpired",
    "OutboundAccountPosition",
    "ServerShutdown",
]


class ExecutionReport(Execution[Number], Generic[Number], frozen=True, kw_only=True, tag="executionReport"):
    """An order was placed, filled, or ended. Page "Order Update", with its conditional fields."""

    match_type: str | None = field(name="b", default=None)
    """Sent of orders that have allocations: ``ONE_PARTY_TRADE_REPORT``."""
    allocation_id: int | None = field(name="a", default=None)
    """Sent of orders that have allocations."""
    working_floor: str | None = field(name="k", default=None)
    """Sent of orders that may have allocations: ``EXCHANGE`` or ``SOR``."""
    used_sor: bool | None = field(name="uS", default=None)
    """Sent of orders that used smart order routing."""
    pegged_price_type: str | None = field(name="gP", default=None)
    """Sent of pegged orders: ``PRIMARY_PEG`` or ``MARKET_PEG``."""
    pegged_offset_type: str | None = field(name="gOT", default=None)
    """Sent of pegged orders: ``PRICE_LEVEL``."""
    pegged_offset_value: int | None = field(name="gOV", default=None)
    """Sent of pegged orders; of price levels, how many."""
    pegged_price: Number | None = field(name="gp", default=None)
    """Sent of pegged orders, in the quote asset."""


class Balance(Record, Generic[Number], frozen=True, kw_only=True):
    """An asset, whole and not as a difference. Page "Account Update"."""

    asset: str = field(name="a")
    """For example ``ETH``."""
    free: Number = field(name="f")
    """In the asset."""
    locked: Number = field(name="l")
    """By open orders, in the asset."""


class OutboundAccountPosition(_Event, Generic[Number], frozen=True, kw_only=True, tag="outboundAccountPosition"):
    """Balances changed. Page "Account Update"."""

    last_update_time: Milliseconds = field(name="u")
    """Of the account."""
    balances: tuple[Balance[Number], ...] = field(name="B")
    """Those that may have changed."""


class BalanceUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="balanceUpdate"):
    """A deposit, a withdrawal, or a transfer. Page "Balance Update"."""

    asset: str = field(name="a")
    """For example ``BTC``."""
    balance_delta: Number = field(name="d")
    """The difference, in the asset."""
    clear_time: Milliseconds = field(name="T")
    """When it was cleared."""


class ListedOrder(Record, frozen=True, kw_only=True):
    """An order in a list. Page "Order Update", ``listStatus``."""

    symbol: str = field(name="s")
    """For example ``ETHBTC``."""
    order_id: int = field(name="i")
    """The exchange's."""
    client_order_id: str = field(name="c")
    """Yours."""


class ListStatus(_Event, frozen=True, kw_only=True, tag="listStatus"):
    """A list of orders changed; its orders have reports of their own. Page "Order Update", ``listStatus``."""

    symbol: str = field(name="s")
    """For example ``ETHBTC``."""
    order_list_id: int = field(name="g")
    """The exchange's."""
    contingency_type: str = field(name="c")
    """``OCO``, ``OTO`` ..."""
    list_status_type: str = field(name="l")
    """``RESPONSE``, ``EXEC_STARTED``, ``UPDATED`` or ``ALL_DONE``."""
    list_order_status: str = field(name="L")
    """``EXECUTING``, ``ALL_DONE`` or ``REJECT``."""
    list_reject_reason: str = field(name="r")
    """``NONE``, or why."""
    list_client_order_id: str = field(name="C")
    """Yours."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    orders: tuple[ListedOrder, ...] = field(name="O")
    """Those in the list."""


class ExternalLockUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="externalLockUpdate"):
    """Another system, such as a loan, locked or freed a part of a balance. Page "External Lock Update"."""

    asset: str = field(name="a")
    """For example ``NEO``."""
    delta: Number = field(name="d")
    """The difference, in the asset."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened."""


class EventStreamTerminated(_Event, frozen=True, kw_only=True, tag="eventStreamTerminated"):
    """The subscription ended; the stream moves to another by itself. Page "Event Stream Terminated"."""


class ServerShutdown(_Event, frozen=True, kw_only=True, tag="serverShutdown"):
    """The socket is about to end; the stream moves to another by itself. ``web-socket-api.md``, 2026-05."""


class ListenKeyExpired(_Event, frozen=True, kw_only=True, tag="listenKeyExpired"):
    """A listen key of the classic streams expired; the stream replaces it by itself. ``user-data-stream.md``, 2024-04.

    The key that is sent with it opens the account's stream to whoever reads it, and has no field here.
    """


Event: TypeAlias = (
    ExecutionReport[Number]
    | OutboundAccountPosition[Number]
    | BalanceUpdate[Number]
    | ListStatus
    | ExternalLockUpdate[Number]
    | EventStreamTerminated
    | ServerShutdown
    | ListenKeyExpired
)
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
