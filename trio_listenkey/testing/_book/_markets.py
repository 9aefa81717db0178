"""Binance's spot, USD-M and COIN-M futures, as far as they differ in how they take orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .._dialects._binance import Dialect
from ._symbols import Symbol

__all__ = ["MARKETS", "Market", "market_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One kind of trading.

    Attributes:
        name: Which.
        prefix: What its paths begin with.
        symbols: What is traded there without being asked for.
        maker: The commission of who waited in the book, as a part of the value ...
        taker: ... and of who took from it.
        times_in_force: What an order may say.
        types: What an order may be.
        span: Milliseconds that one query for past orders may cover.
        page: How many orders such a query returns, if it does not say ...
        longest_page: ... and at most.
        order_limits: New orders that an account may send: in so many seconds, so many, under this name.
    """

    name: Literal["usdm", "coinm", "spot"]
    prefix: str
    symbols: tuple[Symbol, ...]
    maker: Decimal
    taker: Decimal
    times_in_force: tuple[str, ...]
    types: tuple[str, ...]
    span: int
    page: int
    longest_page: int
    order_limits: tuple[tuple[int, int, str], ...]

    @property
    def is_spot(self) -> bool:
        """Whether assets change hands, and there are no positions."""
        return self.name == "spot"


_HOUR = 3_600_000
_LINEAR = tuple(Symbol(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH", "BNB", "SOL", "XRP"))

# Fees are those of an account without discounts. Spans, pages and limits: Binance USD-M and COIN-M documentation, "All
# Orders", "Exchange Information"; Spot documentation, "rest-api.md", 2026.
USDM_MARKET = Market(
    name="usdm",
    prefix="/fapi",
    symbols=(*_LINEAR, Symbol("BTCUSDC", "BTC", "USDC")),
    maker=Decimal("0.0002"),
    taker=Decimal("0.0004"),
    times_in_force=("GTC", "IOC", "FOK", "GTX"),
    types=("LIMIT", "MARKET"),
    span=7 * 24 * _HOUR,
    page=500,
    longest_page=1000,
    order_limits=((10, 300, "10S"), (60, 1200, "1M")),
)
COINM_MARKET = Market(
    name="coinm",
    prefix="/dapi",
    symbols=(
        Symbol("BTCUSD_PERP", "BTC", "USD", Decimal(100)),
        Symbol("ETHUSD_PERP", "ETH", "USD", Decimal(10)),
    ),
    maker=Decimal("0.0001"),
    taker=Decimal("0.0005"),
    times_in_force=("GTC", "IOC", "FOK", "GTX"),
    types=("LIMIT", "MARKET"),
    span=7 * 24 * _HOUR,
    page=50,
    longest_page=100,
    order_limits=((60, 1200, "1M"),),
)
SPOT_MARKET = Market(
    name="spot",
    prefix="/api",
    symbols=(*_LINEAR, Symbol("BTCUSDC", "BTC", "USDC"), Symbol("ETHBTC", "ETH", "BTC")),
    maker=Decimal("0.001"),
    taker=Decimal("0.001"),
    times_in_force=("GTC", "IOC", "FOK"),
    types=("LIMIT", "MARKET", "LIMIT_MAKER"),
    span=24 * _HOUR,
    page=500,
    longest_page=1000,
    order_limits=((10, 100, "10S"), (86_400, 200_000, "1D")),
)

MARKETS: tuple[Market, ...] = (USDM_MARKET, COINM_MARKET, SPOT_MARKET)

# By the path of the listen key, or of the WebSocket API: where the account's events of this market go.
_BY_PATH: Mapping[str, Market] = {
    "/fapi/v1/listenKey": USDM_MARKET,
    "/dapi/v1/listenKey": COINM_MARKET,
    "/api/v3/userDataStream": SPOT_MARKET,
    "/ws-api/v3": SPOT_MARKET,
}


def market_of(dialect: Dialect) -> Market | None:
    """What can be traded where this dialect is spoken."""
    return _BY_PATH.get(dialect.path)
