"""Aster spot: the events of ``ASTER_SPOT``, ``ASTER_SPOT_V3`` and ``ASTER_PREDICTION_V3``, which has the same two.

Prices are in the quote asset of the symbol, quantities in its base asset.

Source: https://github.com/asterdex/api-docs, ``aster-finance-spot-api-v3.md`` as of 2026-06-30, one heading an
event; V1 says the same. No event for an expired key is documented; Aster's futures have one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeAlias

from msgspec import field

from ._record import Event as _Event, Milliseconds, Number
from ._types import EventTypes
from .aster_futures import ListenKeyExpired
from .spot import Balance

__all__ = [
    "AS_SENT",
    "DECIMALS",
    "Balance",
    "Event",
    "ExecutionReport",
    "ListenKeyExpired",
    "OutboundAccountPosition",
]


class ExecutionReport(_Event, Generic[Number], frozen=True, kw_only=True, tag="executionReport"):
    """An order was placed, filled, or ended. Heading "Payload: Order Update"."""

    symbol: str = field(name="s")
    """For example ``ADA25SLP25``."""
    client_order_id: str = field(name="c")
    """Yours."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    order_type: str = field(name="o")
    """For example ``LIMIT``."""
    time_in_force: str = field(name="f")
    """For example ``GTC``."""
    quantity: Number = field(name="q")
    """Of the order, in the base asset."""
    price: Number = field(name="p")
    """Of the order, in the quote asset."""
    average_price: Number = field(name="ap")
    """Of all fills so far, in the quote asset."""
    stop_price: Number = field(name="P")
    """In the quote asset; ``0`` without a stop."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``TRADE``, ``CANCELED``, ``REJECTED`` or ``EXPIRED``."""
    status: str = field(name="X")
    """What the order is now, for example ``PARTIALLY_FILLED``."""
    order_id: int = field(name="i")
    """The exchange's."""
    last_executed_quantity: Number = field(name="l")
    """Of this fill, in the base asset."""
    cumulative_filled_quantity: Number = field(name="z")
    """Of all fills so far, in the base asset."""
    last_executed_price: Number = field(name="L")
    """Of this fill, in the quote asset."""
    commission: Number | None = field(name="n", default=None)
    """Of this fill, in ``commission_asset``."""
    commission_asset: str | None = field(name="N", default=None)
    """For example ``SLP25``."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    trade_id: int = field(name="t")
    """Of this fill."""
    is_maker_side: bool = field(name="m")
    """Whether the order was the maker of this fill."""
    original_order_type: str = field(name="ot")
    """As ``order_type``, before it was triggered."""
    order_creation_time: Milliseconds = field(name="O")
    """When it was placed; the sample has ``0``."""
    cumulative_quote_quantity: Number = field(name="Z")
    """Of all fills so far, in the quote asset."""
    last_quote_quantity: Number = field(name="Y")
    """Of this fill, in the quote asset."""
    quote_order_quantity: Number = field(name="Q")
    """Of a market order by its value, in the quote asset; otherwise ``0``."""


class OutboundAccountPosition(_Event, Generic[Number], frozen=True, kw_only=True, tag="outboundAccountPosition"):
    """Balances changed. Heading "Payload: ACCOUNT_UPDATE"."""

    last_update_time: Milliseconds = field(name="T")
    """Of the account."""
    reason: str | None = field(name="m", default=None)
    """For example ``WITHDRAW``."""
    balances: tuple[Balance[Number], ...] = field(name="B")
    """Those that may have changed."""


Event: TypeAlias = ExecutionReport[Number] | OutboundAccountPosition[Number] | ListenKeyExpired
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
