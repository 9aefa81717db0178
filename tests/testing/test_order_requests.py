"""Requests about orders: who is served, what they cost, and how they are refused, in the documents' words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings, strategies as st
from trading import API_KEY, MARKETS, SYMBOL, Trader, open_exchange

from trio_listenkey._http import Request
from trio_listenkey.testing import (
    COINM,
    SPOT_CLASSIC,
    USDM,
    Dialect,
    Exchange,
    Fault,
    KillKey,
    PastOrdersRule,
    service_unavailable,
)
from trio_listenkey.testing._control._log_reader import log_line

every_market = pytest.mark.parametrize("dialect", MARKETS, ids=lambda each: each.name)

WEIGHTS = {
    USDM: {"POST /order": 0, "GET /order": 1, "GET /openOrders": 40, "GET /allOrders": 5, "GET /fapi/v3/account": 5},
    COINM: {"POST /order": 0, "GET /order": 1, "GET /openOrders": 40, "GET /allOrders": 20, "GET /balance": 1},
    SPOT_CLASSIC: {"POST /order": 1, "GET /order": 4, "GET /openOrders": 80, "GET /allOrders": 20, "GET /account": 20},
}


def used(alice: Trader, line: str, **fields: Any) -> int:
    """The weight that a request costs."""
    alice.now += 60
    method, path = line.split()
    headers = dict(alice.send(method, path, **fields).headers)
    return int(headers["X-MBX-USED-WEIGHT-1M"])


@every_market
class TestService:
    def test_weights(self, dialect: Dialect) -> None:
        """What each costs; a question about one symbol is cheaper than one about all."""
        alice = Trader(dialect)
        for line, weight in WEIGHTS[dialect].items():
            assert used(alice, line) == weight, line
        assert used(alice, "GET /openOrders", symbol=alice.symbol) == (6 if dialect is SPOT_CLASSIC else 1)

    def test_orders_are_counted(self, dialect: Dialect) -> None:
        """A header says how many there were in the window; too many are refused, and later are taken again."""
        alice = Trader(dialect)
        limits = {SPOT_CLASSIC: ("X-MBX-ORDER-COUNT-10S", 100), USDM: ("X-MBX-ORDER-COUNT-10S", 300)}
        header, limit = limits.get(dialect, ("X-MBX-ORDER-COUNT-1M", 1200))
        order = {"symbol": alice.symbol, "side": "BUY", "type": "MARKET", "quantity": "1"}
        counts = [dict(alice.send("POST", "/order", **order).headers).get(header) for _ in range(limit + 1)]
        assert counts == [*map(str, range(1, limit + 1)), None]
        assert alice.refused("POST", "/order", **order) == (429, -1015)
        alice.now += 60
        assert dict(alice.send("POST", "/order", **order).headers)[header] == "1"

    def test_who_is_let_in(self, dialect: Dialect) -> None:
        """Signature, time and API key are looked at, as the documents have it."""
        alice = Trader(dialect)
        good = alice.send("GET", "/openOrders")
        assert good.status == 200
        assert alice.refused("GET", "/openOrders", timestamp=alice.ms - 6000) == (400, -1021)
        assert alice.refused("GET", "/openOrders", timestamp=alice.ms + 2000) == (400, -1021)
        assert alice.refused("GET", "/openOrders", timestamp=alice.ms - 61_000, recvWindow=99_000) == (400, -1021)
        assert alice.send("GET", "/openOrders", timestamp=alice.ms - 6000, recvWindow=10_000).status == 200
        url = f"https://exchange.test{'/fapi/v1' if dialect is USDM else '/dapi/v1' if dialect is COINM else '/api/v3'}"
        unsigned = Request("GET", f"{url}/openOrders?timestamp={alice.ms}", (("X-MBX-APIKEY", API_KEY),))
        assert json.loads(alice.exchange.handle(unsigned, alice.now).body)["code"] == -1022
        assert alice.exchange.handle(Request("GET", f"{url}/openOrders", ()), alice.now).status == 401
        assert alice.exchange.handle(Request("PUT", f"{url}/order", ()), alice.now).status == 405

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ("GET /order", -1102),
            ("GET /order symbol=NOTHING", -1121),
            ("GET /order symbol=_", -1102),
            ("GET /order symbol=_ orderId=99", -2013),
            ("GET /order symbol=_ origClientOrderId=x", -2013),
            ("GET /order symbol=_ orderId=1x", -1100),
            ("GET /order symbol=_ origClientOrderId=a+b", -1100),
            ("DELETE /order symbol=_ orderId=99", -2011),
            ("GET /openOrders symbol=NOTHING", -1121),
            ("GET /allOrders", -1102),
            ("GET /allOrders symbol=_ limit=0", -1100),
            ("GET /allOrders symbol=_ limit=1001", -1100),
            ("GET /allOrders symbol=_ startTime=0 endTime=604800001", -1127),
            ("POST /order symbol=_ side=UP type=MARKET quantity=1", -1117),
            ("POST /order symbol=_ side=BUY type=STOP quantity=1", -1116),
            ("POST /order symbol=_ side=BUY type=LIMIT quantity=1 price=1", -1102),
            ("POST /order symbol=_ side=BUY type=LIMIT quantity=1 price=1 timeInForce=NOW", -1115),
            ("POST /order symbol=_ side=BUY type=MARKET", -1102),
            ("POST /order symbol=_ side=BUY type=MARKET quantity=-1", -1100),
            ("POST /order symbol=_ side=BUY type=MARKET quantity=0.000000001", -1111),
            ("POST /order symbol=_ side=BUY type=MARKET quantity=1 positionSide=LONG", -4061),
        ],
    )
    def test_refusals(self, dialect: Dialect, request_: str, code: int) -> None:
        """Each has its documented code, and changes nothing."""
        alice = Trader(dialect)
        method, path, *fields = request_.split()
        told = dict(field.split("=") for field in fields)
        assert alice.refused(method, path, **{n: alice.symbol if v == "_" else v for n, v in told.items()})[1] == code
        assert alice.exchange.book.orders() == ()

    def test_amounts_that_are_none(self, dialect: Dialect) -> None:
        """Of nothing, for nothing, a part of a contract."""
        alice = Trader(dialect)
        order = {"symbol": alice.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        lot_size, price = (-1013, -1013) if dialect is SPOT_CLASSIC else (-4003, -4001)
        assert alice.refused("POST", "/order", quantity="0", price="1", **order)[1] == lot_size
        assert alice.refused("POST", "/order", quantity="1", price="0", **order)[1] == price
        if dialect is COINM:
            assert alice.refused("POST", "/order", quantity="0.5", price="1", **order)[1] == lot_size

    def test_one_name_for_one_open_order(self, dialect: Dialect) -> None:
        """A second open order of the same name is refused; when the first is over, the name is free."""
        alice = Trader(dialect)
        order = {"symbol": alice.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
        order |= {"price": "1", "newClientOrderId": "mine"}
        first = alice.ask("POST", "/order", **order)["orderId"]
        assert alice.refused("POST", "/order", **order)[1] == (-2010 if dialect is SPOT_CLASSIC else -4116)
        alice.exchange.book.cancel(first, alice.now)
        second = alice.ask("POST", "/order", **order)["orderId"]
        found = alice.ask("GET", "/order", symbol=alice.symbol, origClientOrderId="mine")
        assert found["orderId"] == second

    def test_so_many_are_open_at_most(self, dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
        """The two hundred and first of a symbol is refused."""
        monkeypatch.setattr("trio_listenkey.testing._book._account_book.MOST_OPEN", 2)
        alice = Trader(dialect)
        for _ in "ab":
            alice.place()
        order = {"symbol": alice.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
        expected = -1013 if dialect is SPOT_CLASSIC else -2025
        assert alice.refused("POST", "/order", price="1", **order)[1] == expected

    def test_a_fault_of_orders(self, dialect: Dialect) -> None:
        """It strikes these requests alone, and the log has them."""
        exchange = open_exchange(faults=[Fault(verb="order", nth=2, effect=service_unavailable())])
        alice = Trader(dialect, exchange)
        assert [alice.send("GET", "/openOrders").status for _ in range(3)] == [200, 503, 200]
        entry = exchange.log[-1]
        assert (entry.verb, entry.account, entry.status) == ("order", "alice", 200)
        assert "GET" in log_line(entry)
        assert "openOrders" in log_line(entry)

    def test_a_key_that_dies_meanwhile(self, dialect: Dialect) -> None:
        """The fault that kills a key kills that of the market; the request is served."""
        exchange = open_exchange(dialects=[dialect], faults=[Fault(verb="order", effect=KillKey())])
        alice = Trader(dialect, exchange)
        assert exchange.key_of("alice", alice.now, dialect=dialect) is not None
        assert alice.ask("GET", "/openOrders") == []
        assert exchange.key_of("alice", alice.now, dialect=dialect) is None

    def test_a_retired_exchange_answers_410(self, dialect: Dialect) -> None:
        """Its orders are gone with it."""
        exchange = open_exchange(dialects=[dialect])
        exchange.retired.add(dialect)
        alice = Trader(dialect, exchange)
        assert alice.send("GET", "/openOrders").status == 410

    def test_cancel_all(self, dialect: Dialect) -> None:
        """Those of one symbol; where there are none, spot says so."""
        alice = Trader(dialect)
        path = "/openOrders" if dialect is SPOT_CLASSIC else "/allOpenOrders"
        for _ in "ab":
            alice.place()
        answer = alice.ask("DELETE", path, symbol=alice.symbol)
        assert [each.status for each in alice.exchange.book.orders()] == ["CANCELED"] * 2
        if dialect is SPOT_CLASSIC:
            assert len(answer) == 2
            assert alice.refused("DELETE", path, symbol=alice.symbol) == (400, -2011)
        else:
            assert answer["code"] == alice.ask("DELETE", path, symbol=alice.symbol)["code"] == 200


@every_market
class TestPastOrders:
    def test_from_a_number_on(self, dialect: Dialect) -> None:
        """Those that follow it, the earliest first, up to the limit."""
        alice = Trader(dialect)
        numbers = [alice.place()["orderId"] for _ in range(5)]
        found = alice.ask("GET", "/allOrders", symbol=alice.symbol, orderId=numbers[1], limit=3)
        assert [each["orderId"] for each in found] == numbers[1:4]

    def test_of_a_span(self, dialect: Dialect) -> None:
        """By their creation or their last change, and the latest or the earliest of too many, as it is set."""
        alice = Trader(dialect)
        numbers, created = [], []
        for _ in range(4):
            created.append(alice.ms)
            numbers.append(alice.place()["orderId"])
            alice.now += 10
        alice.exchange.book.cancel(numbers[0], alice.now)
        changed = alice.ms

        def within(start: int, end: int, limit: int = 10) -> list[int]:
            found = alice.ask("GET", "/allOrders", symbol=alice.symbol, startTime=start, endTime=end, limit=limit)
            return [each["orderId"] for each in found]

        assert within(created[0], created[1]) == numbers[:2]
        assert within(created[0], created[3], 2) == numbers[2:]
        alice.exchange.book.past_orders = PastOrdersRule(times="updated", keeps="earliest")
        assert alice.exchange.book.past_orders.times == "updated"
        assert within(created[0], created[1]) == [numbers[1]]
        assert within(created[1], changed) == numbers
        assert within(created[1], changed, 2) == numbers[:2]

    @pytest.mark.parametrize("named", [(), ("startTime",), ("endTime",)])
    def test_of_a_span_with_an_open_end(self, dialect: Dialect, named: tuple[str, ...]) -> None:
        """What is not said is as much as one query may cover, or all at spot."""
        alice = Trader(dialect)
        old = alice.place()["orderId"]
        alice.now += 8 * 86_400
        recent = alice.place()["orderId"]
        times = {"startTime": alice.ms - 1000, "endTime": alice.ms}
        found = alice.ask("GET", "/allOrders", symbol=alice.symbol, **{name: times[name] for name in named})
        expected = [old, recent] if dialect is SPOT_CLASSIC and not named else [recent]
        assert [each["orderId"] for each in found] == expected


class TestFormsOfAnswers:
    def test_futures_acknowledge_before_they_trade(self) -> None:
        """ACK, the default, shows an order as it was taken; RESULT shows what became of it."""
        alice = Trader(USDM)
        alice.exchange.book.set_price("BTCUSDT", 50_000, alice.now, dialect=USDM)
        assert alice.place("BUY", "1", None)["status"] == "NEW"
        result = alice.place("BUY", "1", None, newOrderRespType="RESULT")
        assert (result["status"], result["avgPrice"], result["cumQuote"]) == ("FILLED", "50000", "50000")

    def test_spot_has_three_forms(self) -> None:
        """ACK says that it was taken, RESULT how it stands, FULL, the default, also the trades."""
        alice = Trader(SPOT_CLASSIC)
        alice.exchange.book.set_price("BTCUSDT", 50_000, alice.now, dialect=SPOT_CLASSIC)
        full = alice.place("BUY", "1", None)
        assert (full["status"], full["fills"][0]["commissionAsset"]) == ("FILLED", "BTC")
        assert "fills" not in alice.place("BUY", "1", None, newOrderRespType="RESULT")
        assert "status" not in alice.place("BUY", "1", None, newOrderRespType="ACK")

    def test_spot_refuses_what_cannot_be_paid_for(self) -> None:
        """Funds that are not there, and a post-only order that would take."""
        alice = Trader(SPOT_CLASSIC)
        order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "10000"}
        limit = {"type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
        assert alice.refused("POST", "/order", **order, **limit) == (400, -2010)
        alice.exchange.book.set_price("BTCUSDT", 1, alice.now, dialect=SPOT_CLASSIC)
        assert alice.refused("POST", "/order", **order, type="LIMIT_MAKER", price="2") == (400, -2010)
        assert alice.ask("POST", "/order", **order, type="LIMIT_MAKER", price="0.5")["status"] == "NEW"

    def test_open_order_of_futures(self) -> None:
        """One that is open; one that is over is not found."""
        alice = Trader(USDM)
        number = alice.place()["orderId"]
        assert alice.ask("GET", "/openOrder", symbol="BTCUSDT", orderId=number)["orderId"] == number
        alice.exchange.book.cancel(number, alice.now)
        assert alice.refused("GET", "/openOrder", symbol="BTCUSDT", orderId=number) == (400, -2013)

    def test_a_countdown_without_a_time(self) -> None:
        """It has to be there."""
        alice = Trader(USDM)
        assert alice.refused("POST", "/countdownCancelAll", symbol="BTCUSDT") == (400, -1102)

    def test_the_account_of_spot(self) -> None:
        """Free and locked amounts, and when they last changed."""
        alice = Trader(SPOT_CLASSIC)
        alice.now += 1
        alice.place("SELL", "3", "50000")
        told = alice.ask("GET", "/account")
        assert told["updateTime"] == alice.ms
        assert {"asset": "BTC", "free": "9999997.00000000", "locked": "3.00000000"} in told["balances"]


def test_a_public_key_is_verified() -> None:
    """As on the WebSocket API: Ed25519 here, in Base64."""
    import base64
    from urllib.parse import quote

    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    exchange = Exchange()
    exchange.add_account("ed", public_key=pem)
    query = f"timestamp={int(exchange.unix_time(0) * 1000)}"
    signature = quote(base64.b64encode(private.sign(query.encode())), safe="")
    for told, status in ((signature, 200), (signature[:-8] + "AAAA%3D%3D", 400)):
        url = f"https://exchange.test/fapi/v1/openOrders?{query}&signature={told}"
        assert exchange.handle(Request("GET", url, (("X-MBX-APIKEY", "ed"),)), 0).status == status
    assert SYMBOL[USDM] == "BTCUSDT"


names = st.sampled_from(["symbol", "side", "type", "quantity", "price", "orderId", "origClientOrderId", "startTime"])
names |= st.sampled_from(["endTime", "limit", "countdownTime", "timeInForce", "newClientOrderId", "reduceOnly"])
values = st.sampled_from(["BTCUSDT", "BTCUSD_PERP", "BUY", "SELL", "LIMIT", "MARKET", "GTC", "IOC", "1", "0", "true"])
values |= st.sampled_from(["999999999999999", "0.00000001", "999999999999999.99999999"]) | st.text(max_size=20)
requests = st.tuples(
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.sampled_from(["order", "openOrders", "allOrders", "allOpenOrders", "countdownCancelAll", "account", "balance"]),
    st.dictionaries(names, values, max_size=7),
)


@given(st.sampled_from(MARKETS), st.lists(requests, max_size=12))
@settings(max_examples=80, deadline=None)
def test_no_request_takes_the_exchange_down(dialect: Dialect, sent: list[tuple[str, str, dict[str, str]]]) -> None:
    """Whatever is asked is served or refused; the numbers may be as large as can be said."""
    alice = Trader(dialect)
    full = {"symbol": alice.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "1"}
    for method, path, fields in sent:
        told = full | fields if method == "POST" and path == "order" else {"symbol": alice.symbol} | fields
        assert alice.send(method, f"/{path}", **told).status in {200, 400, 404, 405}
    alice.exchange.book.set_price(alice.symbol, "0.00000001", alice.now, dialect=dialect)
    for each in alice.heard():
        assert each["e"]


@pytest.mark.parametrize(("dialect", "path", "unit"), [(USDM, "/fapi/v1", "notional"), (COINM, "/dapi/v2", "qty")])
def test_leverage_has_a_bracket(dialect: Dialect, path: str, unit: str) -> None:
    """For every symbol, or for one: bots ask for it before they trade."""
    alice = Trader(dialect)
    everything = json.loads(alice.send("GET", f"{path}/leverageBracket").body)
    assert alice.symbol in {each["symbol"] for each in everything}
    (one,) = json.loads(alice.send("GET", f"{path}/leverageBracket", symbol=alice.symbol).body)
    assert one["brackets"][0][f"{unit}Floor"] == 0
