"""Binance European options: the events of ``BINANCE_OPTIONS`` and its testnet.

Prices and margins are in USDT, quantities in contracts of the option.

Source: https://developers.binance.com/docs/derivatives/options-trading/user-data-streams as of 2026-05-28, one page an
event; units where the pages have none, from Binance's SDK 8.7.0 (2026).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeAlias

from msgspec import field

from ._record import Event as _Event, Milliseconds, Number, Record
from ._types import EventTypes

__all__ = [
    "AS_SENT",
    "DECIMALS",
    "AccountUpdate",
    "Balance",
    "BalancePositionUpdate",
    "Event",
    "Greek",
    "GreekUpdate",
    "ListenKeyExpired",
    "Order",
    "OrderTradeUpdate",
    "Position",
    "RiskLevelChange",
]


class Order(Record, Generic[Number], frozen=True, kw_only=True):
    """An order after what just happened to it. Page "Event: Order update"."""

    symbol: str = field(name="s")
    """For example ``BTC-251123-126000-C``."""
    client_order_id: str = field(name="c")
    """Yours."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    order_type: str = field(name="o")
    """``LIMIT``."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC``, ``FOK`` or ``GTX``."""
    original_quantity: Number = field(name="q")
    """In contracts."""
    original_price: Number = field(name="p")
    """In USDT."""
    average_price: Number = field(name="ap")
    """Of all fills so far, in USDT."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``CANCELED``, ``EXPIRED`` or ``TRADE``."""
    status: str = field(name="X")
    """What the order is now: ``NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``EXPIRED`` or
    ``EXPIRED_IN_MATCH``."""
    order_id: int = field(name="i")
    """The exchange's."""
    last_filled_quantity: Number = field(name="l")
    """Of this fill, in contracts."""
    filled_accumulated_quantity: Number = field(name="z")
    """Of all fills so far, in contracts."""
    last_filled_price: Number = field(name="L")
    """Of this fill, in USDT."""
    commission_asset: str | None = field(name="N", default=None)
    """For example ``USDT``."""
    commission: Number | None = field(name="n", default=None)
    """Of this fill, in ``commission_asset``; negative is what you pay."""
    trade_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    trade_id: int = field(name="t")
    """Of this fill; ``0`` if it is none."""
    bids_quantity: Number = field(name="b")
    """Of open buy orders, in contracts."""
    ask_quantity: Number = field(name="a")
    """Of open sell orders, in contracts."""
    is_maker_side: bool = field(name="m")
    """Whether the order was the maker of this fill."""
    is_reduce_only: bool = field(name="R")
    """Whether it can do no more than reduce a position."""
    original_order_type: str = field(name="ot")
    """As ``order_type``."""
    realized_profit: Number = field(name="rp")
    """Of this fill, in USDT."""
    stp_mode: str | None = field(name="V", default=None)
    """Self-trade prevention: ``NONE``, ``EXPIRE_TAKER``, ``EXPIRE_MAKER`` or ``EXPIRE_BOTH``."""


class OrderTradeUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ORDER_TRADE_UPDATE"):
    """An order was placed, filled, or ended. Page "Event: Order update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    order: Order[Number] = field(name="o")
    """The order as it is now."""


class AccountUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="ACCOUNT_UPDATE"):
    """What the account is worth, on a change and every 10 s while there are positions. Page "Event: Account data"."""

    transaction_time: Milliseconds = field(name="T")
    """When it was computed."""
    equity: Number = field(name="eq")
    """In USDT."""
    adjusted_equity: Number = field(name="aeq")
    """In USDT."""
    wallet_balance: Number = field(name="b")
    """In USDT."""
    position_value: Number = field(name="m")
    """In USDT; negative if sold."""
    unrealized_pnl: Number = field(name="u")
    """In USDT."""
    initial_margin: Number = field(name="i")
    """In USDT."""
    maintenance_margin: Number = field(name="M")
    """In USDT."""


class Balance(Record, Generic[Number], frozen=True, kw_only=True):
    """A margin asset. Page "Event: Balance and Position Update"."""

    asset: str = field(name="a")
    """For example ``USDT``."""
    balance: Number = field(name="b")
    """Of the account, in the asset."""
    balance_change: Number = field(name="bc")
    """Except for profit, loss and commission; in the asset."""


class Position(Record, Generic[Number], frozen=True, kw_only=True):
    """A position, whole and not as a difference. Page "Event: Balance and Position Update"."""

    symbol: str = field(name="s")
    """For example ``BTC-251123-126000-C``."""
    quantity: Number = field(name="c")
    """In contracts, negative if short."""
    position_value: Number = field(name="p")
    """In USDT."""
    average_entry_price: Number = field(name="a")
    """In USDT."""


class BalancePositionUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="BALANCE_POSITION_UPDATE"):
    """Balances or positions changed. Page "Event: Balance and Position Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    reason: str = field(name="m")
    """``ORDER``, ``DEPOSIT`` or ``WITHDRAW``."""
    balances: tuple[Balance[Number], ...] = field(name="B", default=())
    """Those that changed."""
    positions: tuple[Position[Number], ...] = field(name="P", default=())
    """Those that changed."""


class Greek(Record, Generic[Number], frozen=True, kw_only=True):
    """The greeks of all positions in one underlying; the page has no units. Page "Event: Greek Update"."""

    underlying: str = field(name="u")
    """For example ``BTCUSDT``."""
    delta: Number = field(name="d")
    """Change of value with the underlying."""
    gamma: Number = field(name="g")
    """Change of delta with the underlying."""
    theta: Number = field(name="t")
    """Change of value with time."""
    vega: Number = field(name="v")
    """Change of value with volatility."""


class GreekUpdate(_Event, Generic[Number], frozen=True, kw_only=True, tag="GREEK_UPDATE"):
    """The greeks, on a change and every 10 s while there are positions. Page "Event: Greek Update"."""

    transaction_time: Milliseconds = field(name="T")
    """When they were computed."""
    greeks: tuple[Greek[Number], ...] = field(name="G")
    """One for each underlying."""


class RiskLevelChange(_Event, Generic[Number], frozen=True, kw_only=True, tag="RISK_LEVEL_CHANGE"):
    """A market maker's account may only reduce now, or may trade again. Page "Event: Risk level change"."""

    risk_level: str = field(name="s")
    """``NORMAL`` or ``REDUCE_ONLY``."""
    margin_balance: Number = field(name="mb")
    """In USDT."""
    maintenance_margin: Number = field(name="mm")
    """In USDT."""


class ListenKeyExpired(Record, frozen=True, kw_only=True, tag_field="e", tag="listenKeyExpired"):
    """The listen key expired; the stream replaces it by itself. Page "Event: User Data Stream Expired".

    The key that is sent with it opens the account's stream to whoever reads it, and has no field here.
    """

    event_time: str | Milliseconds = field(name="E")
    """When the exchange made the event. A text, say the page and the SDK; of all other events a number."""


Event: TypeAlias = (
    OrderTradeUpdate[Number]
    | AccountUpdate[Number]
    | BalancePositionUpdate[Number]
    | GreekUpdate[Number]
    | RiskLevelChange[Number]
    | ListenKeyExpired
)
"""All of them: ``Event`` with numbers as sent, ``Event[Decimal]`` with decimals."""

AS_SENT: Final[EventTypes[Event[str]]] = EventTypes(f"{__name__}:Event")
"""Numbers are the texts that the exchange sends; what the venues have."""

DECIMALS: Final[EventTypes[Event[Decimal]]] = EventTypes(f"{__name__}:Event", Decimal)
"""Numbers are decimals: for :meth:`Venue.with_events <trio_listenkey.Venue.with_events>`."""
