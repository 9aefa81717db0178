"""Orders as JSON, in the shapes of Binance's documents of 2026: in answers, and in events."""

from __future__ import annotations

from typing import Any

from ._markets import Market
from ._orders import Execution, Order
from ._symbols import money, plain

__all__ = ["canceled_json", "order_event", "order_json", "placed_json"]

_Json = dict[str, Any]


def order_json(market: Market, order: Order) -> _Json:
    """As a query shows it ("Query Order", "Current All Open Orders", "All Orders")."""
    if market.is_spot:
        return {
            **_spot_order(order),
            "icebergQty": "0.00000000",
            "time": order.created,
            "updateTime": order.updated,
            "isWorking": True,
        }
    return {**_futures_order(market, order), "time": order.created, "updateTime": order.updated}


def placed_json(market: Market, order: Order, kind: str, trades: list[Execution]) -> _Json:
    """The answer to a new order, as ``newOrderRespType`` asks for it."""
    if not market.is_spot:
        # "cumQty" is here alone, and in the answer to a cancel.
        return {**_futures_order(market, order), "cumQty": plain(order.filled), "updateTime": order.updated}
    if kind == "ACK":
        names = ("symbol", "orderId", "orderListId", "clientOrderId")
        told = {name: value for name, value in _spot_order(order).items() if name in names}
        return {**told, "transactTime": order.updated}
    told = {**_spot_order(order), "transactTime": order.updated}
    return told if kind == "RESULT" else {**told, "fills": [_fill(each) for each in trades]}


def canceled_json(market: Market, order: Order, cancel_id: str) -> _Json:
    """The answer to a cancel."""
    if not market.is_spot:
        return {**_futures_order(market, order), "cumQty": plain(order.filled), "updateTime": order.updated}
    told = _spot_order(order)
    return {**told, "origClientOrderId": order.client_id, "clientOrderId": cancel_id, "transactTime": order.updated}


def order_event(market: Market, order: Order, execution: Execution, ms: int) -> _Json:
    """``ORDER_TRADE_UPDATE`` or ``executionReport``."""
    return _execution_report(order, execution, ms) if market.is_spot else _trade_update(market, order, execution, ms)


def _fill(trade: Execution) -> _Json:
    return {
        "price": money(trade.price),
        "qty": money(trade.quantity),
        "commission": money(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade,
    }


def _spot_order(order: Order) -> _Json:
    want = order.want
    return {
        "symbol": want.symbol.name,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": money(want.price),
        "origQty": money(want.quantity),
        "executedQty": money(order.filled),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": money(order.value),  # the exchange's spelling
        "status": order.status,
        "timeInForce": want.time_in_force,
        "type": want.type,
        "side": want.side,
        "stopPrice": "0.00000000",
        "workingTime": order.created,
        "selfTradePreventionMode": "NONE",
    }


def _futures_order(market: Market, order: Order) -> _Json:
    want = order.want
    told: _Json = {
        "orderId": order.number,
        "symbol": want.symbol.name,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": plain(want.price),
        "avgPrice": plain(order.average),
        "origQty": plain(want.quantity),
        "executedQty": plain(order.filled),
        "timeInForce": want.time_in_force,
        "type": want.type,
        "reduceOnly": want.reduce_only,
        "closePosition": False,
        "side": want.side,
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": want.type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    if market.name == "coinm":
        return {**told, "pair": want.symbol.pair, "cumBase": money(order.value)}
    return {**told, "cumQuote": plain(order.value), "goodTillDate": 0}


def _trade_update(market: Market, order: Order, execution: Execution, ms: int) -> _Json:
    want = order.want
    told: _Json = {
        "s": want.symbol.name,
        "c": order.client_id,
        "S": want.side,
        "o": want.type,
        "f": want.time_in_force,
        "q": plain(want.quantity),
        "p": plain(want.price),
        "ap": plain(order.average),
        "sp": "0",
        "x": execution.kind,
        "X": order.status,
        "i": order.number,
        "l": plain(execution.quantity),
        "z": plain(order.filled),
        "L": plain(execution.price),
        "T": ms,
        "t": execution.trade,
        "b": "0",
        "a": "0",
        "m": execution.is_maker,
        "R": want.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": want.type,
        "ps": "BOTH",
        "cp": False,
        "rp": plain(execution.profit),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
    }
    if execution.fee_asset:  # "will not push if no commission"
        told |= {"N": execution.fee_asset, "n": money(execution.fee)}
    event = {"e": "ORDER_TRADE_UPDATE", "E": ms, "T": ms}
    if market.name == "coinm":
        return {**event, "i": "SfsR", "o": {**told, "ma": want.symbol.asset}}
    return {**event, "o": {**told, "gtd": 0, "er": "0"}}


def _execution_report(order: Order, execution: Execution, ms: int) -> _Json:
    want = order.want
    is_trade = execution.kind == "TRADE"
    return {
        "e": "executionReport",
        "E": ms,
        "s": want.symbol.name,
        # Of a cancel, the client's name for the request; that of the order is in "C" then.
        "c": execution.cancel_id or order.client_id,
        "S": want.side,
        "o": want.type,
        "f": want.time_in_force,
        "q": money(want.quantity),
        "p": money(want.price),
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": order.client_id if execution.cancel_id else "",
        "x": execution.kind,
        "X": order.status,
        "r": "NONE",
        "i": order.number,
        "l": money(execution.quantity),
        "z": money(order.filled),
        "L": money(execution.price),
        "n": money(execution.fee) if is_trade else "0",
        "N": execution.fee_asset or None,
        "T": ms,
        "t": execution.trade if is_trade else -1,
        "I": order.number,
        "w": order.is_open,
        "m": execution.is_maker,
        "M": is_trade,
        "O": order.created,
        "Z": money(order.value),
        "Y": money(execution.quantity * execution.price),
        "Q": "0.00000000",
        "W": order.created,
        "V": "NONE",
    }
