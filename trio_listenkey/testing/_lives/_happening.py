"""What a line of a life does at the exchange, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio

from ..._errors import UsageError
from .._book._orders import OrderInfo
from .._faults._effects import Effect, Limit
from .._faults._script import Fault
from ._environment import Environment
from ._life import Step

__all__ = ["happen"]

_QUANTITY, _PRICE = 2, 50_000  # of contracts, at COIN-M: so both whole


def happen(step: Step, environment: Environment) -> None:
    """Do what a line says that takes no time.

    Raises:
        UsageError: An order is placed where the exchange takes none.
    """
    _DOINGS[step.word](environment, trio.current_time(), *step.arguments)


def _add_fault(environment: Environment, _now: float, fault: Fault) -> None:
    environment.exchange.add_faults(fault)


def _emit(environment: Environment, now: float, count: int) -> None:
    environment.exchange.emit(environment.account, now, count=count)


def _place(environment: Environment, now: float) -> None:
    if environment.symbol is None:
        raise UsageError("orders are not taken at this exchange", advice="Pass orders=False to lives")
    environment.exchange.book.place(environment.account, environment.symbol, "BUY", _QUANTITY, now, price=_PRICE)


def _open_order(environment: Environment, number: int) -> OrderInfo | None:
    orders = environment.exchange.book.orders(environment.account, open_only=True)
    return orders[(number - 1) % len(orders)] if orders else None


def _fill_in_part(environment: Environment, now: float, number: int) -> None:
    order = _open_order(environment, number)
    if order is not None:
        left = order.quantity - order.filled
        environment.exchange.book.fill(order.number, now, quantity=left / 2)


def _to_open_order(do: Callable[[Any, int, float], object]) -> Callable[..., None]:
    def done(environment: Environment, now: float, number: int) -> None:
        order = _open_order(environment, number)
        if order is not None:
            do(environment.exchange.book, order.number, now)

    return done


def _end_key(*, announced: bool) -> Callable[..., None]:
    def done(environment: Environment, now: float) -> None:
        environment.exchange.kill_key(environment.account, now, announced=announced)

    return done


def _replace_key(environment: Environment, now: float) -> None:
    environment.exchange.replace_key(environment.account, now)


def _ban(environment: Environment, now: float, limit: Limit) -> None:
    environment.exchange.ban(limit, now)


def _strike(environment: Environment, now: float, effect: Effect) -> None:
    environment.exchange.strike_sockets(effect, now)


def _restart(environment: Environment, now: float, seconds: float) -> None:
    environment.exchange.shut_down_sockets(now, after=seconds)


def _freeze(environment: Environment, now: float, seconds: float) -> None:
    environment.exchange.freeze(seconds, now)


_DOINGS: Final[dict[str, Callable[..., None]]] = {
    "fault": _add_fault,
    "events": _emit,
    "place": _place,
    "partly": _fill_in_part,
    "fill": _to_open_order(lambda book, number, now: book.fill(number, now)),
    "cancel": _to_open_order(lambda book, number, now: book.cancel(number, now)),
    "expire": _to_open_order(lambda book, number, now: book.expire(number, now)),
    "kill_key": _end_key(announced=False),
    "expire_key": _end_key(announced=True),
    "replace_key": _replace_key,
    "ban": _ban,
    "strike": _strike,
    "restart": _restart,
    "freeze": _freeze,
}
