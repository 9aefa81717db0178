"""Binance portfolio margin: the events of ``BINANCE_PORTFOLIO_MARGIN``, of its futures and of its margin account.

Futures: prices are in the quote asset, quantities in the base asset (``UM``) or in contracts (``CM``). Margin: prices
are in the quote asset of the symbol, quantities in its base asset.

Source: https://developers.binance.com/docs/derivatives/portfolio-margin/user-data-streams as of 2026-05-28, one page an
event; fields that came later are from Binance's SDK 16.1.0 (2026-10).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeAlias

from msgspec import field

from ._execution import Execution
from ._futures import Balance, SymbolConfiguration
from ._record import Event as _Event, Milliseconds, Number, Record
from ._types import EventTypes
from .spot import Balance as MarginBalance
from .usdm import AlgoOrder

__all__ = [
    "AS_SENT",
    "DECIMALS",
    "AccountConfigUpdate",
    "AccountUpdate",
    "AlgoOrder",
    "AlgoUpdate",
    "Balance",
    "BalanceUpdate",
    "ConditionalOrder",
    "ConditionalOrderTradeUpdate",
    "Event",
    "ExecutionReport",
    "LiabilityChange",
    "ListenKeyExpired",
    "MarginBalance",
    "OpenOrderLoss",
    "Order",
    "OrderLoss",
    "OrderTradeUpdate",
    "OutboundAccountPosition",
    "Position",
    "RiskLevelChange",
    "SymbolConfiguration",
    "UpdateData",
]


class Order(Record, Generic[Number], frozen=True, kw_only=True):
    """A futures order after what just happened to it. Page "Event: Futures Order update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    client_order_id: str = field(name="c")
    """Yours. ``autoclose-...`` is a liquidation, ``adl_autoclose`` a deleveraging."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    order_type: str = field(name="o")
    """``LIMIT``, ``MARKET`` or ``LIQUIDATION``."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC``, ``FOK``, ``GTX`` or ``GTD``."""
    original_quantity: Number = field(name="q")
    """In the base asset, or in contracts."""
    original_price: Number = field(name="p")
    """In the quote asset; ``0`` of a market order."""
    average_price: Number = field(name="ap")
    """Of all fills so far, in the quote asset."""
    ignored_sp: Number | None = field(name="sp", default=None)
    """To be ignored, says the SDK; it is sent all the same."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``TRADE``, ``AMENDMENT``, ``CANCELED``, ``EXPIRED``, or ``CALCULATED``, a
    liquidation."""
    status: str = field(name="X")
    """What the order is now: ``NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``EXPIRED`` or
    ``EXPIRED_IN_MATCH``."""
    order_id: int = field(name="i")
    """The exchange's; unique within a symbol."""
    last_filled_quantity: Number = field(name="l")
    """Of this fill, in the base asset or in contracts."""
    filled_accumulated_quantity: Number = field(name="z")
    """Of all fills so far, in the base asset or in contracts."""
    last_filled_price: Number = field(name="L")
    """Of this fill, in the quote asset."""
    commission_asset: str | None = field(name="N", default=None)
    """Not sent if there is no commission."""
    commission: Number | None = field(name="n", default=None)
    """Of this fill, in ``commission_asset``. Not sent if there is none."""
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
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    realized_profit: Number = field(name="rp")
    """Of this fill, in the margin asset."""
    strategy_type: str | None = field(name="st", default=None)
    """Sent if the order came of a conditional one, for example ``C_TAKE_PROFIT``."""
    strategy_id: int | None = field(name="si", default=None)
    """Sent if the order came of a conditional one."""
    stp_mode: str | None = field(name="V", default=None)
    """Self-trade prevention: ``NONE``, ``EXPIRE_TAKER``, ``EXPIRE_MAKER`` or ``EXPIRE_BOTH``."""
    good_till_date: Milliseconds | None = field(name="gtd", default=None)
    """When a ``GTD`` order is cancelled by itself; ``0`` of any other."""
    modify_id: str | None = field(name="M", default=None)
    """Of an ``AMENDMENT``, if the request had one. SDK 16.1.0."""


class OrderTradeUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ORDER_TRADE_UPDATE"):
    """A futures order was placed, filled, or ended. Page "Event: Futures Order update"."""

    business_unit: str = field(name="fs")
    """``UM`` or ``CM``."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    account_alias: str | None = field(name="i", default=None)
    """Of ``CM``; to be ignored of ``UM``."""
    order: Order[Number] = field(name="o")
    """The order as it is now."""


class ConditionalOrder(Record, Generic[Number], frozen=True, kw_only=True):
    """A conditional order, as it waits for its trigger. Page "Event: Conditional Order Trade Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    client_order_id: str = field(name="c")
    """Yours, of the strategy."""
    strategy_id: int = field(name="si")
    """The exchange's."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    strategy_type: str = field(name="st")
    """``STOP``, ``STOP_MARKET``, ``TAKE_PROFIT``, ``TAKE_PROFIT_MARKET`` or ``TRAILING_STOP_MARKET``."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC``, ``FOK`` or ``GTX``."""
    quantity: Number = field(name="q")
    """In the base asset, or in contracts."""
    price: Number = field(name="p")
    """In the quote asset."""
    stop_price: Number | None = field(name="sp", default=None)
    """In the quote asset. To be ignored of a ``TRAILING_STOP_MARKET``."""
    status: str = field(name="os")
    """``NEW``, ``CANCELED``, ``EXPIRED``, ``TRIGGERED`` or ``FINISHED``."""
    order_book_time: Milliseconds = field(name="T")
    """When it was placed."""
    order_update_time: Milliseconds = field(name="ut")
    """When it changed."""
    is_reduce_only: bool = field(name="R")
    """Whether it can do no more than reduce a position."""
    working_type: str = field(name="wt")
    """Which price triggers it: ``MARK_PRICE`` or ``CONTRACT_PRICE``."""
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    is_close_all: bool | None = field(name="cp", default=None)
    """Whether it closes the whole position. Sent with conditional orders."""
    activation_price: Number | None = field(name="AP", default=None)
    """In the quote asset. Sent with ``TRAILING_STOP_MARKET`` alone."""
    callback_rate: Number | None = field(name="cr", default=None)
    """In percent. Sent with ``TRAILING_STOP_MARKET`` alone."""
    order_id: int | None = field(name="i", default=None)
    """Of the order that it became."""
    stp_mode: str | None = field(name="V", default=None)
    """Self-trade prevention, as in an order."""
    good_till_date: Milliseconds | None = field(name="gtd", default=None)
    """When a ``GTD`` order is cancelled by itself; ``0`` of any other."""


class ConditionalOrderTradeUpdate(
    _Event, Generic[Number], frozen=True, kw_only=True, tag="CONDITIONAL_ORDER_TRADE_UPDATE"
):
    """A conditional order changed; deprecated since 2026-04. Page "Event: Conditional Order Trade Update"."""

    business_unit: str = field(name="fs")
    """``UM`` or ``CM``."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    order: ConditionalOrder[Number] = field(name="so")
    """The conditional order as it is now."""


class AlgoUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ALGO_UPDATE"):
    """A conditional order was placed, triggered, or ended; since 2026-04. Page "Event: Algo Order Update"."""

    business_unit: str = field(name="fs")
    """``UM`` or ``CM``."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    order: AlgoOrder[Number] = field(name="ao")
    """The conditional order as it is now."""


class Position(Record, Generic[Number], frozen=True, kw_only=True):
    """A futures position, whole and not as a difference. Page "Event: Futures Balance and Position Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    amount: Number = field(name="pa")
    """In the base asset or in contracts, negative if short."""
    entry_price: Number = field(name="ep")
    """In the quote asset."""
    accumulated_realized: Number = field(name="cr")
    """Realized so far before fees, in the margin asset."""
    unrealized_pnl: Number = field(name="up")
    """In the margin asset."""
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    breakeven_price: Number | None = field(name="bep", default=None)
    """In the quote asset."""


class UpdateData(Record, Generic[Number], frozen=True, kw_only=True):
    """What changed of the futures account. Page "Event: Futures Balance and Position Update"."""

    reason: str = field(name="m")
    """``ORDER``, ``FUNDING_FEE``, ``DEPOSIT``, ``WITHDRAW``, ``MARGIN_TRANSFER``, ``ASSET_TRANSFER`` ..."""
    balances: tuple[Balance[Number], ...] = field(name="B", default=())
    """Those that changed."""
    positions: tuple[Position[Number], ...] = field(name="P", default=())
    """Those that changed; none for the funding fee of a cross position."""
    symbol: str | None = field(name="S", default=None)
    """Of a ``FUNDING_FEE``; since 2026-08, SDK 16.1.0."""


class AccountUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ACCOUNT_UPDATE"):
    """Futures balances or positions changed. Page "Event: Futures Balance and Position Update"."""

    business_unit: str = field(name="fs")
    """``UM`` or ``CM``."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    account_alias: str | None = field(name="i", default=None)
    """Of ``CM``; to be ignored of ``UM``."""
    update_data: UpdateData[Number] = field(name="a")
    """What changed, and why."""


class AccountConfigUpdate(_Event, frozen=True, kw_only=True, tag="ACCOUNT_CONFIG_UPDATE"):
    """The leverage of a symbol changed. Page "Event: Futures Account Configuration Update(Leverage Update)"."""

    business_unit: str = field(name="fs")
    """``UM`` or ``CM``."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    symbol_configuration: SymbolConfiguration | None = field(name="ac", default=None)
    """Of the symbol."""


class ExecutionReport(Execution[Number], Generic[Number], frozen=True, kw_only=True, tag="executionReport"):
    """A margin order was placed, filled, or ended. Page "Event: Margin Order Update"."""


class OutboundAccountPosition(_Event, Generic[Number], frozen=True, kw_only=True, tag="outboundAccountPosition"):
    """Balances of the margin account changed. Page "Event: Margin Account Update"."""

    last_update_time: Milliseconds = field(name="u")
    """Of the account."""
    update_id: int | None = field(name="U", default=None)
    """Of the event."""
    balances: tuple[MarginBalance[Number], ...] = field(name="B")
    """Those that may have changed."""


class BalanceUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="balanceUpdate"):
    """A deposit, a withdrawal, or a transfer of the margin account. Page "Event: Margin Balance Update"."""

    asset: str = field(name="a")
    """For example ``BTC``."""
    balance_delta: Number = field(name="d")
    """The difference, in the asset."""
    update_id: int | None = field(name="U", default=None)
    """Of the event."""
    clear_time: Milliseconds = field(name="T")
    """When it was cleared."""


class LiabilityChange(_Event, Generic[Number], frozen=True, kw_only=True, tag="liabilityChange"):
    """Something was borrowed or repaid. Page "Event: Liability Update"."""

    asset: str = field(name="a")
    """For example ``BTC``."""
    liability_type: str = field(name="t")
    """For example ``BORROW``."""
    transaction_id: int = field(name="T")
    """The exchange's; no time, in spite of its letter."""
    principal: Number = field(name="p")
    """In the asset."""
    interest: Number = field(name="i")
    """In the asset."""
    total_liability: Number = field(name="l")
    """In the asset."""


class OrderLoss(Record, Generic[Number], frozen=True, kw_only=True):
    """What open orders may cost. Page "Event: OpenOrderLoss Update"."""

    asset: str = field(name="a")
    """For example ``BUSD``."""
    amount: Number = field(name="o")
    """In the asset, negative."""


class OpenOrderLoss(_Event, Generic[Number], frozen=True, kw_only=True, tag="openOrderLoss"):
    """The margin that open cross margin orders take. Page "Event: OpenOrderLoss Update"."""

    losses: tuple[OrderLoss[Number], ...] = field(name="O")
    """One for each asset."""


class RiskLevelChange(_Event, Generic[Number], frozen=True, kw_only=True, tag="riskLevelChange"):
    """The account's risk is too high, or it is being liquidated. Page "Event: riskLevelChange"."""

    uni_mmr: Number = field(name="u")
    """Equity by maintenance margin."""
    risk_level: str = field(name="s")
    """``MARGIN_CALL``, ``REDUCE_ONLY`` or ``FORCE_LIQUIDATION``."""
    equity: Number = field(name="eq")
    """In USD."""
    actual_equity: Number = field(name="ae")
    """In USD, without collateral rates."""
    maintenance_margin: Number = field(name="m")
    """In USD."""


class ListenKeyExpired(_Event, frozen=True, kw_only=True, tag="listenKeyExpired"):
    """The listen key expired; the stream replaces it by itself. Page "Event: User Data Stream Expired"."""


Event: TypeAlias = (
    OrderTradeUpdate[Number]
    | ConditionalOrderTradeUpdate[Number]
    | AlgoUpdate[Number]
    | AccountUpdate[Number]
    | AccountConfigUpdate
    | ExecutionReport[Number]
    | OutboundAccountPosition[Number]
    | BalanceUpdate[Number]
    | LiabilityChange[Number]
    | OpenOrderLoss[Number]
    | RiskLevelChange[Number]
    | ListenKeyExpired
)
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
