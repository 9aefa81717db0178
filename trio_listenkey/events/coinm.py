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
from ._record import Event as _Event, Milliseconds, Number, Record
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


class Order(Record, Generic[Number], frozen=True, kw_only=True):
    """An order after what just happened to it. Page "Event: Order Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSD_PERP``."""
    client_order_id: str = field(name="c")
    """Yours. ``autoclose-...`` is a liquidation, ``adl_autoclose`` a deleveraging, ``settlement_autoclose-...`` the
    settlement of a delisting or a delivery."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    order_type: str = field(name="o")
    """``LIMIT``, ``MARKET``, ``STOP``, ``STOP_MARKET``, ``TAKE_PROFIT``, ``TAKE_PROFIT_MARKET``,
    ``TRAILING_STOP_MARKET`` or ``LIQUIDATION``."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC``, ``FOK``, ``GTX`` or ``GTD``."""
    original_quantity: Number = field(name="q")
    """In contracts."""
    original_price: Number = field(name="p")
    """In USD; ``0`` of a market order."""
    average_price: Number = field(name="ap")
    """Of all fills so far, in USD."""
    stop_price: Number = field(name="sp")
    """In USD. The documents: to be ignored of a ``TRAILING_STOP_MARKET``."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``TRADE``, ``AMENDMENT``, ``CANCELED``, ``EXPIRED``, or ``CALCULATED``, a
    liquidation."""
    status: str = field(name="X")
    """What the order is now: ``NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``EXPIRED`` or
    ``EXPIRED_IN_MATCH``."""
    order_id: int = field(name="i")
    """The exchange's; unique within a symbol."""
    modify_id: str | None = field(name="M", default=None)
    """Of an ``AMENDMENT``, if the request had one. SDK 14.1.0."""
    last_filled_quantity: Number = field(name="l")
    """Of this fill, in contracts."""
    filled_accumulated_quantity: Number = field(name="z")
    """Of all fills so far, in contracts."""
    last_filled_price: Number = field(name="L")
    """Of this fill, in USD."""
    margin_asset: str = field(name="ma")
    """For example ``BTC``."""
    commission_asset: str | None = field(name="N", default=None)
    """Not sent if there is no commission."""
    commission: Number | None = field(name="n", default=None)
    """Of this fill, in ``commission_asset``. Not sent if there is none."""
    trade_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    trade_id: int = field(name="t")
    """Of this fill; ``0`` if it is none."""
    realized_profit: Number = field(name="rp")
    """Of this fill, in the margin asset."""
    bid_quantity: Number = field(name="b")
    """Of open buy orders, in the base asset."""
    ask_quantity: Number = field(name="a")
    """Of open sell orders, in the base asset."""
    is_maker_side: bool = field(name="m")
    """Whether the order was the maker of this fill."""
    is_reduce_only: bool = field(name="R")
    """Whether it can do no more than reduce a position."""
    working_type: str = field(name="wt")
    """Which price triggers a stop: ``MARK_PRICE`` or ``CONTRACT_PRICE``."""
    original_order_type: str = field(name="ot")
    """As ``order_type``, before it was triggered."""
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    is_close_all: bool | None = field(name="cp", default=None)
    """Whether it closes the whole position. Sent with conditional orders."""
    activation_price: Number | None = field(name="AP", default=None)
    """In USD. Sent with ``TRAILING_STOP_MARKET`` alone."""
    callback_rate: Number | None = field(name="cr", default=None)
    """In percent. Sent with ``TRAILING_STOP_MARKET`` alone."""
    is_price_protected: bool | None = field(name="pP", default=None)
    """Whether the trigger is protected against a mark price that is far from the contract's."""
    stp_mode: str | None = field(name="V", default=None)
    """Self-trade prevention: ``NONE``, ``EXPIRE_TAKER``, ``EXPIRE_MAKER`` or ``EXPIRE_BOTH``."""
    price_match: str | None = field(name="pm", default=None)
    """How the price follows the book: ``NONE``, ``OPPONENT``, ``OPPONENT_5``, ``QUEUE`` ..."""
    expiry_reason: str | None = field(name="er", default=None)
    """``0`` for none, up to ``11``; the page says what each means."""


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
