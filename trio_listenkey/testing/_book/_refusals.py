"""Why a request about orders is not served, in the words of Binance's "Error codes" (Spot, USD-M, COIN-M, 2026)."""

from __future__ import annotations

from .._faults._effects import Status, api_error

__all__ = [
    "DUPLICATE_ID",
    "ILLEGAL",
    "INSUFFICIENT",
    "INVALID_SIDE",
    "INVALID_SYMBOL",
    "INVALID_TIME_IN_FORCE",
    "INVALID_TYPE",
    "LOT_SIZE",
    "NOT_POSITIVE",
    "NO_ID",
    "NO_SUCH_ORDER",
    "NO_SUCH_ORDER_TO_CANCEL",
    "POSITION_SIDE",
    "PRECISION",
    "REDUCE_ONLY",
    "TOO_LONG_A_SPAN",
    "TOO_MANY_OPEN",
    "WOULD_TAKE",
    "RefusalError",
    "missing",
    "too_many_orders",
]


class RefusalError(Exception):
    """The request is answered by this, and nothing is done."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


INVALID_SYMBOL = api_error(400, -1121, "Invalid symbol.")
INVALID_SIDE = api_error(400, -1117, "Invalid side.")
INVALID_TYPE = api_error(400, -1116, "Invalid orderType.")
INVALID_TIME_IN_FORCE = api_error(400, -1115, "Invalid timeInForce.")
ILLEGAL = api_error(400, -1100, "Illegal characters found in a parameter.")
NO_ID = api_error(400, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
NO_SUCH_ORDER = api_error(400, -2013, "Order does not exist.")
NO_SUCH_ORDER_TO_CANCEL = api_error(400, -2011, "Unknown order sent.")
INSUFFICIENT = api_error(400, -2010, "Account has insufficient balance for requested action.")
WOULD_TAKE = api_error(400, -2010, "Order would immediately match and take.")
TOO_LONG_A_SPAN = api_error(400, -1127, "The time between startTime and endTime is too long.")
PRECISION = api_error(400, -1111, "Precision is over the maximum defined for this asset.")
REDUCE_ONLY = api_error(400, -2022, "ReduceOnly Order is rejected.")
POSITION_SIDE = api_error(400, -4061, "Order's position side does not match user's setting.")
# By whether it is spot.
NOT_POSITIVE = {
    True: api_error(400, -1013, "Filter failure: PRICE_FILTER"),
    False: api_error(400, -4001, "Price less than 0."),
}
LOT_SIZE = {
    True: api_error(400, -1013, "Filter failure: LOT_SIZE"),
    False: api_error(400, -4003, "Quantity less than or equal to zero."),
}
DUPLICATE_ID = {
    True: api_error(400, -2010, "Duplicate order sent."),
    False: api_error(400, -4116, "ClientOrderId is duplicated."),
}
TOO_MANY_OPEN = {
    True: api_error(400, -1013, "Filter failure: MAX_NUM_ORDERS"),
    False: api_error(400, -2025, "Reach max open order limit."),
}


def missing(name: str) -> Status:
    """A parameter is not there, or is not what it should be."""
    return api_error(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def too_many_orders(limit: int, seconds: int) -> Status:
    """An account sends orders too fast."""
    return api_error(429, -1015, f"Too many new orders; current limit is {limit} orders per {seconds} SECOND.")
