"""Account events of the exchanges that follow Binance, in the shapes of their own documents.

BingX documentation (2022, 2026-04), "Order Update"; Toobit documentation (2023-12), "Payload: Order Update";
Bitrue documentation (2023-07), "Order Update", "balance update"; Coins.ph documentation (2026-06), "Web Socket
Payloads"; GMO Coin documentation (2026-06), "Execution Notifications", "Order Notifications". HashKey's events are seen
in its clients alone (ccxt): those of Toobit, with the time as a text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

__all__ = ["OTHER_SHAPES", "as_sent", "gmo_time"]

Event = dict[str, Any]

# Where BingX's spot says on which subscription an event comes, which has the event in it then.
_DATA_TYPES = {"executionReport": "spot.executionReport"}


def as_sent(family: str, event: Event) -> Event | list[Event]:
    """The event as it is on the wire, where that is more than the event."""
    if family in {"toobit", "toobit-usdtm", "hashkey"}:
        return [event]
    if family == "bingx-spot" and event.get("e") in _DATA_TYPES:
        return {"data": event, "dataType": _DATA_TYPES[event["e"]]}
    return event


def _bingx_order(symbol: str, asset: str) -> Callable[[int, int], Event]:
    def shape(number: int, time: int) -> Event:
        order = {
            "s": symbol,
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
            "n": "-0.012",
            "N": asset,
            "T": time,
            "ps": "LONG",
            "rp": "0",
        }
        return {"e": "ORDER_TRADE_UPDATE", "E": time, "T": time, "o": order}

    return shape


def _bingx_account(symbol: str, asset: str) -> Callable[[int, int], Event]:
    def shape(number: int, time: int) -> Event:
        position = {"s": symbol, "pa": "0.001", "ep": "60000", "up": "0", "mt": "cross", "ps": "LONG"}
        event = _bingx_spot_account(number, time, asset)
        event["a"]["P"] = [position]
        return event

    return shape


def _bingx_spot_account(number: int, time: int, asset: str = "USDT") -> Event:
    balance = {"a": asset, "wb": f"{number}.00000000", "cw": f"{number}.00000000", "bc": "0"}
    return {"e": "ACCOUNT_UPDATE", "E": time, "T": time, "a": {"m": "ORDER", "B": [balance]}}


def _bingx_spot_order(number: int, time: int) -> Event:
    return {
        "e": "executionReport",
        "E": time,
        "s": "BTC-USDT",
        "S": "BUY",
        "o": "LIMIT",
        "q": "0.00100000",
        "p": "60000.00000000",
        "x": "TRADE",
        "X": "FILLED",
        "i": number,
        "l": "0.00100000",
        "z": "0.00100000",
        "L": "60000.00000000",
        "n": "0",
        "N": "USDT",
        "T": time,
        "t": number,
        "O": time,
        "Z": "60.00000000",
        "Y": "60.00000000",
        "Q": "0.00000000",
    }


def _toobit_order(number: int, time: int) -> Event:
    return {
        "e": "executionReport",
        "E": time,
        "s": "BTCUSDT",
        "c": number,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.00100000",
        "p": "60000.00000000",
        "pt": "INPUT",
        "X": "FILLED",
        "i": number,
        "l": "0.00100000",
        "z": "0.00100000",
        "L": "60000.00000000",
        "n": "0",
        "N": None,
        "u": True,
        "w": False,
        "m": True,
        "O": time,
        "Z": "60.00000000",
    }


def _toobit_account(number: int, time: int) -> Event:
    balance = {"a": "USDT", "f": f"{number}.00000000", "l": "0.00000000"}
    return {"e": "outboundAccountInfo", "E": time, "T": True, "W": True, "D": True, "B": [balance]}


def _toobit_trade(number: int, time: int) -> Event:
    return {
        "e": "ticketInfo",
        "E": str(time),
        "s": "BTCUSDT",
        "q": "0.001",
        "t": str(time),
        "p": "60000.0",
        "T": str(number),
        "o": str(number),
        "c": str(number),
        "O": "1",
        "a": "2",
        "A": "3",
        "m": True,
        "S": "BUY",
    }


def _timed_in_text(shape: Callable[[int, int], Event]) -> Callable[[int, int], Event]:
    return lambda number, time: shape(number, time) | {"E": str(time)}


def _bitrue_order(number: int, time: int) -> Event:
    return {
        "e": "executionReport",
        "I": str(number),
        "E": time,
        "u": 123456,
        "s": "BTCUSDT",
        "c": f"n-{number}",
        "S": 1,
        "o": 1,
        "q": "0.00100000",
        "p": "60000.00000000",
        "x": 1,
        "X": 2,
        "i": number,
        "l": "0.00100000",
        "L": "60000.00000000",
        "n": "0",
        "N": None,
        "T": time,
        "t": number,
        "O": time,
        "z": "0.00100000",
        "Y": "60.00000000",
        "C": "",
    }


def _bitrue_balance(number: int, time: int) -> Event:
    balance = {
        "a": "usdt",
        "F": f"{number}.0000000000000000",
        "T": time,
        "f": "1.0000000000000000",
        "L": "0.0000000000000000",
        "l": "0.0000000000000000",
        "t": time,
    }
    return {
        "e": "BALANCE",
        "x": "OutboundAccountPositionOrderEvent",
        "E": time,
        "I": number,
        "i": time,
        "B": [balance],
        "u": 123456,
    }


def _coins_order(number: int, time: int) -> Event:
    return {
        "e": "executionReport",
        "E": time,
        "s": "BTCPHP",
        "c": f"n-{number}",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.00100000",
        "p": "60000.00000000",
        "P": "0.00000000",
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
        "w": False,
        "m": True,
        "O": time,
        "Z": "60.00000000",
        "Y": "60.00000000",
        "Q": "0.00000000",
    }


def _coins_account(number: int, time: int) -> Event:
    balance = {"a": "PHP", "f": f"{number}.000000", "l": "0.000000"}
    return {"e": "outboundAccountPosition", "E": time, "u": time, "B": [balance]}


def _coins_balance(number: int, time: int) -> Event:
    return {"e": "balanceUpdate", "E": time, "a": "PHP", "d": f"{number}.00000000", "T": time, "BS": "CHAIN_DEPOSIT"}


def _gmo_execution(number: int, time: int) -> Event:
    return {
        "channel": "executionEvents",
        "orderId": number,
        "executionId": number,
        "symbol": "BTC_JPY",
        "settleType": "OPEN",
        "executionType": "LIMIT",
        "side": "BUY",
        "executionPrice": "877404",
        "executionSize": "0.5",
        "positionId": number,
        "orderTimestamp": gmo_time(time),
        "executionTimestamp": gmo_time(time),
        "lossGain": "0",
        "fee": "323",
        "orderPrice": "877200",
        "orderSize": "0.8",
        "orderExecutedSize": "0.7",
        "timeInForce": "FAS",
        "msgType": "ER",
    }


def _gmo_order(number: int, time: int) -> Event:
    return {
        "channel": "orderEvents",
        "orderId": number,
        "symbol": "BTC_JPY",
        "settleType": "OPEN",
        "executionType": "LIMIT",
        "side": "BUY",
        "orderStatus": "ORDERED",
        "orderTimestamp": gmo_time(time),
        "orderPrice": "876045",
        "orderSize": "0.8",
        "orderExecutedSize": "0",
        "losscutPrice": "0",
        "timeInForce": "FAS",
        "msgType": "NOR",
    }


def gmo_time(time: int) -> str:
    """Epoch milliseconds as GMO Coin writes them."""
    clock = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")
    return clock.replace("+00:00", "Z")


_TOOBIT: dict[str, Callable[[int, int], Event]] = {
    "executionReport": _toobit_order,
    "outboundAccountInfo": _toobit_account,
    "ticketInfo": _toobit_trade,
}

OTHER_SHAPES: dict[str, dict[str, Callable[[int, int], Event]]] = {
    "bingx": {
        "ORDER_TRADE_UPDATE": _bingx_order("BTC-USDT", "USDT"),
        "ACCOUNT_UPDATE": _bingx_account("BTC-USDT", "USDT"),
    },
    "bingx-coinm": {
        "ORDER_TRADE_UPDATE": _bingx_order("BTC-USD", "BTC"),
        "ACCOUNT_UPDATE": _bingx_account("BTC-USD", "BTC"),
    },
    "bingx-spot": {"executionReport": _bingx_spot_order, "ACCOUNT_UPDATE": _bingx_spot_account},
    "toobit": _TOOBIT,
    "hashkey": {kind: _timed_in_text(shape) for kind, shape in _TOOBIT.items()},
    "bitrue": {"executionReport": _bitrue_order, "BALANCE": _bitrue_balance},
    "coins-ph": {
        "executionReport": _coins_order,
        "outboundAccountPosition": _coins_account,
        "balanceUpdate": _coins_balance,
    },
    "gmo": {"executionEvents": _gmo_execution, "orderEvents": _gmo_order},
}
