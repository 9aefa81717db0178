"""What answers to queries say: those of Binance's spot, USD-M and COIN-M futures, in the shapes of 2026."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._fields import decimal, milliseconds, quotient, text, whole
from ._words import Balance, Order, Position

__all__ = ["a_list", "futures_balances", "positions", "read_order", "spot_balances"]


def read_order(told: Mapping[str, Any]) -> Order:
    """Read an order of Binance's spot, USD-M or COIN-M futures: from a query, or the answer to a new order.

    Args:
        told: The JSON, decoded.

    Raises:
        ValueError: It is not an order in the documented form; an answer of type ``ACK`` of spot is not one.
    """
    try:
        return _order(told)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("this is no order as the exchange's documents show it") from None


def _order(told: Mapping[str, Any]) -> Order:
    executed = decimal(told["executedQty"])
    if "avgPrice" in told:
        average = decimal(told["avgPrice"])
    else:
        average = quotient(decimal(told["cummulativeQuoteQty"]), executed)  # the exchange's spelling
    return Order(
        symbol=text(told["symbol"]),
        id=whole(told["orderId"]),
        # In the answer to a cancel of spot, "clientOrderId" is the name of the request to cancel.
        client_id=text(told.get("origClientOrderId") or told["clientOrderId"]),
        side=text(told["side"]),
        order_type=text(told["type"]),
        status=text(told["status"]),
        price=decimal(told["price"]),
        quantity=decimal(told["origQty"]),
        executed=executed,
        average_price=average,
        updated_at=milliseconds(told["updateTime"] if "updateTime" in told else told["transactTime"]),
        created_at=milliseconds(told["time"]) if "time" in told else None,
        position_side=text(told.get("positionSide", "BOTH")),
    )


def a_list(told: Any) -> list[Any]:
    """What is a list of things. ``{}`` or an empty text is no list of none: it would say that nothing is there.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(told, list):
        raise ValueError("this is no list")  # noqa: TRY004 - it is the exchange's mistake, and no caller's
    return told


def futures_balances(told: Any) -> tuple[Balance, ...]:
    """Wallets that are not empty, in "Futures Account Balance"."""
    balances = (
        Balance(
            asset=text(each["asset"]),
            amount=decimal(each["balance"]),
            updated_at=milliseconds(each.get("updateTime", 0)),
        )
        for each in a_list(told)
    )
    return tuple(each for each in balances if each.amount)


def positions(told: Any) -> tuple[Position, ...]:
    """Positions that are open, in "Position Information"."""
    found = (
        Position(
            symbol=text(each["symbol"]),
            side=text(each.get("positionSide", "BOTH")),
            amount=decimal(each["positionAmt"]),
            entry_price=decimal(each["entryPrice"]),
            updated_at=milliseconds(each.get("updateTime", 0)),
        )
        for each in a_list(told)
    )
    return tuple(each for each in found if each.amount)


def spot_balances(told: Any) -> tuple[Balance, ...]:
    """Balances that are not empty, in "Account information": one time holds for all."""
    at = milliseconds(told["updateTime"])
    balances = (
        Balance(asset=text(each["asset"]), amount=decimal(each["free"]), locked=decimal(each["locked"]), updated_at=at)
        for each in a_list(told["balances"])
    )
    return tuple(each for each in balances if each.amount or each.locked)
