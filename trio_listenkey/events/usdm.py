"""Binance USD-M futures: the events of ``BINANCE_USDM`` and its testnet.

Prices are in the quote asset of the symbol (``USDT`` of ``BTCUSDT``), quantities in its base asset (``BTC``).

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams as of 2026-05-28, one
page an event; fields that came later are from its change log to 2026-10 and from Binance's SDK 18.1.0 (2026-10).
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
    "AccountConfiguration",
    "AccountUpdate",
    "AlgoOrder",
    "AlgoUpdate",
    "Balance",
    "ConditionalOrderTriggerReject",
    "Event",
    "Grid",
    "GridUpdate",
    "ListenKeyExpired",
    "MarginCall",
    "MarginCallPosition",
    "Order",
    "OrderTradeUpdate",
    "Position",
    "RejectedOrder",
    "Strategy",
    "StrategyUpdate",
    "SymbolConfiguration",
    "TradeLite",
    "UpdateData",
]


class Order(Record, Generic[Number], frozen=True, kw_only=True):
    """An order after what just happened to it. Page "Event: Order Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
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
    """In the base asset."""
    original_price: Number = field(name="p")
    """In the quote asset; ``0`` of a market order."""
    average_price: Number = field(name="ap")
    """Of all fills so far, in the quote asset."""
    stop_price: Number = field(name="sp")
    """In the quote asset. The documents: to be ignored of a ``TRAILING_STOP_MARKET``."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``TRADE``, ``AMENDMENT``, ``CANCELED``, ``EXPIRED``, or ``CALCULATED``, a
    liquidation."""
    status: str = field(name="X")
    """What the order is now: ``NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``EXPIRED`` or
    ``EXPIRED_IN_MATCH``."""
    order_id: int = field(name="i")
    """The exchange's; unique within a symbol."""
    modify_id: str | None = field(name="M", default=None)
    """Of an ``AMENDMENT``, if the request had one. SDK 18.1.0."""
    last_filled_quantity: Number = field(name="l")
    """Of this fill, in the base asset."""
    filled_accumulated_quantity: Number = field(name="z")
    """Of all fills so far, in the base asset."""
    last_filled_price: Number = field(name="L")
    """Of this fill, in the quote asset."""
    commission: Number | None = field(name="n", default=None)
    """Of this fill, in ``commission_asset``. Not sent if there is none."""
    commission_asset: str | None = field(name="N", default=None)
    """Not sent if there is no commission."""
    trade_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    trade_id: int = field(name="t")
    """Of this fill; ``0`` if it is none."""
    bids_notional: Number = field(name="b")
    """Of open buy orders, in the quote asset."""
    ask_notional: Number = field(name="a")
    """Of open sell orders, in the quote asset."""
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
    """In the quote asset. Sent with ``TRAILING_STOP_MARKET`` alone."""
    callback_rate: Number | None = field(name="cr", default=None)
    """In percent. Sent with ``TRAILING_STOP_MARKET`` alone."""
    realized_profit: Number = field(name="rp")
    """Of this fill, in the margin asset."""
    is_price_protected: bool | None = field(name="pP", default=None)
    """Whether the trigger is protected against a mark price that is far from the contract's."""
    ignored_si: int | None = field(name="si", default=None)
    """To be ignored, say the documents; it is sent all the same."""
    ignored_ss: int | None = field(name="ss", default=None)
    """To be ignored, say the documents; it is sent all the same."""
    stp_mode: str | None = field(name="V", default=None)
    """Self-trade prevention: ``NONE``, ``EXPIRE_TAKER``, ``EXPIRE_MAKER`` or ``EXPIRE_BOTH``."""
    price_match: str | None = field(name="pm", default=None)
    """How the price follows the book: ``NONE``, ``OPPONENT``, ``OPPONENT_5``, ``QUEUE`` ..."""
    good_till_date: Milliseconds | None = field(name="gtd", default=None)
    """When a ``GTD`` order is cancelled by itself; ``0`` of any other."""
    expiry_reason: str | None = field(name="er", default=None)
    """``0`` for none, up to ``11``; the page says what each means."""


class OrderTradeUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ORDER_TRADE_UPDATE"):
    """An order was placed, filled, amended, or ended. Page "Event: Order Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    order: Order[Number] = field(name="o")
    """The order as it is now."""


class TradeLite(_Event, Generic[Number], frozen=True, kw_only=True, tag="TRADE_LITE"):
    """A fill, told earlier and more shortly than by ``ORDER_TRADE_UPDATE``. Page "Event: Trade Lite Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    original_quantity: Number = field(name="q")
    """Of the order, in the base asset."""
    original_price: Number = field(name="p")
    """Of the order, in the quote asset."""
    is_maker_side: bool = field(name="m")
    """Whether the order was the maker of this fill."""
    client_order_id: str = field(name="c")
    """Yours, or one of the exchange's as in an order."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    last_filled_price: Number = field(name="L")
    """Of this fill, in the quote asset."""
    last_filled_quantity: Number = field(name="l")
    """Of this fill, in the base asset."""
    trade_id: int = field(name="t")
    """Of this fill."""
    order_id: int = field(name="i")
    """The exchange's."""


class AccountUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ACCOUNT_UPDATE"):
    """Balances or positions changed. Page "Event: Balance and Position Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    update_data: UpdateData[Number] = field(name="a")
    """What changed, and why."""


class AccountConfiguration(Record, frozen=True, kw_only=True):
    """The margin mode of the account. Page "Event: Account Configuration Update"."""

    is_multi_assets_mode: bool = field(name="j")
    """Whether all assets together are margin."""


class AccountConfigUpdate(_Event, frozen=True, kw_only=True, tag="ACCOUNT_CONFIG_UPDATE"):
    """Leverage or margin mode changed: one of the two is there. Page "Event: Account Configuration Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    symbol_configuration: SymbolConfiguration | None = field(name="ac", default=None)
    """If the leverage of a symbol changed."""
    account_configuration: AccountConfiguration | None = field(name="ai", default=None)
    """If the margin mode changed."""


class MarginCall(_Event, Generic[Number], frozen=True, kw_only=True, tag="MARGIN_CALL"):
    """Positions are near their liquidation, or liquidated already. Page "Event: Margin Call"."""

    cross_wallet_balance: Number | None = field(name="cw", default=None)
    """Sent if a cross position is among them."""
    positions: tuple[MarginCallPosition[Number], ...] = field(name="p")
    """Those at risk."""


class AlgoOrder(Record, Generic[Number], frozen=True, kw_only=True):
    """A conditional order, as it waits for its trigger. Page "Event: Algo Order Update"."""

    client_algo_id: str = field(name="caid")
    """Yours."""
    algo_id: int = field(name="aid")
    """The exchange's."""
    algo_type: str = field(name="at")
    """``CONDITIONAL``."""
    order_type: str = field(name="o")
    """``STOP``, ``STOP_MARKET``, ``TAKE_PROFIT``, ``TAKE_PROFIT_MARKET`` or ``TRAILING_STOP_MARKET``."""
    symbol: str = field(name="s")
    """For example ``BNBUSDT``."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC``, ``FOK``, ``GTX`` or ``GTE_GTC``."""
    quantity: Number = field(name="q")
    """In the base asset."""
    status: str = field(name="X")
    """``NEW``, ``TRIGGERING``, ``TRIGGERED``, ``FINISHED``, ``CANCELED``, ``REJECTED`` or ``EXPIRED``."""
    order_id: str = field(name="ai")
    """Of the order that it became, as a text; empty before it is triggered."""
    average_price: Number | None = field(name="ap", default=None)
    """Of that order's fills, in the quote asset. Sent once it is in the matching engine."""
    executed_quantity: Number | None = field(name="aq", default=None)
    """Of that order, in the base asset. Sent once it is in the matching engine."""
    actual_order_type: str | None = field(name="act", default=None)
    """Of that order. Sent once it is in the matching engine."""
    trigger_price: Number = field(name="tp")
    """In the quote asset."""
    price: Number = field(name="p")
    """Of the order that it becomes, in the quote asset."""
    stp_mode: str | None = field(name="V", default=None)
    """Self-trade prevention, as in an order."""
    working_type: str | None = field(name="wt", default=None)
    """Which price triggers it: ``MARK_PRICE`` or ``CONTRACT_PRICE``."""
    price_match: str | None = field(name="pm", default=None)
    """How the price follows the book, as in an order."""
    is_close_all: bool | None = field(name="cp", default=None)
    """Whether it closes the whole position."""
    is_price_protected: bool | None = field(name="pP", default=None)
    """Whether the trigger is protected."""
    is_reduce_only: bool | None = field(name="R", default=None)
    """Whether it can do no more than reduce a position."""
    trigger_time: Milliseconds | None = field(name="tt", default=None)
    """``0`` before it is triggered."""
    good_till_date: Milliseconds | None = field(name="gtd", default=None)
    """When it is cancelled by itself; ``0`` for never."""
    failed_reason: str | None = field(name="rm", default=None)
    """Why it was rejected or cancelled."""
    is_activated: bool | None = field(name="ia", default=None)
    """Of a trailing stop: one ``NEW`` with ``False`` may be followed by another with ``True``. Since 2026-08."""


class AlgoUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ALGO_UPDATE"):
    """A conditional order was placed, triggered, or ended. Page "Event: Algo Order Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    order: AlgoOrder[Number] = field(name="o")
    """The conditional order as it is now."""


class RejectedOrder(Record, frozen=True, kw_only=True):
    """A conditional order that could not be placed. Page "Event: Conditional_Order_Trigger_Reject"."""

    symbol: str = field(name="s")
    """For example ``ETHUSDT``."""
    order_id: int = field(name="i")
    """The exchange's."""
    reject_reason: str = field(name="r")
    """In words."""


class ConditionalOrderTriggerReject(_Event, frozen=True, kw_only=True, tag="CONDITIONAL_ORDER_TRIGGER_REJECT"):
    """A triggered stop was rejected; deprecated since 2025-12. Page "Event: Conditional_Order_Trigger_Reject"."""

    message_send_time: Milliseconds = field(name="T")
    """When the exchange sent it."""
    order: RejectedOrder = field(name="or")
    """Which order, and why."""


Event: TypeAlias = (
    OrderTradeUpdate[Number]
    | TradeLite[Number]
    | AccountUpdate[Number]
    | AccountConfigUpdate
    | MarginCall[Number]
    | AlgoUpdate[Number]
    | ConditionalOrderTriggerReject
    | StrategyUpdate
    | GridUpdate[Number]
    | ListenKeyExpired
)
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
