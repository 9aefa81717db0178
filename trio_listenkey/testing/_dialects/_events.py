"""Account events as the exchanges send them, each with its number in it.

Those of other products are in ``_product_events``, those of other exchanges in ``_other_events``. The
shapes here are those of Binance's documents, "Event: Order Update", "Event: Balance and Position Update" (USD-M,
COIN-M) and "Payload: Account Update", "Balance Update", "Order Update" (Spot and Binance.US, "User Data Streams"): a
limit order of one account that is filled again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._other_events import OTHER_SHAPES
from ._product_events import PRODUCT_SHAPES
from ._sister_events import SISTER_SHAPES
from ._stream_rules import EventFamily

__all__ = ["build_event", "event_number", "kinds_of"]

Event = dict[str, Any]


def kinds_of(family: EventFamily) -> tuple[str, ...]:
    """The kinds of event that have a shape here, the most usual first."""
    return tuple(_SHAPES[family])


def build_event(family: EventFamily, kind: str, number: int, time: int, data: Mapping[str, Any] | None = None) -> Event:
    """The event of that number, at that time in epoch milliseconds, with ``data`` merged into it.

    Where its kind has no shape here, it has ``e``, ``E`` and what ``data`` says.
    """
    shape = _SHAPES[family].get(kind)
    event = {"e": kind, "E": time} if shape is None else shape(number, time)
    return event if data is None else _merged(event, data)


def _merged(event: Mapping[str, Any], data: Mapping[str, Any]) -> Event:
    """``event`` with what ``data`` says instead: objects field by field, and all else, lists too, as a whole."""
    # It goes no deeper than the event does, whatever the depth of the data that somebody sent.
    return {**event, **{name: _instead(event.get(name), value) for name, value in data.items()}}


def _instead(own: Any, given: Any) -> Any:
    return _merged(own, given) if isinstance(own, Mapping) and isinstance(given, Mapping) else given


def event_number(event: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> int:
    """The number that :meth:`Exchange.emit` gave to ``event``: 1 for an account's first.

    It is in a field that every client keeps: the client order id (``"n-1"``; the trade id has it, too) of
    ``ORDER_TRADE_UPDATE`` and ``executionReport``, the wallet balance (``wb``) of ``ACCOUNT_UPDATE``, the free
    amount (``f``) of ``outboundAccountPosition``, and the delta (``d``) of ``balanceUpdate``. In the shapes of other
    exchanges, it is in what is the most like these: see :meth:`Exchange.emit`.

    Args:
        event: The event itself, not wrapped as in a combined stream; or the list that an event of Toobit's is in.

    Raises:
        KeyError: The event is of another kind.
    """
    one = event if isinstance(event, Mapping) else event[0]
    return int(_NUMBERS[one["e"] if "e" in one else one["channel"]](one))


def _order_trade_update(number: int, time: int) -> Event:
    order = {
        "s": "BTCUSDT",
        "c": f"n-{number}",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.001",
        "p": "60000",
        "ap": "60000",
        "sp": "0",
        "x": "TRADE",
        "X": "FILLED",
        "i": number,
        "l": "0.001",
        "z": "0.001",
        "L": "60000",
        "n": "0.012",  # before its asset, as public reports of 2024 to 2026 have it; the documents, after it
        "N": "USDT",
        "T": time,
        "t": number,
        "b": "0",
        "a": "0",
        "m": True,
        "R": False,
        "wt": "CONTRACT_PRICE",
        "ot": "LIMIT",
        "ps": "BOTH",
        "cp": False,
        "rp": "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "gtd": 0,
        "er": "0",
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": time, "T": time, "o": order}


def _coinm_order_trade_update(number: int, time: int) -> Event:
    order: Event = _order_trade_update(number, time)["o"]
    for only_usdm in ("gtd", "er"):
        del order[only_usdm]
    order.update(s="BTCUSD_PERP", q="1", l="1", z="1", ma="BTC", N="BTC", n="0.000001")
    return {"e": "ORDER_TRADE_UPDATE", "E": time, "T": time, "i": "SfsR", "o": order}


def _account_update(number: int, time: int) -> Event:
    position = {
        "s": "BTCUSDT",
        "pa": "0.001",
        "ep": "60000",
        "bep": "60012",
        "cr": "0",
        "up": "0",
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }
    balance = {"a": "USDT", "wb": f"{number}.00000000", "cw": f"{number}.00000000", "bc": "0"}
    return {"e": "ACCOUNT_UPDATE", "E": time, "T": time, "a": {"m": "ORDER", "B": [balance], "P": [position]}}


def _coinm_account_update(number: int, time: int) -> Event:
    event = _account_update(number, time)
    event["a"]["B"][0]["a"] = "BTC"
    event["a"]["P"][0]["s"] = "BTCUSD_PERP"
    return {"e": "ACCOUNT_UPDATE", "E": time, "T": time, "i": "SfsR", "a": event["a"]}


def _execution_report(number: int, time: int) -> Event:
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
        "M": False,
        "O": time,
        "Z": "60.00000000",
        "Y": "60.00000000",
        "Q": "0.00000000",
        "W": time,
        "V": "NONE",
    }


def _outbound_account_position(number: int, time: int) -> Event:
    balance = {"a": "USDT", "f": f"{number}.00000000", "l": "0.00000000"}
    return {"e": "outboundAccountPosition", "E": time, "u": time, "B": [balance]}


def _balance_update(number: int, time: int) -> Event:
    return {"e": "balanceUpdate", "E": time, "a": "USDT", "d": f"{number}.00000000", "T": time}


_SHAPES: dict[str, dict[str, Callable[[int, int], Event]]] = {
    **OTHER_SHAPES,
    **PRODUCT_SHAPES,
    **SISTER_SHAPES,
    "usdm": {"ORDER_TRADE_UPDATE": _order_trade_update, "ACCOUNT_UPDATE": _account_update},
    "coinm": {"ORDER_TRADE_UPDATE": _coinm_order_trade_update, "ACCOUNT_UPDATE": _coinm_account_update},
    "spot": {
        "executionReport": _execution_report,
        "outboundAccountPosition": _outbound_account_position,
        "balanceUpdate": _balance_update,
    },
}


def _balance(one: Mapping[str, Any]) -> str:
    return str(one["wb"] if "wb" in one else one["cw"])


_NUMBERS: dict[str, Callable[[Mapping[str, Any]], str | float]] = {
    "ORDER_TRADE_UPDATE": lambda event: event["o"]["c"].removeprefix("n-"),
    # That of options has no list of balances, and that of Bitrue's futures no wallet balance.
    "ACCOUNT_UPDATE": lambda event: float(_balance(event["a"]["B"][0]) if "a" in event else event["b"]),
    "BALANCE_POSITION_UPDATE": lambda event: float(event["B"][0]["b"]),
    # BingX's has no client order id, and Toobit's is a number.
    "executionReport": lambda event: str(event.get("c", event.get("i"))).removeprefix("n-"),
    "outboundAccountPosition": lambda event: float(event["B"][0]["f"]),
    "balanceUpdate": lambda event: float(event["d"]),
    "outboundAccountInfo": lambda event: float(event["B"][0]["f"]),
    "contractExecutionReport": lambda event: event["c"],
    "outboundContractAccountInfo": lambda event: float(event["B"][0]["f"]),
    "outboundContractPositionInfo": lambda event: event["P"],
    "ticketInfo": lambda event: event["T"],
    "USER_LIABILITY_CHANGE": lambda event: float(event["p"]),
    "MARGIN_LEVEL_STATUS_CHANGE": lambda event: float(event["l"]),
    "orderReport": lambda event: event["i"].rpartition("-")[2],
    "BALANCE": lambda event: float(event["B"][0]["F"]),
    "executionEvents": lambda event: event["executionId"],
    "orderEvents": lambda event: event["orderId"],
}
