"""Binance COIN-M futures: the events of ``BINANCE_COINM`` and its testnet.

Prices are in USD, quantities in contracts; profits and margins are in the margin asset, which is the coin itself.

Source: https://developers.binance.com/docs/derivatives/coin-margined-futures/user-data-streams as of 2026-05-28, one
page an event; fields that came later are from Binance's SDK 14.1.0 (2026-10).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeAlias

from msgspec import field

from ._futures import (
    Balance,
    FuturesOrder,
    Grid,
    GridUpdate,
    ListenKeyExpired,
    MarginCallPosition,
    Position,
    Strategy,
    StrategyUpdate,
    SymbolConfiguration,
    UpdateData,
)
from ._record import Event as _Event, Milliseconds, Number
from ._types import EventTypes

__all__ = [
    "AS_SENT",
    "DECIMALS",
    "AccountConfigUpdate",
    "AccountUpdate",
    "Balance",
    "Event",
    "Grid",
    "GridUpdate",
    "ListenKeyExpired",
    "MarginCall",
    "MarginCallPosition",
    "Order",
    "OrderTradeUpdate",
    "Position",
    "Strategy",
    "StrategyUpdate",
    "SymbolConfiguration",
    "UpdateData",
]


class Order(FuturesOrder[Number], Generic[Number], frozen=True, kw_only=True):
    """An order after what just happened to it. Page "Event: Order Update"."""

    margin_asset: str = field(name="ma")
    """For example ``BTC``."""
    bid_quantity: Number = field(name="b")
    """Of open buy orders, in the base asset."""
    ask_quantity: Number = field(name="a")
    """Of open sell orders, in the base asset."""


class OrderTradeUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ORDER_TRADE_UPDATE"):
    """An order was placed, filled, amended, or ended. Page "Event: Order Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    account_alias: str | None = field(name="i", default=None)
    """Of the account, as REST tells it."""
    order: Order[Number] = field(name="o")
    """The order as it is now."""


class AccountUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ACCOUNT_UPDATE"):
    """Balances or positions changed. Page "Event: Balance and Position Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    account_alias: str | None = field(name="i", default=None)
    """Of the account, as REST tells it."""
    update_data: UpdateData[Number] = field(name="a")
    """What changed, and why. The page: all symbols are sent."""


class AccountConfigUpdate(_Event, frozen=True, kw_only=True, tag="ACCOUNT_CONFIG_UPDATE"):
    """The leverage of a symbol changed. Page "Event: Account Configuration Update (Leverage Update)"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    symbol_configuration: SymbolConfiguration | None = field(name="ac", default=None)
    """Of the symbol."""


class MarginCall(_Event, Generic[Number], frozen=True, kw_only=True, tag="MARGIN_CALL"):
    """Positions are near their liquidation, or liquidated already. Page "Event: Margin Call"."""

    account_alias: str | None = field(name="i", default=None)
    """Of the account, as REST tells it."""
    cross_wallet_balance: Number | None = field(name="cw", default=None)
    """In the margin asset. Sent if a cross position is among them."""
    positions: tuple[MarginCallPosition[Number], ...] = field(name="p")
    """Those at risk."""


Event: TypeAlias = (
    OrderTradeUpdate[Number]
    | AccountUpdate[Number]
    | AccountConfigUpdate
    | MarginCall[Number]
    | StrategyUpdate
    | GridUpdate[Number]
    | ListenKeyExpired
)
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
