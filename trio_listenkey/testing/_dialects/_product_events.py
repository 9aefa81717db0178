"""Account events of Binance's other products and of Aster's spot, in the shapes of their own documents.

European options documentation (2026-05), "Event: Order update", "Event: Account data", "Event: Balance and Position
Update"; Portfolio margin documentation (2026-05), "Event: Futures Order update", "Event: Futures Balance and Position
Update", "Event: Margin Order Update", "Event: Margin Account Update"; Aster documentation V3, spot (2026-06), "Payload:
Order Update", "Payload: ACCOUNT_UPDATE"; Binance's SDKs for margin trading 8.9.0 and for stocks 1.6.0 (2026-10).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["PRODUCT_SHAPES"]

Event = dict[str, Any]


def _filled(number: int, time: int, symbol: str) -> Event:
    """What the orders of futures and options have in common: one that is filled."""
    return {
        "s": symbol,
        "c": f"n-{number}",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.001",
        "p": "60000",
        "ap": "60000",
        "x": "TRADE",
        "X": "FILLED",
        "i": number,
        "l": "0.001",
        "z": "0.001",
        "L": "60000",
        "N": "USDT",
        "n": "-0.012",
        "T": time,
        "t": number,
        "b": "0",
        "a": "0",
        "m": True,
        "R": False,
        "rp": "0",
        "V": "EXPIRE_MAKER",
    }


def _options_order(number: int, time: int) -> Event:
    order = _filled(number, time, "BTC-301227-60000-C") | {"ot": "LIMIT"}
    return {"e": "ORDER_TRADE_UPDATE", "E": time, "T": time, "o": order}


def _options_account(number: int, time: int) -> Event:
    worth = f"{number}.00000000"
    margins = {"m": "0.00000000", "u": "0.00000000", "i": "0.00000000", "M": "0.00000000"}
    return {"e": "ACCOUNT_UPDATE", "E": time, "T": time, "eq": worth, "aeq": worth, "b": worth, **margins}


def _options_balance(number: int, time: int) -> Event:
    balance = {"a": "USDT", "b": f"{number}.00000000", "bc": "0"}
    position = {"s": "BTC-301227-60000-C", "c": "0.0010", "p": "60.00000000", "a": "60000.00000000"}
    head = {"e": "BALANCE_POSITION_UPDATE", "E": time, "T": time, "m": "ORDER"}
    return {**head, "B": [balance], "P": [position]}


def _portfolio_order(number: int, time: int) -> Event:
    order = _filled(number, time, "BTCUSDT") | {"sp": "0", "ps": "BOTH", "gtd": 0}
    return {"e": "ORDER_TRADE_UPDATE", "fs": "UM", "E": time, "T": time, "i": "", "o": order}


def _portfolio_account(number: int, time: int) -> Event:
    balance = {"a": "USDT", "wb": f"{number}.00000000", "cw": f"{number}.00000000", "bc": "0"}
    position = {"s": "BTCUSDT", "pa": "0.001", "ep": "60000", "cr": "0", "up": "0", "ps": "BOTH", "bep": "60012"}
    update = {"m": "ORDER", "B": [balance], "P": [position]}
    return {"e": "ACCOUNT_UPDATE", "fs": "UM", "E": time, "T": time, "i": "", "a": update}


def _portfolio_execution(number: int, time: int) -> Event:
    return {
        "e": "executionReport",
        "E": time,
        "s": "BTCUSDT",
        "c": f"n-{number}",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.00100000",
        "p": "60000.00000000",
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "TRADE",
        "X": "FILLED",
        "r": "NONE",
        "i": number,
        "l": "0.00100000",
        "z": "0.00100000",
        "L": "60000.00000000",
        "n": "0",
        "N": None,
        "T": time,
        "t": number,
        "I": number,
        "w": False,
        "m": True,
        "O": time,
        "Z": "60.00000000",
        "Y": "60.00000000",
        "Q": "0.00000000",
        "W": time,
        "V": "NONE",
    }


def _portfolio_position(number: int, time: int) -> Event:
    balance = {"a": "USDT", "f": f"{number}.00000000", "l": "0.00000000"}
    return {"e": "outboundAccountPosition", "E": time, "u": time, "U": number, "B": [balance]}


def _aster_execution(number: int, time: int) -> Event:
    return {
        "s": "BTCUSDT",
        "c": f"n-{number}",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.001000",
        "p": "60000.0000000000",
        "ap": "60000.0000000000000000",
        "P": "0",
        "x": "TRADE",
        "X": "FILLED",
        "i": number,
        "l": "0.001000",
        "z": "0.001000",
        "L": "60000.0000000000",
        "n": "0.01200000",
        "N": "USDT",
        "T": time,
        "t": number,
        "m": True,
        "ot": "LIMIT",
        "O": 0,
        "Z": "60.00000000",
        "Y": "60.0000000000000000",
        "Q": "0",
        "e": "executionReport",
        "E": time,
    }


def _aster_position(number: int, time: int) -> Event:
    balance = {"a": "USDT", "f": f"{number}.00000000", "l": "0.00000000"}
    return {"B": [balance], "e": "outboundAccountPosition", "T": time, "E": time, "m": "ORDER"}


def _liability_change(number: int, time: int) -> Event:
    return {"e": "USER_LIABILITY_CHANGE", "E": time, "a": "USDT", "t": "BORROW", "p": f"{number}.00000000", "i": "0"}


def _margin_level_change(number: int, time: int) -> Event:
    return {"e": "MARGIN_LEVEL_STATUS_CHANGE", "E": time, "l": f"{number}.00000000", "s": "MARGIN_LEVEL_2"}


def _stock_order(number: int, time: int) -> Event:
    return {
        "e": "orderReport",
        "E": time,
        "x": "ORDER_TERMINAL",
        "i": f"00000000-0000-4000-8000-{number:012}",
        "ai": "1",
        "b": "EQ_AAPL",
        "q": "USD",
        "S": "buy",
        "o": "limit",
        "p": 200.0,
        "Q": 1.0,
        "N": None,
        "fq": 1.0,
        "FN": 200.0,
        "tc": 200.2,
        "Z": 100.0,
        "n": "Regular",
        "s": "filled",
        "T": time,
        "U": time,
    }


PRODUCT_SHAPES: dict[str, dict[str, Callable[[int, int], Event]]] = {
    "options": {
        "ORDER_TRADE_UPDATE": _options_order,
        "ACCOUNT_UPDATE": _options_account,
        "BALANCE_POSITION_UPDATE": _options_balance,
    },
    "portfolio-margin": {
        "ORDER_TRADE_UPDATE": _portfolio_order,
        "ACCOUNT_UPDATE": _portfolio_account,
        "executionReport": _portfolio_execution,
        "outboundAccountPosition": _portfolio_position,
    },
    "margin-risk": {"USER_LIABILITY_CHANGE": _liability_change, "MARGIN_LEVEL_STATUS_CHANGE": _margin_level_change},
    "stocks": {"orderReport": _stock_order},
    "aster-spot": {"executionReport": _aster_execution, "outboundAccountPosition": _aster_position},
}
