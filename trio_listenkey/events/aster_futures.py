"""Aster futures: the events of ``ASTER_FUTURES`` and ``ASTER_FUTURES_V3``.

Prices are in the quote asset of the symbol, quantities in its base asset. As Binance's documents of USD-M futures once
were; what Binance has added since is not there.

Source: https://github.com/asterdex/api-docs, ``aster-finance-futures-api-v3.md`` as of 2026-06-30, one heading an
event; V1 says the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeAlias

from msgspec import field

from ._futures import Balance, MarginCallPosition, Position, SymbolConfiguration, UpdateData
from ._record import Event as _Event, Milliseconds, Number, Record
from ._types import EventTypes

__all__ = [
    "AS_SENT",
    "DECIMALS",
    "AccountConfigUpdate",
    "AccountConfiguration",
    "AccountUpdate",
    "Balance",
    "Event",
    "ListenKeyExpired",
    "MarginCall",
    "MarginCallPosition",
    "Order",
    "OrderTradeUpdate",
    "Position",
    "SymbolConfiguration",
    "UpdateData",
]


class Order(Record, Generic[Number], frozen=True, kw_only=True):
    """An order after what just happened to it. Heading "Event: Order Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    client_order_id: str = field(name="c")
    """Yours. ``autoclose-...`` is a liquidation, ``adl_autoclose`` a deleveraging."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    order_type: str = field(name="o")
    """``LIMIT``, ``MARKET``, ``STOP``, ``TAKE_PROFIT``, ``TRAILING_STOP_MARKET``, ``LIQUIDATION`` ..."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC``, ``FOK`` or ``GTX``."""
    original_quantity: Number = field(name="q")
    """In the base asset."""
    original_price: Number = field(name="p")
    """In the quote asset; ``0`` of a market order."""
    average_price: Number = field(name="ap")
    """Of all fills so far, in the quote asset."""
    stop_price: Number = field(name="sp")
    """In the quote asset. To be ignored of a ``TRAILING_STOP_MARKET``."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``CANCELED``, ``EXPIRED``, ``TRADE``, or ``CALCULATED``, a liquidation."""
    status: str = field(name="X")
    """What the order is now: ``NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``EXPIRED``, ``NEW_INSURANCE`` or
    ``NEW_ADL``."""
    order_id: int = field(name="i")
    """The exchange's."""
    last_filled_quantity: Number = field(name="l")
    """Of this fill, in the base asset."""
    filled_accumulated_quantity: Number = field(name="z")
    """Of all fills so far, in the base asset."""
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


class OrderTradeUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ORDER_TRADE_UPDATE"):
    """An order was placed, filled, or ended. Heading "Event: Order Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    order: Order[Number] = field(name="o")
    """The order as it is now."""


class AccountUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ACCOUNT_UPDATE"):
    """Balances or positions changed. Heading "Event: Balance and Position Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    update_data: UpdateData[Number] = field(name="a")
    """What changed, and why. All positions that are not empty are sent if one changes."""


class AccountConfiguration(Record, frozen=True, kw_only=True):
    """The modes of the account. Heading "Event: Account Configuration Update previous Leverage Update"."""

    is_multi_assets_mode: bool = field(name="j")
    """Whether all assets together are margin."""
    is_fee_in_token: bool | None = field(name="f", default=None)
    """Whether fees are paid in a token of the account's choice."""
    is_dual_side: bool | None = field(name="d", default=None)
    """Whether the account is in hedge mode."""


class AccountConfigUpdate(_Event, frozen=True, kw_only=True, tag="ACCOUNT_CONFIG_UPDATE"):
    """Leverage or modes changed. Heading "Event: Account Configuration Update previous Leverage Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    symbol_configuration: SymbolConfiguration | None = field(name="ac", default=None)
    """If the leverage of a symbol changed."""
    account_configuration: AccountConfiguration | None = field(name="ai", default=None)
    """If a mode of the account changed."""


class MarginCall(_Event, Generic[Number], frozen=True, kw_only=True, tag="MARGIN_CALL"):
    """Positions are near their liquidation, or liquidated already. Heading "Event: Margin Call"."""

    cross_wallet_balance: Number | None = field(name="cw", default=None)
    """Sent if a cross position is among them."""
    positions: tuple[MarginCallPosition[Number], ...] = field(name="p")
    """Those at risk."""


class ListenKeyExpired(_Event, frozen=True, kw_only=True, tag="listenKeyExpired"):
    """The listen key expired; the stream replaces it by itself. Heading "Event: User Data Stream Expired"."""


Event: TypeAlias = (
    OrderTradeUpdate[Number] | AccountUpdate[Number] | AccountConfigUpdate | MarginCall[Number] | ListenKeyExpired
)
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
