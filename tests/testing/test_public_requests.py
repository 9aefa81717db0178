"""What anybody may ask the exchange, as clients do before anything else."""

from __future__ import annotations

from typing import Any

import pytest
from asking import told

from trio_listenkey import testing as t
from trio_listenkey._http import Request
from trio_listenkey.testing import Dialect, Exchange, Reply

EPOCH = 1_793_491_200.0


USUAL = (t.SPOT_CLASSIC, t.USDM, t.COINM)


def open_exchange(*dialects: Dialect, weight_limit: int | None = None) -> Exchange:
    return Exchange(epoch=EPOCH, dialects=dialects or USUAL, weight_limit=weight_limit)


def get(exchange: Exchange, path: str, now: float = 1.5, method: str = "GET") -> Reply:
    return exchange.handle(Request(method, f"https://exchange.test{path}", ()), now)


@pytest.mark.parametrize(
    ("dialect", "prefix"),
    [
        (t.SPOT_CLASSIC, "/api/v3"),
        (t.SPOT, "/api/v3"),
        (t.SPOT_US, "/api/v3"),
        (t.MEXC, "/api/v3"),
        (t.USDM, "/fapi/v1"),
        (t.PM_PRO, "/fapi/v1"),
        (t.ASTER_FUTURES_V3, "/fapi/v3"),
        (t.COINM, "/dapi/v1"),
        (t.OPTIONS, "/eapi/v1"),
        (t.TOOBIT, "/api/v1"),
        (t.HASHKEY, "/api/v1"),
        (t.COINS_PH, "/openapi/v1"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_ping_and_time_need_no_key(dialect: Dialect, prefix: str) -> None:
    """The clock is the exchange's; and the log has both, without an account."""
    exchange = open_exchange(dialect)
    assert told(get(exchange, f"{prefix}/ping")) == {}
    assert told(get(exchange, f"{prefix}/time")) == {"serverTime": int(EPOCH * 1000) + 1500}
    lines = [(entry.verb, entry.method, entry.path, entry.account, entry.status) for entry in exchange.log]
    assert lines == [(None, "GET", f"{prefix}/{what}", None, 200) for what in ("ping", "time")]


def test_portfolio_margin_has_a_ping_alone() -> None:
    """And where there is no such thing, there is nothing."""
    exchange = open_exchange(t.PORTFOLIO_MARGIN)
    assert get(exchange, "/papi/v1/ping").status == 200
    assert get(exchange, "/papi/v1/time").status == 404
    assert get(open_exchange(t.BINGX), "/openApi/user/auth/ping").status == 404
    assert get(open_exchange(t.MEXC), "/api/v3/exchangeInfo").status == 404
    assert get(open_exchange(), "/api/v3/ping", method="POST").status == 404


@pytest.mark.parametrize(
    ("prefix", "symbol", "of_it"),
    [
        ("/api/v3", "BTCUSDT", {"status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}),
        ("/fapi/v1", "ETHUSDT", {"status": "TRADING", "marginAsset": "USDT", "contractType": "PERPETUAL"}),
        ("/dapi/v1", "BTCUSD_PERP", {"contractStatus": "TRADING", "marginAsset": "BTC", "contractSize": 100}),
    ],
)
def test_what_is_traded(prefix: str, symbol: str, of_it: dict[str, Any]) -> None:
    """Every symbol of the book, with what clients read of it."""
    info = told(get(open_exchange(), f"{prefix}/exchangeInfo"))
    assert info["serverTime"] == int(EPOCH * 1000) + 1500
    (found,) = [each for each in info["symbols"] if each["symbol"] == symbol]
    assert of_it.items() <= found.items()
    assert {each["filterType"] for each in found["filters"]} >= {"PRICE_FILTER", "LOT_SIZE"}
    assert {each["rateLimitType"] for each in info["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS"}


def test_a_symbol_that_was_added_is_traded() -> None:
    """At COIN-M it has a size; at USD-M its quote is an asset."""
    exchange = open_exchange()
    exchange.book.add_symbol("DOGEFDUSD", base="DOGE", quote="FDUSD", dialect=t.USDM)
    info = told(get(exchange, "/fapi/v1/exchangeInfo"))
    assert "DOGEFDUSD" in {each["symbol"] for each in info["symbols"]}
    assert "FDUSD" in {each["asset"] for each in info["assets"]}


def test_questions_cost_weight_and_keep_quiet_in_a_ban() -> None:
    """As any other request: beyond the limit there is a 429."""
    exchange = open_exchange(weight_limit=22)
    weights = [dict(get(exchange, path).headers)["X-MBX-USED-WEIGHT-1M"] for path in ("/api/v3/ping", "/fapi/v1/time")]
    assert weights == ["1", "2"]
    assert dict(get(exchange, "/api/v3/exchangeInfo").headers)["X-MBX-USED-WEIGHT-1M"] == "22"
    assert get(exchange, "/api/v3/ping").status == 429
    assert exchange.log[-1].path == "/api/v3/ping"
