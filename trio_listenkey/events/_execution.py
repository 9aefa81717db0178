"""What the ``executionReport`` of spot and that of portfolio margin have in common.

Prices are in the quote asset of the symbol, quantities in its base asset. The pages are named in ``spot`` and
``portfolio_margin``.
"""

from __future__ import annotations

from typing import Generic

from msgspec import field

from ._record import Event, Milliseconds, Number

__all__ = ["Execution"]


class Execution(Event, Generic[Number], frozen=True, kw_only=True, tag="executionReport"):
    """What the reports of both say. Page "Order Update"."""

    symbol: str = field(name="s")
    """For example ``ETHBTC``."""
    client_order_id: str = field(name="c")
    """Yours; of a cancel, that of the cancel."""
    side: str = field(name="S")
    """``BUY`` or ``SELL``."""
    order_type: str = field(name="o")
    """``LIMIT``, ``MARKET``, ``LIMIT_MAKER``, ``STOP_LOSS``, ``STOP_LOSS_LIMIT``, ``TAKE_PROFIT`` or
    ``TAKE_PROFIT_LIMIT``."""
    time_in_force: str = field(name="f")
    """``GTC``, ``IOC`` or ``FOK``."""
    quantity: Number = field(name="q")
    """Of the order, in the base asset."""
    price: Number = field(name="p")
    """Of the order, in the quote asset."""
    stop_price: Number = field(name="P")
    """In the quote asset; ``0`` without a stop."""
    iceberg_quantity: Number = field(name="F")
    """In the base asset; ``0`` of any other order."""
    order_list_id: int = field(name="g")
    """``-1`` if the order is in no list."""
    original_client_order_id: str = field(name="C")
    """Of a cancel, that of the order that is being cancelled; otherwise empty."""
    execution_type: str = field(name="x")
    """What just happened: ``NEW``, ``TRADE``, ``CANCELED``, ``REPLACED``, ``REJECTED``, ``EXPIRED`` or
    ``TRADE_PREVENTION``."""
    status: str = field(name="X")
    """What the order is now: ``NEW``, ``PENDING_NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``REJECTED``,
    ``EXPIRED`` or ``EXPIRED_IN_MATCH``."""
    reject_reason: str = field(name="r")
    """``NONE``, or why."""
    order_id: int = field(name="i")
    """The exchange's; unique within a symbol."""
    last_executed_quantity: Number = field(name="l")
    """Of this fill, in the base asset."""
    cumulative_filled_quantity: Number = field(name="z")
    """Of all fills so far, in the base asset."""
    last_executed_price: Number = field(name="L")
    """Of this fill, in the quote asset."""
    commission: Number = field(name="n")
    """Of this fill, in ``commission_asset``."""
    commission_asset: str | None = field(name="N", default=None)
    """``null`` on the wire if there is no commission."""
    transaction_time: Milliseconds = field(name="T")
    """When it happened, in the matching engine."""
    trade_id: int = field(name="t")
    """Of this fill; ``-1`` if it is none."""
    execution_id: int | None = field(name="I", default=None)
    """Of what just happened. At portfolio margin ``updateId``; at Binance.US and margin to be ignored."""
    is_on_the_book: bool = field(name="w")
    """Whether the order is."""
    is_maker_side: bool = field(name="m")
    """Whether the order was the maker of this fill."""
    ignored_m: bool | None = field(name="M", default=None)
    """To be ignored, say the documents of spot; it is sent all the same."""
    order_creation_time: Milliseconds = field(name="O")
    """When it was placed."""
    cumulative_quote_quantity: Number = field(name="Z")
    """Of all fills so far, in the quote asset; by ``cumulative_filled_quantity``, it is the average price."""
    last_quote_quantity: Number = field(name="Y")
    """Of this fill, in the quote asset."""
    quote_order_quantity: Number = field(name="Q")
    """Of a market order by its value, in the quote asset; otherwise ``0``."""
    working_time: Milliseconds | None = field(name="W", default=None)
    """When it came onto the book. Sent if it did."""
    self_trade_prevention_mode: str | None = field(name="V", default=None)
    """``NONE``, ``EXPIRE_TAKER``, ``EXPIRE_MAKER``, ``EXPIRE_BOTH``, ``DECREMENT`` ..."""
    trailing_delta: int | None = field(name="d", default=None)
    """In basis points. Sent of trailing stops."""
    trailing_time: Milliseconds | None = field(name="D", default=None)
    """When the trailing began. Sent of trailing stops."""
    strategy_id: int | None = field(name="j", default=None)
    """Yours. Sent if the order had one."""
    strategy_type: int | None = field(name="J", default=None)
    """Yours. Sent if the order had one."""
    prevented_match_id: int | None = field(name="v", default=None)
    """Sent of orders that expired by self-trade prevention, as all that follow up to ``prevented_quote_quantity``."""
    prevented_quantity: Number | None = field(name="A", default=None)
    """In the base asset."""
    last_prevented_quantity: Number | None = field(name="B", default=None)
    """In the base asset."""
    trade_group_id: int | None = field(name="u", default=None)
    """Of the accounts that do not trade with each other."""
    counter_order_id: int | None = field(name="U", default=None)
    """Of the order that this one would have traded with."""
    counter_symbol: str | None = field(name="Cs", default=None)
    """Of that order."""
    prevented_execution_quantity: Number | None = field(name="pl", default=None)
    """In the base asset."""
    prevented_execution_price: Number | None = field(name="pL", default=None)
    """In the quote asset."""
    prevented_quote_quantity: Number | None = field(name="pY", default=None)
    """In the quote asset."""
    expiry_reason: str | None = field(name="eR", default=None)
    """Sent of orders that expired: ``OCO_TRIGGER``, ``INSUFFICIENT_LIQUIDITY`` ...; since 2026, spot and portfolio
    margin."""
