"""Balances and positions as JSON, in the shapes of Binance's documents of 2026: in answers, and in events.

There is no margin here, so what is asked of it is told as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ._holdings import Balance, Holdings, Position
from ._markets import Market
from ._symbols import money, plain

__all__ = ["account_json", "balance_json", "funds_event", "holdings_event", "positions_json"]

_Json = dict[str, Any]
_NOTHING = "0.00000000"
_ALIAS = "SfsR"  # by which an account calls itself

Prices = Mapping[str, Decimal]
"""The price of each symbol of a market that has one."""


def holdings_event(market: Market, holdings: Holdings, changed: Iterable[str], symbol: str, ms: int) -> _Json:
    """``ACCOUNT_UPDATE`` or ``outboundAccountPosition``: what an order changed."""
    if market.is_spot:
        return _outbound_account_position(holdings, changed, ms)
    position = holdings.positions[symbol]
    return _account_update(market, holdings, "ORDER", changed, [position], "0", ms)


def funds_event(market: Market, holdings: Holdings, asset: str, amount: Decimal, ms: int) -> list[_Json]:
    """What a deposit or a withdrawal sends."""
    if market.is_spot:
        told = {"e": "balanceUpdate", "E": ms, "a": asset, "d": money(amount), "T": ms}
        return [told, _outbound_account_position(holdings, [asset], ms)]
    reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
    return [_account_update(market, holdings, reason, [asset], [], money(amount), ms)]


def _outbound_account_position(holdings: Holdings, changed: Iterable[str], ms: int) -> _Json:
    balances = [
        {"a": asset, **_free_and_locked(holdings.balances.get(asset, Balance()), "f", "l")} for asset in changed
    ]
    return {"e": "outboundAccountPosition", "E": ms, "u": ms, "B": balances}


def _account_update(
    market: Market,
    holdings: Holdings,
    reason: str,
    changed: Iterable[str],
    positions: Iterable[Position],
    moved: str,
    ms: int,
) -> _Json:
    wallets = {asset: money(holdings.balances[asset].free) for asset in changed}
    account = {
        "m": reason,
        "B": [{"a": asset, "wb": wallet, "cw": wallet, "bc": moved} for asset, wallet in wallets.items()],
        "P": [_position_update(each) for each in positions],
    }
    alias = {"i": _ALIAS} if market.name == "coinm" else {}
    return {"e": "ACCOUNT_UPDATE", "E": ms, "T": ms, **alias, "a": account}


def _position_update(position: Position) -> _Json:
    return {
        "s": position.symbol.name,
        "pa": plain(position.amount),
        "ep": plain(position.entry),
        "bep": plain(position.break_even),
        "cr": money(position.realised),
        "up": _NOTHING,
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }


def _free_and_locked(balance: Balance, free: str, locked: str) -> _Json:
    return {free: money(balance.free), locked: money(balance.locked)}


def account_json(market: Market, holdings: Holdings, prices: Prices) -> _Json:
    """As the pages "Account Information" have it."""
    if market.is_spot:
        return _spot_account(holdings)
    total = sum((each.free for each in holdings.balances.values()), Decimal(0))
    told: _Json = {
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "feeTier": 0,
        "updateTime": 0,
        "assets": [_asset(asset, each) for asset, each in holdings.balances.items()],
        "positions": positions_json(market, holdings, prices),
    }
    if market.name == "usdm":  # in one unit, which COIN-M has not
        told |= {"multiAssetsMargin": False, "totalWalletBalance": money(total), "availableBalance": money(total)}
    return told


def _spot_account(holdings: Holdings) -> _Json:
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": max((each.updated for each in holdings.balances.values()), default=0),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, **_free_and_locked(each, "free", "locked")} for asset, each in holdings.balances.items()
        ],
        "permissions": ["SPOT"],
    }


def _asset(asset: str, balance: Balance) -> _Json:
    wallet = money(balance.free)
    return {
        "asset": asset,
        "walletBalance": wallet,
        "unrealizedProfit": _NOTHING,
        "marginBalance": wallet,
        "maintMargin": _NOTHING,
        "initialMargin": _NOTHING,
        "positionInitialMargin": _NOTHING,
        "openOrderInitialMargin": _NOTHING,
        "crossWalletBalance": wallet,
        "crossUnPnl": _NOTHING,
        "availableBalance": wallet,
        "maxWithdrawAmount": wallet,
        "updateTime": balance.updated,
    }


def balance_json(holdings: Holdings) -> list[_Json]:
    """As the pages "Futures Account Balance" have it."""
    return [
        {
            "accountAlias": _ALIAS,
            "asset": asset,
            "balance": money(each.free),
            "crossWalletBalance": money(each.free),
            "crossUnPnl": _NOTHING,
            "availableBalance": money(each.free),
            "maxWithdrawAmount": money(each.free),
            "marginAvailable": True,
            "updateTime": each.updated,
        }
        for asset, each in holdings.balances.items()
    ]


def positions_json(market: Market, holdings: Holdings, prices: Prices) -> list[_Json]:
    """As the pages "Position Information" have it.

    USD-M shows those that are not zero (V3), COIN-M all that the account has had.
    """
    shown = [each for each in holdings.positions.values() if each.amount or market.name == "coinm"]
    return [_position(each, prices.get(each.symbol.name, each.entry)) for each in shown]


def _position(position: Position, price: Decimal) -> _Json:
    profit = money(position.symbol.profit(position.amount, position.entry, price))
    return {
        "symbol": position.symbol.name,
        "positionSide": "BOTH",
        "positionAmt": plain(position.amount),
        "entryPrice": plain(position.entry),
        "breakEvenPrice": plain(position.break_even),
        "markPrice": plain(price),
        "unRealizedProfit": profit,
        "unrealizedProfit": profit,  # as "Account Information" spells it
        "liquidationPrice": "0",
        "isolatedMargin": _NOTHING,
        "isolatedWallet": "0",
        "notional": money(position.symbol.value(position.amount, price)) if price else _NOTHING,
        "initialMargin": _NOTHING,
        "maintMargin": _NOTHING,
        "updateTime": position.updated,
    }
