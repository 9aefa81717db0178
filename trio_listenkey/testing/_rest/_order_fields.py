"""The parameters of a request about orders, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .._book._books import Books
from .._book._markets import Market
from .._book._orders import NewOrder
from .._book._refusals import (
    ILLEGAL,
    INVALID_SIDE,
    INVALID_SYMBOL,
    INVALID_TIME_IN_FORCE,
    INVALID_TYPE,
    LOT_SIZE,
    NOT_POSITIVE,
    POSITION_SIDE,
    PRECISION,
    TOO_LONG_A_SPAN,
    RefusalError,
    missing,
)
from .._book._symbols import Symbol

__all__ = ["Fields"]

_CLIENT_ID = re.compile(r"[.A-Za-z0-9:/_-]{1,36}")  # "^[\.A-Z\:/a-z0-9_-]{1,36}$"
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,20})?")
_DECIMALS = 8
_WHOLE = re.compile(r"[0-9]{1,18}")
_SIDES: Mapping[str, Literal["BUY", "SELL"]] = {"BUY": "BUY", "SELL": "SELL"}


@dataclass(frozen=True, slots=True)
class Fields:
    """What one request says, read as the exchange's documents have it. Each method may raise :exc:`RefusalError`."""

    told: Mapping[str, str]
    market: Market
    books: Books

    def text(self, name: str) -> str | None:
        """A parameter that may be left out; empty is the same."""
        return self.told.get(name) or None

    def required(self, name: str) -> str:
        """One that may not."""
        text = self.text(name)
        if text is None:
            raise RefusalError(missing(name))
        return text

    def symbol(self) -> Symbol:
        """The symbol, which has to be there."""
        found = self.books.symbol(self.market, self.required("symbol"))
        if found is None:
            raise RefusalError(INVALID_SYMBOL)
        return found

    def optional_symbol(self) -> Symbol | None:
        """The symbol, if one is named."""
        return None if self.text("symbol") is None else self.symbol()

    def whole(self, name: str, otherwise: int | None = None) -> int | None:
        """A whole number."""
        text = self.text(name)
        if text is None:
            return otherwise
        if not _WHOLE.fullmatch(text):
            raise RefusalError(ILLEGAL)
        return int(text)

    def client_id(self, name: str) -> str:
        """A client's name for an order; empty if it is not there."""
        text = self.text(name) or ""
        if text and not _CLIENT_ID.fullmatch(text):
            raise RefusalError(ILLEGAL)
        return text

    def new_order(self) -> NewOrder:
        """A whole order."""
        symbol, side, type_ = self.symbol(), _SIDES.get(self.required("side")), self.required("type")
        if side is None:
            raise RefusalError(INVALID_SIDE)
        if type_ not in self.market.types:
            raise RefusalError(INVALID_TYPE)
        if self.told.get("positionSide", "BOTH") != "BOTH":
            raise RefusalError(POSITION_SIDE)
        time_in_force = self.required("timeInForce") if type_ == "LIMIT" else "GTC"
        if time_in_force not in self.market.times_in_force:
            raise RefusalError(INVALID_TIME_IN_FORCE)
        quantity = self._amount("quantity")
        price = Decimal(0) if type_ == "MARKET" else self._amount("price")
        if not quantity or (self.market.name == "coinm" and quantity % 1):
            raise RefusalError(LOT_SIZE[self.market.is_spot])
        if type_ != "MARKET" and not price:
            raise RefusalError(NOT_POSITIVE[self.market.is_spot])
        return NewOrder(
            symbol=symbol,
            side=side,
            type=type_,
            time_in_force=time_in_force,
            quantity=quantity,
            price=price,
            client_id=self.client_id("newClientOrderId"),
            reduce_only=self.told.get("reduceOnly", "").lower() == "true",
        )

    def span(self, now_ms: int) -> tuple[int, int]:
        """The times that a query for past orders is about.

        With neither they are the latest that one query may cover; with one, as much as that from there.
        """
        start, end, most = self.whole("startTime"), self.whole("endTime"), self.market.span
        if start is None:
            end = now_ms if end is None else end
            start = end - most if not self.market.is_spot or self.text("endTime") else 0
        elif end is None:
            end = start + most if not self.market.is_spot else now_ms
        elif end - start > most:
            raise RefusalError(TOO_LONG_A_SPAN)
        return start, end

    def _amount(self, name: str) -> Decimal:
        text = self.required(name)
        if not _AMOUNT.fullmatch(text):
            raise RefusalError(ILLEGAL)
        if len(text.partition(".")[2]) > _DECIMALS:
            raise RefusalError(PRECISION)
        return Decimal(text)
