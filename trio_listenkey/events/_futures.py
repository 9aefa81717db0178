"""What USD-M and COIN-M futures have in common, for the pages of both say the same of it.

Quantities are in the base asset at USD-M, and in contracts at COIN-M. Profits and margins are in the margin asset: the
quote asset at USD-M, and the base asset at COIN-M. The pages are named in ``usdm`` and ``coinm``.
"""

from __future__ import annotations

from typing import Generic

from msgspec import field

from ._record import Event, Milliseconds, Number, Record

__all__ = [
    "Balance",
    "Grid",
    "GridUpdate",
    "ListenKeyExpired",
    "MarginCallPosition",
    "Position",
    "Strategy",
    "StrategyUpdate",
    "SymbolConfiguration",
    "UpdateData",
]


class Balance(Record, Generic[Number], frozen=True, kw_only=True):
    """An asset of the wallet. Page "Event: Balance and Position Update"."""

    asset: str = field(name="a")
    """For example ``USDT``."""
    wallet_balance: Number = field(name="wb")
    """In the asset."""
    cross_wallet_balance: Number = field(name="cw")
    """Without what isolated positions have of their own, in the asset."""
    balance_change: Number | None = field(name="bc", default=None)
    """Except for profit, loss and commission; in the asset."""


class Position(Record, Generic[Number], frozen=True, kw_only=True):
    """A position, whole and not as a difference. Page "Event: Balance and Position Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    amount: Number = field(name="pa")
    """In the base asset or in contracts, negative if short."""
    entry_price: Number = field(name="ep")
    """In the quote asset."""
    breakeven_price: Number | None = field(name="bep", default=None)
    """In the quote asset."""
    accumulated_realized: Number = field(name="cr")
    """Realized so far before fees, in the margin asset."""
    unrealized_pnl: Number = field(name="up")
    """In the margin asset."""
    margin_type: str = field(name="mt")
    """``cross`` or ``isolated``."""
    isolated_wallet: Number = field(name="iw")
    """What an isolated position has of its own, in the margin asset."""
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    margin_asset: str | None = field(name="ma", default=None)
    """Not in the documents; sent, as public reports of 2021 to 2026 show."""


class UpdateData(Record, Generic[Number], frozen=True, kw_only=True):
    """What changed of an account. Page "Event: Balance and Position Update"."""

    reason: str = field(name="m")
    """``ORDER``, ``FUNDING_FEE``, ``DEPOSIT``, ``WITHDRAW``, ``MARGIN_TRANSFER``, ``ASSET_TRANSFER`` ..."""
    balances: tuple[Balance[Number], ...] = field(name="B", default=())
    """Those that changed."""
    positions: tuple[Position[Number], ...] = field(name="P", default=())
    """Those that changed; none for the funding fee of a cross position."""
    symbol: str | None = field(name="S", default=None)
    """Of a ``FUNDING_FEE``; since 2026-08, SDK 18.1.0."""


class SymbolConfiguration(Record, frozen=True, kw_only=True):
    """The leverage of a symbol. Page "Event: Account Configuration Update"."""

    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    leverage: int = field(name="l")
    """Times."""


class MarginCallPosition(Record, Generic[Number], frozen=True, kw_only=True):
    """A position whose risk is too high. Page "Event: Margin Call"."""

    symbol: str = field(name="s")
    """For example ``ETHUSDT``."""
    position_side: str = field(name="ps")
    """``BOTH``, or in hedge mode ``LONG`` or ``SHORT``."""
    amount: Number = field(name="pa")
    """In the base asset or in contracts, negative if short."""
    margin_type: str = field(name="mt")
    """``CROSSED`` or ``ISOLATED``."""
    isolated_wallet: Number = field(name="iw")
    """What an isolated position has of its own, in the margin asset."""
    mark_price: Number = field(name="mp")
    """In the quote asset."""
    unrealized_pnl: Number = field(name="up")
    """In the margin asset."""
    maintenance_margin: Number = field(name="mm")
    """That is required, in the margin asset."""


class Strategy(Record, frozen=True, kw_only=True):
    """A strategy of the exchange's own. Page "Event: STRATEGY_UPDATE"."""

    strategy_id: int = field(name="si")
    """The exchange's."""
    strategy_type: str = field(name="st")
    """For example ``GRID``."""
    status: str = field(name="ss")
    """``NEW``, ``WORKING``, ``CANCELLED`` or ``EXPIRED``."""
    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    update_time: Milliseconds = field(name="ut")
    """When it changed."""
    op_code: int = field(name="c")
    """What happened: ``8001`` to ``8015``; the page says what each means."""


class StrategyUpdate(Event, frozen=True, kw_only=True, tag="STRATEGY_UPDATE"):
    """A strategy was created, cancelled, or ended. Page "Event: STRATEGY_UPDATE"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    strategy: Strategy = field(name="su")
    """The strategy as it is now."""


class Grid(Record, Generic[Number], frozen=True, kw_only=True):
    """A grid of orders. Page "Event: GRID_UPDATE (Deprecated)"."""

    strategy_id: int = field(name="si")
    """The exchange's."""
    strategy_type: str = field(name="st")
    """``GRID``."""
    status: str = field(name="ss")
    """``NEW``, ``WORKING``, ``CANCELLED`` or ``EXPIRED``."""
    symbol: str = field(name="s")
    """For example ``BTCUSDT``."""
    realized_pnl: Number = field(name="r")
    """In the quote asset."""
    unmatched_average_price: Number = field(name="up")
    """In the quote asset."""
    unmatched_quantity: Number = field(name="uq")
    """In the base asset, or in contracts."""
    unmatched_fee: Number = field(name="uf")
    """In the quote asset."""
    matched_pnl: Number = field(name="mp")
    """In the quote asset."""
    update_time: Milliseconds = field(name="ut")
    """When it changed."""


class GridUpdate(Event, Generic[Number], frozen=True, kw_only=True, tag="GRID_UPDATE"):
    """An order of a grid was filled, wholly or in part; deprecated. Page "Event: GRID_UPDATE (Deprecated)"."""

    transaction_time: Milliseconds = field(name="T")
    """When it happened."""
    grid: Grid[Number] = field(name="gu")
    """The grid as it is now."""


class ListenKeyExpired(Event, frozen=True, kw_only=True, tag="listenKeyExpired"):
    """The listen key expired; the stream replaces it by itself. Page "Event: User Data Stream Expired".

    The key that is sent with it opens the account's stream to whoever reads it, and has no field here.
    """
