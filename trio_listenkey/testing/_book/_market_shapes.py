"""What is traded at a market, as ``exchangeInfo`` says it.

Binance's documents of 2026, "Exchange Information" (USD-M, COIN-M) and "Exchange information" (Spot, "rest-api.md"). No
order is refused here because of a filter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._markets import Market
from ._symbols import Symbol

__all__ = ["brackets_json", "exchange_info"]

Json = dict[str, Any]

# A perpetual contract is delivered on this day, the documents' 25 December 2100.
_NEVER = 4_133_404_800_000
_ONBOARD = 1_569_398_400_000
_INTERVALS = {"S": "SECOND", "M": "MINUTE", "D": "DAY"}


def exchange_info(market: Market, symbols: Iterable[Symbol], ms: int) -> Json:
    """The whole answer, at that time in epoch milliseconds."""
    shape = {"spot": _spot_symbol, "usdm": _usdm_symbol, "coinm": _coinm_symbol}[market.name]
    listed = list(symbols)
    told = {
        "timezone": "UTC",
        "serverTime": ms,
        "rateLimits": _rate_limits(market),
        "exchangeFilters": [],
        "symbols": [shape(market, each) for each in listed],
    }
    if market.name == "usdm":
        assets = dict.fromkeys(each.quote for each in listed)
        told["assets"] = [{"asset": each, "marginAvailable": True, "autoAssetExchange": None} for each in assets]
    return told


def brackets_json(market: Market, symbols: Iterable[Symbol]) -> list[Json]:
    """How much leverage there is: "Notional and Leverage Brackets", with one bracket that has room for everything."""
    unit = "qty" if market.name == "coinm" else "notional"
    bracket = {"bracket": 1, "initialLeverage": 20, f"{unit}Cap": 1_000_000_000, f"{unit}Floor": 0}
    return [{"symbol": each.name, "brackets": [{**bracket, "maintMarginRatio": 0.025, "cum": 0.0}]} for each in symbols]


def _rate_limits(market: Market) -> list[Json]:
    weight = 6000 if market.is_spot else 2400
    limits = [_limit("REQUEST_WEIGHT", "M", 1, weight)]
    for _, limit, name in market.order_limits:
        limits.append(_limit("ORDERS", name[-1], int(name[:-1]), limit))
    return limits


def _limit(kind: str, letter: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": _INTERVALS[letter], "intervalNum": number, "limit": limit}


def _filters(market: Market) -> list[Json]:
    count, cost = ("maxNumOrders", "minNotional") if market.is_spot else ("limit", "notional")
    lot = {"minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}
    if market.name == "coinm":
        lot = {"minQty": "1", "maxQty": "1000000", "stepSize": "1"}
    filters: list[Json] = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", count: 200},
    ]
    if market.name != "coinm":
        filters.append({"filterType": "NOTIONAL" if market.is_spot else "MIN_NOTIONAL", cost: "5"})
    return filters


def _spot_symbol(market: Market, symbol: Symbol) -> Json:
    return {
        "symbol": symbol.name,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(market.types),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _contract(market: Market, symbol: Symbol) -> Json:
    return {
        "symbol": symbol.name,
        "pair": symbol.pair,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER,
        "onboardDate": _ONBOARD,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.base,
        "quoteAsset": symbol.quote,
        "marginAsset": symbol.asset,
        "pricePrecision": 2,
        "quantityPrecision": 0 if market.name == "coinm" else 5,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": _filters(market),
        "orderTypes": list(market.types),
        "timeInForce": list(market.times_in_force),
    }


def _usdm_symbol(market: Market, symbol: Symbol) -> Json:
    return {**_contract(market, symbol), "status": "TRADING"}


def _coinm_symbol(market: Market, symbol: Symbol) -> Json:
    size = {} if symbol.size is None else {"contractSize": int(symbol.size)}
    return {**_contract(market, symbol), "contractStatus": "TRADING", **size}
