"""Where Binance's spot, USD-M and COIN-M futures are asked about an account, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .._errors import UsageError
from .._venue._signed_venue import SignedVenue
from .._venue._venue import Venue

__all__ = ["BinanceMarket", "market_of", "rest_url_of"]

_HOUR: Final = 3_600_000  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceMarket:
    """The paths of one kind of trading, each with the weight that a request costs.

    Attributes:
        order: One order ...
        order_weight: ... and what that costs; so with the others.
        open_orders: The open orders.
        open_orders_weight: In one symbol.
        all_open_orders_weight: In all.
        past_orders: The orders of a span of time.
        past_orders_weight: What one page costs.
        balances: Balances; at spot, the account.
        balances_weight: What they cost.
        positions: Positions; ``None`` at spot.
        positions_weight: What they cost.
        span: Milliseconds that a query for past orders may cover.
        page: How many orders are asked for in one answer.
    """

    order: str
    order_weight: int
    open_orders: str
    open_orders_weight: int
    all_open_orders_weight: int
    past_orders: str
    past_orders_weight: int
    balances: str
    balances_weight: int
    positions: str | None
    positions_weight: int
    span: int
    page: int


# developers.binance.com, USD-M "Query Order", "Current All Open Orders", "All Orders", "Futures Account Balance V3",
# "Position Information V3", 2026-05. A span has to be less than seven days; a page has 1000 orders at most, and half of
# that are 300 kB.
_USDM: Final = BinanceMarket(
    order="/fapi/v1/order",
    order_weight=1,
    open_orders="/fapi/v1/openOrders",
    open_orders_weight=1,
    all_open_orders_weight=40,
    past_orders="/fapi/v1/allOrders",
    past_orders_weight=5,
    balances="/fapi/v3/balance",
    balances_weight=5,
    positions="/fapi/v3/positionRisk",
    positions_weight=5,
    span=7 * 24 * _HOUR - 1000,
    page=500,
)

# The same pages of COIN-M, 2026-05. A page has 100 orders at most.
_COINM: Final = BinanceMarket(
    order="/dapi/v1/order",
    order_weight=1,
    open_orders="/dapi/v1/openOrders",
    open_orders_weight=1,
    all_open_orders_weight=40,
    past_orders="/dapi/v1/allOrders",
    past_orders_weight=20,
    balances="/dapi/v1/balance",
    balances_weight=1,
    positions="/dapi/v1/positionRisk",
    positions_weight=1,
    span=7 * 24 * _HOUR - 1000,
    page=100,
)

# binance-spot-api-docs, rest-api.md, 2026-07. A span is 24 hours at most.
_SPOT: Final = BinanceMarket(
    order="/api/v3/order",
    order_weight=4,
    open_orders="/api/v3/openOrders",
    open_orders_weight=6,
    all_open_orders_weight=80,
    past_orders="/api/v3/allOrders",
    past_orders_weight=20,
    balances="/api/v3/account",
    balances_weight=20,
    positions=None,
    positions_weight=0,
    span=24 * _HOUR,
    page=500,
)

# By how the venue's name begins.
_MARKETS: Final = {"binance-usdm": _USDM, "binance-coinm": _COINM, "binance-spot": _SPOT}

# Of the hosts of spot's WebSocket API, those of its REST API (rest-api.md, testnet/rest-api.md, demo-mode, 2026-07).
_REST_HOSTS: Final = {
    "ws-api.binance.com": "https://api.binance.com",
    "ws-api.testnet.binance.vision": "https://testnet.binance.vision",
    "demo-ws-api.binance.com": "https://demo-api.binance.com",
}


def market_of(venue: Venue | SignedVenue) -> BinanceMarket:
    """What is traded at a venue.

    Raises:
        UsageError: It is not one of these.
    """
    for name, market in _MARKETS.items():
        if venue.name.startswith(name):
            return market
    raise UsageError(
        "there are no queries for this venue",
        advice=f"Pass one of {', '.join(_MARKETS)}, or queries of your own: see OrderQueries",
        venue=venue.name,
    )


def rest_url_of(venue: Venue | SignedVenue, given: str | None) -> str:
    """Where it is asked.

    Raises:
        UsageError: It is not known, because the venue has no REST address and none was passed.
    """
    if given is not None:
        return given
    if isinstance(venue, Venue):
        return venue.rest_url
    host = urlsplit(venue.stream_url).hostname or ""
    if host not in _REST_HOSTS:
        raise UsageError(
            f"the REST address that belongs to {host} is not known", advice="Pass rest_url=", venue=venue.name
        )
    return _REST_HOSTS[host]
