"""What requests about orders, balances and positions are answered.

Binance's documents of 2026: USD-M and COIN-M, "Trade" and "Account"; Spot, "rest-api.md".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._book._account_book import AccountBook
from .._book._books import Books
from .._book._holding_shapes import account_json, balance_json, positions_json
from .._book._market_shapes import brackets_json
from .._book._markets import Market, market_of
from .._book._order_shapes import canceled_json, order_json, placed_json
from .._book._orders import Order
from .._book._refusals import (
    ILLEGAL,
    NO_ID,
    NO_SUCH_ORDER,
    NO_SUCH_ORDER_TO_CANCEL,
    RefusalError,
    missing,
    too_many_orders,
)
from .._dialects._binance import Dialect
from .._faults._effects import JSON_TYPE
from .._faults._script import RequestKind
from .._state._reply import Reply, from_status
from ._order_fields import Fields
from ._request import Call

__all__ = ["OrderApi"]


@dataclass(frozen=True, slots=True)
class _Case:
    """One request, as its answer needs it."""

    fields: Fields
    market: Market
    book: AccountBook
    account: str
    now: float
    ms: int


@dataclass(frozen=True, slots=True)
class _Operation:
    """What a method on a path does.

    Attributes:
        answer: Makes the answer, or raises :exc:`RefusalError`.
        weight: What it costs ...
        weight_of_all: ... and if no symbol is named.
    """

    answer: Callable[[_Case, Books], Any]
    weight: int
    weight_of_all: int | None = None


class OrderApi:
    """The endpoints of every market that the exchange has.

    Args:
        dialects: The endpoints that are served otherwise.
        books: Who has which orders.

    Attributes:
        dialects: One for each path here: that of the market, as it is spoken here.
        origins: The dialect of the market, by path.
    """

    def __init__(self, dialects: Iterable[Dialect], books: Books) -> None:
        self.dialects: dict[str, Dialect] = {}
        self.origins: dict[str, Dialect] = {}
        self._books = books
        self._operations: dict[str, tuple[Market, Mapping[str, _Operation]]] = {}
        self._counts: dict[tuple[str, str, int], tuple[float, int]] = {}
        for dialect in dialects:
            market = market_of(dialect)
            for path, operations in ({} if market is None else _PATHS[market.name]).items():
                assert market is not None
                methods: tuple[tuple[str, RequestKind], ...] = tuple((method, "order") for method in operations)
                self.dialects[path] = replace(dialect, path=path, methods=methods, signed="query", named_in="any")
                self.origins[path] = dialect
                self._operations[path] = (market, operations)

    def weight(self, call: Call) -> int | None:
        """What a request costs; ``None`` if it is none of these."""
        _, operations = self._operations.get(call.path, (None, {}))
        operation = operations.get(call.method)
        if operation is None:
            return None
        named = call.fields.get("symbol") or operation.weight_of_all is None
        return operation.weight if named else operation.weight_of_all

    def answer(self, call: Call, ms: int) -> Reply:
        """Serve a request that was let in, and is signed."""
        assert call.account is not None
        market, operations = self._operations[call.path]
        fields = Fields(call.fields, market, self._books)
        book = self._books.book(call.account, market)
        self._books.at(call.now)
        case = _Case(fields, market, book, call.account, call.now, ms)
        is_order = call.method == "POST" and call.path.endswith("/order")
        try:
            counts = self._count_orders(case) if is_order else ()
            answer = operations[call.method].answer(case, self._books)
        except RefusalError as refusal:
            return from_status(refusal.status)
        body = json.dumps(answer, separators=(",", ":")).encode()
        return Reply(status=200, headers=(JSON_TYPE, *counts), body=body)

    def _count_orders(self, case: _Case) -> tuple[tuple[str, str], ...]:
        """Count a new order of an account: the headers that say how many there were."""
        headers = []
        for seconds, limit, name in case.market.order_limits:
            key, window = (case.account, case.market.name, seconds), case.ms // (1000 * seconds)
            latest, count = self._counts.get(key, (window, 0))
            count = count + 1 if latest == window else 1
            self._counts[key] = window, count
            if count > limit:
                raise RefusalError(too_many_orders(limit, seconds))
            headers.append((f"X-MBX-ORDER-COUNT-{name}", str(count)))
        return tuple(headers)


# --- Orders


def _place(case: _Case, books: Books) -> Any:
    want = case.fields.new_order()
    kind = case.fields.text("newOrderRespType") or ("FULL" if case.market.is_spot else "ACK")
    order, trades = case.book.place(want, books.prices(case.market).get(want.symbol.name), case.ms)
    if kind == "ACK" and not case.market.is_spot:
        # The answer of before anything was traded: futures say how it went on their stream alone.
        order = Order(
            want=want,
            number=order.number,
            client_id=order.client_id,
            created=case.ms,
            updated=case.ms,
            funded_at=order.funded_at,
        )
    return placed_json(case.market, order, kind, trades)


def _named_order(case: _Case) -> Order | None:
    """The order that the request names, if the account has it."""
    symbol, number = case.fields.symbol(), case.fields.whole("orderId")
    client_id = case.fields.client_id("origClientOrderId")
    if number is None and not client_id:
        raise RefusalError(NO_ID)
    found = case.book.by_client_id(symbol.name, client_id) if number is None else case.book.orders.get(number)
    return found if found is not None and found.want.symbol == symbol else None


def _query(case: _Case, _books: Books) -> Any:
    order = _named_order(case)
    if order is None:
        raise RefusalError(NO_SUCH_ORDER)
    return order_json(case.market, order)


def _query_open(case: _Case, _books: Books) -> Any:
    order = _named_order(case)
    if order is None or not order.is_open:
        raise RefusalError(NO_SUCH_ORDER)
    return order_json(case.market, order)


def _cancel(case: _Case, _books: Books) -> Any:
    order = _named_order(case)
    if order is None or not order.is_open:
        raise RefusalError(NO_SUCH_ORDER_TO_CANCEL)
    return _cancel_one(case, order)


def _cancel_one(case: _Case, order: Order) -> Any:
    cancel_id = ""
    if case.market.is_spot:
        cancel_id = case.fields.client_id("newClientOrderId") or f"cancel-{order.number}"
    case.book.end(order, "CANCELED", case.ms, cancel_id)
    return canceled_json(case.market, order, cancel_id)


def _cancel_all(case: _Case, _books: Books) -> Any:
    orders = case.book.open_orders(case.fields.symbol().name)
    if case.market.is_spot and not orders:
        raise RefusalError(NO_SUCH_ORDER_TO_CANCEL)
    canceled = [_cancel_one(case, order) for order in orders]
    if case.market.is_spot:
        return canceled
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _list_open(case: _Case, _books: Books) -> Any:
    symbol = case.fields.optional_symbol()
    orders = case.book.open_orders(None if symbol is None else symbol.name)
    return [order_json(case.market, each) for each in orders]


def _list_all(case: _Case, books: Books) -> Any:
    """Past orders and open ones: from a number on, or else of a span."""
    symbol, number = case.fields.symbol(), case.fields.whole("orderId")
    limit = case.fields.whole("limit", case.market.page)
    if not limit or limit > case.market.longest_page:
        raise RefusalError(ILLEGAL)
    found = [each for each in case.book.orders.values() if each.want.symbol == symbol]
    if number is not None:
        page = [each for each in found if each.number >= number][:limit]
    else:
        start, end = case.fields.span(case.ms)
        reading = books.past_orders
        by_creation = reading.times == "created"
        page = [each for each in found if start <= (each.created if by_creation else each.updated) <= end]
        page = page[-limit:] if reading.keeps == "latest" else page[:limit]
    return [order_json(case.market, each) for each in page]


def _count_down(case: _Case, books: Books) -> Any:
    symbol, milliseconds = case.fields.symbol(), case.fields.whole("countdownTime")
    if milliseconds is None:
        raise RefusalError(missing("countdownTime"))
    books.count_down(case.account, case.market, symbol, milliseconds / 1000, case.now)
    return {"symbol": symbol.name, "countdownTime": str(milliseconds)}


# --- Balances and positions


def _account(case: _Case, books: Books) -> Any:
    return account_json(case.market, case.book.holdings, books.prices(case.market))


def _balance(case: _Case, _books: Books) -> Any:
    return balance_json(case.book.holdings)


def _positions(case: _Case, books: Books) -> Any:
    symbol = case.fields.optional_symbol()
    shown = positions_json(case.market, case.book.holdings, books.prices(case.market))
    return [each for each in shown if symbol is None or each["symbol"] == symbol.name]


def _brackets(case: _Case, books: Books) -> Any:
    symbol = case.fields.optional_symbol()
    return brackets_json(case.market, books.symbols(case.market) if symbol is None else [symbol])


# Weights are of the request limit; a new futures order counts against the limit of orders alone.
_PATHS: dict[str, dict[str, dict[str, _Operation]]] = {
    "usdm": {
        "/fapi/v1/order": {
            "POST": _Operation(_place, 0),
            "GET": _Operation(_query, 1),
            "DELETE": _Operation(_cancel, 1),
        },
        "/fapi/v1/openOrder": {"GET": _Operation(_query_open, 1)},
        "/fapi/v1/openOrders": {"GET": _Operation(_list_open, 1, 40)},
        "/fapi/v1/allOpenOrders": {"DELETE": _Operation(_cancel_all, 1)},
        "/fapi/v1/allOrders": {"GET": _Operation(_list_all, 5)},
        "/fapi/v1/countdownCancelAll": {"POST": _Operation(_count_down, 10)},
        "/fapi/v1/leverageBracket": {"GET": _Operation(_brackets, 1)},
        "/fapi/v2/account": {"GET": _Operation(_account, 5)},
        "/fapi/v3/account": {"GET": _Operation(_account, 5)},
        "/fapi/v2/balance": {"GET": _Operation(_balance, 5)},
        "/fapi/v3/balance": {"GET": _Operation(_balance, 5)},
        "/fapi/v2/positionRisk": {"GET": _Operation(_positions, 5)},
        "/fapi/v3/positionRisk": {"GET": _Operation(_positions, 5)},
    },
    "coinm": {
        "/dapi/v1/order": {
            "POST": _Operation(_place, 0),
            "GET": _Operation(_query, 1),
            "DELETE": _Operation(_cancel, 1),
        },
        "/dapi/v1/openOrder": {"GET": _Operation(_query_open, 1)},
        "/dapi/v1/openOrders": {"GET": _Operation(_list_open, 1, 40)},
        "/dapi/v1/allOpenOrders": {"DELETE": _Operation(_cancel_all, 1)},
        "/dapi/v1/allOrders": {"GET": _Operation(_list_all, 20)},
        "/dapi/v1/countdownCancelAll": {"POST": _Operation(_count_down, 10)},
        "/dapi/v2/leverageBracket": {"GET": _Operation(_brackets, 1)},
        "/dapi/v1/account": {"GET": _Operation(_account, 5)},
        "/dapi/v1/balance": {"GET": _Operation(_balance, 1)},
        "/dapi/v1/positionRisk": {"GET": _Operation(_positions, 1)},
    },
    "spot": {
        "/api/v3/order": {
            "POST": _Operation(_place, 1),
            "GET": _Operation(_query, 4),
            "DELETE": _Operation(_cancel, 1),
        },
        "/api/v3/openOrders": {"GET": _Operation(_list_open, 6, 80), "DELETE": _Operation(_cancel_all, 1)},
        "/api/v3/allOrders": {"GET": _Operation(_list_all, 20)},
        "/api/v3/account": {"GET": _Operation(_account, 20)},
    },
}
