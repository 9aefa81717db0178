"""What events say: those of Binance's spot, USD-M and COIN-M futures, as the stream delivers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ._fields import decimal, milliseconds, quotient, text, whole
from ._words import Balance, Order, Position, Word

__all__ = ["words_in"]


def words_in(data: Any) -> list[Word] | None:
    """The words in one event: none if it is about something else; ``None`` if it should have some, unreadable ones."""
    try:
        read = _READERS.get(data["e"])
    except (LookupError, TypeError):
        return []
    try:
        return [] if read is None else read(data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # the exchange may send undocumented values


def _order_trade_update(data: Mapping[str, Any]) -> list[Word]:
    told = data["o"]
    return [
        Order(
            symbol=text(told["s"]),
            id=whole(told["i"]),
            client_id=text(told["c"]),
            side=text(told["S"]),
            order_type=text(told["o"]),
            status=text(told["X"]),
            price=decimal(told["p"]),
            quantity=decimal(told["q"]),
            executed=decimal(told["z"]),
            average_price=decimal(told["ap"]),
            updated_at=milliseconds(told["T"]),
            created_at=milliseconds(told["T"]) if told["x"] == "NEW" else None,
            position_side=text(told.get("ps", "BOTH")),
            told_by="stream",
        )
    ]


def _account_update(data: Mapping[str, Any]) -> list[Word]:
    at = milliseconds(data["T"])
    balances: list[Word] = [
        Balance(asset=text(each["a"]), amount=decimal(each["wb"]), updated_at=at, told_by="stream")
        for each in data["a"].get("B", ())
    ]
    positions = [
        Position(
            symbol=text(each["s"]),
            side=text(each.get("ps", "BOTH")),
            amount=decimal(each["pa"]),
            entry_price=decimal(each["ep"]),
            updated_at=at,
            told_by="stream",
        )
        for each in data["a"].get("P", ())
    ]
    return [*balances, *positions]


def _execution_report(data: Mapping[str, Any]) -> list[Word]:
    executed = decimal(data["z"])
    return [
        Order(
            symbol=text(data["s"]),
            id=whole(data["i"]),
            client_id=_client_id(data),
            side=text(data["S"]),
            order_type=text(data["o"]),
            status=text(data["X"]),
            price=decimal(data["p"]),
            quantity=decimal(data["q"]),
            executed=executed,
            average_price=quotient(decimal(data["Z"]), executed),
            updated_at=milliseconds(data["T"]),
            created_at=milliseconds(data["O"]),
            told_by="stream",
        )
    ]


def _client_id(data: Mapping[str, Any]) -> str:
    """The order's name. Of a cancel, "c" is the name of the request to cancel, and "C" that of the order.

    An amendment names the order anew: then "C" is what it was called before ("Order Amend Keep Priority", 2026-07).
    """
    is_amended = data.get("x") == "REPLACED"
    return text(data["c"] if is_amended else data.get("C") or data["c"])


def _outbound_account_position(data: Mapping[str, Any]) -> list[Word]:
    at = milliseconds(data["u"])
    return [
        Balance(
            asset=text(each["a"]),
            amount=decimal(each["f"]),
            locked=decimal(each["l"]),
            updated_at=at,
            told_by="stream",
        )
        for each in data["B"]
    ]


# "balanceUpdate" has no whole value, but a difference; "outboundAccountPosition" tells the same as a whole.
_READERS: Final[dict[Any, Callable[[Mapping[str, Any]], list[Word]]]] = {
    "ORDER_TRADE_UPDATE": _order_trade_update,
    "ACCOUNT_UPDATE": _account_update,
    "executionReport": _execution_report,
    "outboundAccountPosition": _outbound_account_position,
}
