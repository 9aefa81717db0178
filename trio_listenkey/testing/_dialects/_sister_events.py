"""Account events of the sisters, in the shapes of their own documents.

Toobit documentation, USDT-margined (2023-12), "Event: Order", "Event: Balance", "Event: Position Update"; Bitrue
documentation, futures (2024), "payload"; GMO Coin documentation of foreign exchange (2026-10), as clients have its
samples of executions and orders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._other_events import OTHER_SHAPES, gmo_time

__all__ = ["SISTER_SHAPES"]

Event = dict[str, Any]


def _toobit_order(number: int, time: int) -> Event:
    return {
        "e": "contractExecutionReport",
        "E": time,
        "s": "BTC-SWAP-USDT",
        "c": number,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "1.00000000",
        "p": "60000.00000000",
        "pt": "INPUT",
        "X": "FILLED",
        "i": number,
        "l": "1.00000000",
        "z": "1.00000000",
        "L": "60000.00000000",
        "n": "0",
        "N": None,
        "u": True,
        "w": True,
        "m": False,
        "mt": "CROSS",
        "O": time,
        "Z": "60000.00000000",
        "v": "20",
        "U": time,
    }


def _toobit_account(number: int, time: int) -> Event:
    balance = {"a": "USDT", "f": f"{number}.00000000", "l": "0.00000000"}
    return {"e": "outboundContractAccountInfo", "E": time, "T": True, "W": True, "D": True, "B": [balance]}


def _toobit_position(number: int, time: int) -> Event:
    return {
        "e": "outboundContractPositionInfo",
        "E": str(time),
        "A": "1270447370291795457",
        "s": "BTC-SWAP-USDT",
        "S": "LONG",
        "p": "60000.0",
        "P": str(number),
        "a": "1",
        "f": "50000",
        "m": "18.2",
        "r": "0",
        "mt": "CROSS",
        "rr": "89",
        "up": "12",
        "pr": "0.003",
        "pv": "60000",
        "v": "20",
    }


def _bitrue_order(number: int, time: int) -> Event:
    order = {
        "s": "BTCUSDT",
        "c": f"n-{number}",
        "S": "BUY",
        "o": "LIMIT",
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
        "n": "0",
        "T": time,
        "t": number,
        "m": False,
        "R": False,
        "ps": "LONG",
        "rp": "0",
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": time, "o": order}


def _bitrue_account(number: int, time: int) -> Event:
    balance = {"a": "USDT", "cw": f"{number}.00000000", "lb": "0.000", "iw": "0.00000000", "bc": "0.00000000"}
    position = {
        "s": "BTCUSDT",
        "pa": "1",
        "ep": "60000",
        "lp": "60000",
        "cr": "0",
        "up": "0",
        "mt": "1",
        "iw": "0.00000000",
        "ps": "LONG",
    }
    return {"e": "ACCOUNT_UPDATE", "E": time, "T": time, "a": {"m": "ORDER", "B": [balance], "P": [position]}}


def _gmo_execution(number: int, time: int) -> Event:
    return {
        "channel": "executionEvents",
        "amount": "-30",
        "rootOrderId": number,
        "orderId": number,
        "clientOrderId": f"n{number}",
        "executionId": number,
        "symbol": "USD_JPY",
        "settleType": "OPEN",
        "orderType": "NORMAL",
        "executionType": "LIMIT",
        "side": "BUY",
        "executionPrice": "138.963",
        "executionSize": "10000",
        "positionId": number,
        "lossGain": "0",
        "settledSwap": "0",
        "fee": "-30",
        "orderPrice": "140",
        "orderExecutedSize": "10000",
        "orderSize": "10000",
        "msgType": "ER",
        "orderTimestamp": gmo_time(time),
        "executionTimestamp": gmo_time(time),
    }


def _gmo_order(number: int, time: int) -> Event:
    return {
        "channel": "orderEvents",
        "rootOrderId": number,
        "clientOrderId": f"n{number}",
        "orderId": number,
        "symbol": "USD_JPY",
        "settleType": "OPEN",
        "orderType": "NORMAL",
        "executionType": "LIMIT",
        "side": "BUY",
        "orderStatus": "ORDERED",
        "orderTimestamp": gmo_time(time),
        "orderPrice": "140",
        "orderSize": "10000",
        "expiry": "20261201",
        "msgType": "NOR",
    }


SISTER_SHAPES: dict[str, dict[str, Callable[[int, int], Event]]] = {
    "toobit-usdtm": {
        "contractExecutionReport": _toobit_order,
        "outboundContractAccountInfo": _toobit_account,
        "outboundContractPositionInfo": _toobit_position,
        "ticketInfo": OTHER_SHAPES["toobit"]["ticketInfo"],
    },
    "bitrue-futures": {"ORDER_TRADE_UPDATE": _bitrue_order, "ACCOUNT_UPDATE": _bitrue_account},
    "gmo-fx": {"executionEvents": _gmo_execution, "orderEvents": _gmo_order},
}
