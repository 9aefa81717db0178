"""What the exchange tells of orders, balances and positions is read: two readings of the documents agree."""

from __future__ import annotations

import json

import pytest
from trading import MARKETS, Trader

from trio_listenkey import AnyVenue, venues
from trio_listenkey.testing import COINM, SPOT_CLASSIC, USDM, Dialect

VENUES: dict[Dialect, AnyVenue] = {
    USDM: venues.BINANCE_USDM,
    COINM: venues.BINANCE_COINM,
    SPOT_CLASSIC: venues.BINANCE_SPOT_CLASSIC,
}


@pytest.mark.parametrize("dialect", MARKETS, ids=lambda each: each.name)
def test_all_that_happens_to_orders_is_read(dialect: Dialect) -> None:
    """Placed, filled in parts, cancelled by each side, expired; and what that does to balances and positions."""
    alice = Trader(dialect)
    filled, cancelled, elsewhere, expired = (alice.place(newClientOrderId=f"mine-{name}")["orderId"] for name in "abcd")
    book = alice.exchange.book
    book.fill(filled, alice.now, quantity=4)
    book.fill(filled, alice.now, price=49_000)
    alice.ask("DELETE", "/order", symbol=alice.symbol, orderId=cancelled)
    book.cancel(elsewhere, alice.now)
    book.expire(expired, alice.now)
    book.deposit("alice", "BTC", 5, alice.now, dialect=dialect)
    types = VENUES[dialect].events
    assert types is not None
    heard = alice.heard()
    assert len({each["e"] for each in heard}) > 1
    assert [each for each in heard if types.read(json.dumps(each).encode()) is None] == []
