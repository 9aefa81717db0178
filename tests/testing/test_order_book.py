"""Orders at the test exchange: what happens to them, and that the numbers belong together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st
from trading import API_KEY, MARKETS, SECRET, SYMBOL, Trader, open_exchange, orders_in
from trio.testing import MockClock

from trio_listenkey import Credentials, UsageError, UserEvent, open_user_stream, venues
from trio_listenkey.testing import (
    COINM,
    MARGIN,
    SPOT,
    SPOT_CLASSIC,
    USDM,
    Countdown,
    Dialect,
    Exchange,
    MemoryConnector,
    MemoryTransport,
    event_number,
)


def amounts(*numbers: Any) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, numbers))


every_market = pytest.mark.parametrize("dialect", MARKETS, ids=lambda each: each.name)
futures = pytest.mark.parametrize("dialect", [USDM, COINM], ids=lambda each: each.name)


@every_market
class TestLife:
    def test_from_new_to_filled(self, dialect: Dialect) -> None:
        """Each step is an event, and the query agrees with the last of them."""
        alice = Trader(dialect)
        number = alice.place(newClientOrderId="mine")["orderId"]
        alice.now += 1
        alice.exchange.book.fill("mine", alice.now, quantity=4)
        alice.now += 1
        alice.exchange.book.fill(number, alice.now, price=49_000)
        told = alice.orders_heard()
        assert [(each["x"], each["X"]) for each in told] == [
            ("NEW", "NEW"),
            ("TRADE", "PARTIALLY_FILLED"),
            ("TRADE", "FILLED"),
        ]
        assert {each["c"] for each in told} == {"mine"}
        assert [Decimal(each["z"]) for each in told] == [0, 4, 10]
        assert [Decimal(each["l"]) for each in told] == [0, 4, 6]
        assert [Decimal(each["L"]) for each in told] == [0, 50_000, 49_000]
        assert [each["T"] for each in told] == [alice.ms - 2000, alice.ms - 1000, alice.ms]
        assert told[1]["t"] < told[2]["t"]
        order = alice.order(number)
        assert (order["status"], order["updateTime"]) == ("FILLED", alice.ms)
        assert Decimal(order["executedQty"]) == 10
        assert order["time"] == alice.ms - 2000

    def test_cancelled_by_the_client(self, dialect: Dialect) -> None:
        """The answer and the event say so, and it is open no more."""
        alice = Trader(dialect)
        number = alice.place()["orderId"]
        alice.exchange.book.fill(number, alice.now, quantity="2.5" if dialect is not COINM else 2)
        answer = alice.ask("DELETE", "/order", symbol=alice.symbol, orderId=number)
        assert answer["status"] == "CANCELED"
        last = alice.orders_heard()[-1]
        assert (last["x"], last["X"], Decimal(last["z"])) == ("CANCELED", "CANCELED", Decimal(answer["executedQty"]))
        assert alice.ask("GET", "/openOrders") == []
        assert alice.refused("DELETE", "/order", symbol=alice.symbol, orderId=number) == (400, -2011)

    def test_cancelled_and_expired_elsewhere(self, dialect: Dialect) -> None:
        """What the owner does on a page of the exchange, and the exchange itself, is told in the same way."""
        alice = Trader(dialect)
        first, second = (alice.place()["orderId"] for _ in "ab")
        assert alice.exchange.book.cancel(first, alice.now).status == "CANCELED"
        assert alice.exchange.book.expire(second, alice.now).status == "EXPIRED"
        assert [each["X"] for each in alice.orders_heard()] == ["NEW", "NEW", "CANCELED", "EXPIRED"]

    def test_the_price_reaches_it(self, dialect: Dialect) -> None:
        """A limit order is filled at its own price, as a maker; those that are not reached stay."""
        alice = Trader(dialect)
        reached, beyond = alice.place(price="50000"), alice.place(price="49000")
        alice.exchange.book.set_price(alice.symbol, 49_500, alice.now, dialect=dialect)
        assert alice.order(reached["orderId"])["status"] == "FILLED"
        assert [each["orderId"] for each in alice.ask("GET", "/openOrders")] == [beyond["orderId"]]
        trade = alice.orders_heard()[-1]
        assert (Decimal(trade["L"]), trade["m"]) == (Decimal(50_000), True)

    def test_a_market_order(self, dialect: Dialect) -> None:
        """It is filled at the price that was set, as a taker; without one it expires."""
        alice = Trader(dialect)
        alice.place("SELL", "3", None)
        alice.exchange.book.set_price(alice.symbol, 48_000, alice.now, dialect=dialect)
        alice.place("SELL", "3", None)
        told = alice.orders_heard()
        assert [each["X"] for each in told] == ["NEW", "EXPIRED", "NEW", "FILLED"]
        assert (Decimal(told[-1]["L"]), told[-1]["m"]) == (Decimal(48_000), False)

    @pytest.mark.parametrize(
        ("price", "time_in_force", "statuses"),
        [
            ("50001", "IOC", ["NEW", "FILLED"]),
            ("50000", "GTC", ["NEW", "FILLED"]),
            ("49999", "IOC", ["NEW", "EXPIRED"]),
            ("49999", "FOK", ["NEW", "EXPIRED"]),
            ("49999", "GTC", ["NEW"]),
        ],
    )
    def test_at_once_or_not(self, dialect: Dialect, price: str, time_in_force: str, statuses: list[str]) -> None:
        """A limit order that the price reaches is filled at the price; what may not wait expires."""
        alice = Trader(dialect)
        alice.exchange.book.set_price(alice.symbol, 50_000, alice.now, dialect=dialect)
        alice.place(price=price, timeInForce=time_in_force)
        assert [each["X"] for each in alice.orders_heard()] == statuses

    def test_placed_elsewhere(self, dialect: Dialect) -> None:
        """The owner places one on the exchange's page: the stream tells, and the client can cancel it."""
        alice = Trader(dialect)
        info = alice.exchange.book.place("alice", alice.symbol, "BUY", 2, alice.now, price=1000, dialect=dialect)
        assert alice.orders_heard()[0]["i"] == info.number
        assert alice.exchange.book.orders("alice", open_only=True) == (info,)
        answer = alice.ask("DELETE", "/order", symbol=alice.symbol, origClientOrderId=info.client_id)
        assert answer["orderId"] == info.number
        assert alice.exchange.book.orders(open_only=True) == ()
        assert not alice.exchange.book.orders("alice")[0].is_open

    def test_memory_is_bounded(self, dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
        """The oldest of the orders that are over is forgotten, and with it its name."""
        monkeypatch.setattr("trio_listenkey.testing._book._account_book.REMEMBERED", 3)
        alice = Trader(dialect)
        still_open = alice.place(newClientOrderId="open")["orderId"]
        numbers = [alice.place(newClientOrderId=name)["orderId"] for name in "abcd"]
        again = alice.place(newClientOrderId="e")["orderId"]
        for number in (*numbers, again):
            alice.exchange.book.cancel(number, alice.now)
            alice.place(newClientOrderId="a") if number == numbers[0] else None
        known = [each.number for each in alice.exchange.book.orders("alice")]
        assert still_open in known
        assert (numbers[0] in known, numbers[1] in known, again in known) == (False, False, True)
        assert alice.refused("GET", "/order", symbol=alice.symbol, origClientOrderId="b") == (400, -2013)
        assert alice.ask("GET", "/order", symbol=alice.symbol, origClientOrderId="a")["status"] == "NEW"


class TestSpot:
    def test_funds_are_locked_and_given_back(self) -> None:
        """An open order locks what it may cost; outboundAccountPosition tells of both assets."""
        alice = Trader(SPOT_CLASSIC)
        number = alice.place("BUY", "2", "50000")["orderId"]
        report, position = alice.heard()
        assert (report["e"], position["e"], position["u"]) == ("executionReport", "outboundAccountPosition", alice.ms)
        assert alice.exchange.book.balance("alice", "USDT", dialect=SPOT) == amounts(9_900_000, 100_000)
        alice.ask("DELETE", "/order", symbol=alice.symbol, orderId=number)
        assert alice.exchange.book.balance("alice", "USDT", dialect=SPOT_CLASSIC) == amounts(10_000_000, 0)

    def test_a_trade_at_a_better_price(self) -> None:
        """What was locked and not needed is free again, and the commission is a part of what was bought."""
        alice = Trader(SPOT_CLASSIC)
        number = alice.place("BUY", "2", "50000")["orderId"]
        alice.exchange.book.fill(number, alice.now, price=40_000)
        assert alice.exchange.book.balance("alice", "USDT", dialect=SPOT) == amounts(9_920_000, 0)
        assert alice.exchange.book.balance("alice", "BTC", dialect=SPOT) == amounts(Decimal("10000001.998"), 0)
        report = alice.orders_heard()[-1]
        assert (report["n"], report["N"], report["Z"], report["Y"]) == (
            "0.00200000",
            "BTC",
            "80000.00000000",
            "80000.00000000",
        )

    def test_a_cancel_has_a_name_of_its_own(self) -> None:
        """In executionReport, ``c`` is the cancel's and ``C`` the order's: a client that takes ``c`` is misled."""
        alice = Trader(SPOT_CLASSIC)
        alice.place(newClientOrderId="mine")
        alice.ask("DELETE", "/order", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="away")
        assert [(each["c"], each["C"]) for each in alice.orders_heard()] == [("mine", ""), ("away", "mine")]

    def test_a_deposit_is_told(self) -> None:
        """balanceUpdate with the difference, and the balance as a whole."""
        alice = Trader(SPOT_CLASSIC)
        assert alice.exchange.book.deposit("alice", "ETH", "1.5", alice.now, dialect=SPOT) == Decimal("1.5")
        update, position = alice.heard()
        assert (update["e"], update["d"]) == ("balanceUpdate", "1.50000000")
        assert position["B"] == [{"a": "ETH", "f": "1.50000000", "l": "0.00000000"}]

    def test_both_streams_of_the_account_tell(self) -> None:
        """One book is behind the listen keys of old and the WebSocket API; each counts its events."""
        alice = Trader(SPOT_CLASSIC)
        before = alice.exchange.emitted("alice", dialect=SPOT)
        alice.place()
        assert alice.exchange.emitted("alice", dialect=SPOT) == before + 2
        assert alice.exchange.emitted("alice", dialect=SPOT_CLASSIC) == before + 2


@futures
class TestFutures:
    def test_the_account_is_told_with_each_trade(self, dialect: Dialect) -> None:
        """ACCOUNT_UPDATE has the wallet and the position after the trade, at the trade's own time."""
        alice = Trader(dialect)
        alice.exchange.book.deposit("alice", "USDT" if dialect is USDM else "BTC", 1000, alice.now, dialect=dialect)
        number = alice.place()["orderId"]
        alice.exchange.book.fill(number, alice.now)
        deposit, _, account, trade = alice.heard()
        assert (deposit["a"]["m"], deposit["a"]["B"][0]["bc"]) == ("DEPOSIT", "1000.00000000")
        assert (account["a"]["m"], account["T"]) == ("ORDER", trade["T"])
        (balance,), (position,) = account["a"]["B"], account["a"]["P"]
        assert Decimal(balance["wb"]) == 1000 - Decimal(trade["o"]["n"])
        assert amounts(position["pa"], position["ep"]) == amounts(10, 50_000)
        assert alice.exchange.book.position("alice", alice.symbol, dialect=dialect) == amounts(10, 50_000)
        assert alice.exchange.book.balance("alice", balance["a"], dialect=dialect)[0] == Decimal(balance["wb"])
        assert Decimal(position["bep"]) > 50_000
        assert account.get("i") == trade.get("i") == ("SfsR" if dialect is COINM else None)

    def test_a_withdrawal_is_told(self, dialect: Dialect) -> None:
        """With its reason."""
        alice = Trader(dialect)
        alice.exchange.book.deposit("alice", "BTC", -1, alice.now, dialect=dialect)
        assert alice.heard()[0]["a"]["m"] == "WITHDRAW"

    def test_what_makes_a_position_smaller_realises_a_profit(self, dialect: Dialect) -> None:
        """Through zero: what is beyond is a new position, at the new price, with fees of its own."""
        alice = Trader(dialect)
        for side, quantity, price in (("BUY", "10", "50000"), ("SELL", "4", "60000"), ("SELL", "10", "60000")):
            alice.exchange.book.fill(alice.place(side, quantity, price)["orderId"], alice.now)
        trades = [each for each in alice.orders_heard() if each["x"] == "TRADE"]
        if dialect is USDM:
            assert [Decimal(each["rp"]) for each in trades] == [0, 40_000, 60_000]
        else:
            closed = [Decimal(each["rp"]) for each in trades]
            assert closed == [0, *(round(n * 100 * (1 / Decimal(50_000) - 1 / Decimal(60_000)), 8) for n in (4, 6))]
        assert alice.exchange.book.position("alice", alice.symbol, dialect=dialect) == amounts(-4, 60_000)
        alice.exchange.book.fill(alice.place("BUY", "4", "60000")["orderId"], alice.now)
        assert alice.exchange.book.position("alice", alice.symbol, dialect=dialect) == amounts(0, 0)

    def test_the_account_can_be_asked(self, dialect: Dialect) -> None:
        """Balances and positions, as the last event told them."""
        alice = Trader(dialect)
        alice.exchange.book.fill(alice.place()["orderId"], alice.now)
        alice.exchange.book.set_price(alice.symbol, 51_000, alice.now, dialect=dialect)
        account = next(each for each in alice.heard() if each["e"] == "ACCOUNT_UPDATE")["a"]
        version = "/fapi/v3" if dialect is USDM else "/dapi/v1"
        (asset,) = alice.ask("GET", f"{version}/balance")
        (position,) = alice.ask("GET", f"{version}/positionRisk", symbol=alice.symbol)
        whole = alice.ask("GET", f"{version}/account")
        assert asset["balance"] == whole["assets"][0]["walletBalance"] == account["B"][0]["wb"]
        assert position == whole["positions"][0]
        assert (position["positionAmt"], position["entryPrice"]) == (account["P"][0]["pa"], account["P"][0]["ep"])
        assert position["updateTime"] == asset["updateTime"] == alice.ms
        assert Decimal(position["unRealizedProfit"]) > 0

    def test_reduce_only(self, dialect: Dialect) -> None:
        """It is refused unless it makes the position smaller, and not more than that."""
        alice = Trader(dialect)
        limit = {"symbol": alice.symbol, "type": "LIMIT", "timeInForce": "GTC", "price": "50000", "reduceOnly": "true"}
        assert alice.refused("POST", "/order", side="SELL", quantity="1", **limit) == (400, -2022)
        alice.exchange.book.fill(alice.place()["orderId"], alice.now)
        assert alice.refused("POST", "/order", side="BUY", quantity="1", **limit) == (400, -2022)
        assert alice.refused("POST", "/order", side="SELL", quantity="11", **limit) == (400, -2022)
        assert alice.ask("POST", "/order", side="SELL", quantity="10", **limit)["reduceOnly"] is True

    def test_post_only_expires_where_it_would_take(self, dialect: Dialect) -> None:
        """GTX: it is taken, and expires."""
        alice = Trader(dialect)
        alice.exchange.book.set_price(alice.symbol, 50_000, alice.now, dialect=dialect)
        alice.place(price="50001", timeInForce="GTX")
        alice.place(price="49999", timeInForce="GTX")
        assert [each["X"] for each in alice.orders_heard()] == ["NEW", "EXPIRED", "NEW"]

    def test_a_countdown_cancels_what_is_open(self, dialect: Dialect) -> None:
        """At its own time, in its symbol alone, for its account alone; then it is over."""
        alice = Trader(dialect)
        alice.exchange.add_account("another", name="bob")
        other = "ETHUSDT" if dialect is USDM else "ETHUSD_PERP"
        for account, symbol in (("alice", alice.symbol), ("alice", other), ("bob", alice.symbol)):
            alice.exchange.book.place(account, symbol, "BUY", 1, alice.now, price=1, dialect=dialect)
        told = alice.ask("POST", "/countdownCancelAll", symbol=alice.symbol, countdownTime=5000)
        assert told == {"symbol": alice.symbol, "countdownTime": "5000"}
        end = alice.now + 5
        running = Countdown(account="alice", market=dialect.name, symbol=alice.symbol, ends_at=end)
        assert alice.exchange.book.countdowns() == (running,)
        assert alice.session.deadline <= end
        alice.heard()
        alice.now = end - 0.001
        assert alice.orders_heard() == []
        alice.now = end + 100
        (canceled,) = alice.orders_heard()
        assert (canceled["s"], canceled["X"]) == (alice.symbol, "CANCELED")
        assert canceled["T"] == int(alice.exchange.unix_time(end) * 1000)
        assert alice.exchange.book.countdowns() == ()
        assert len(alice.exchange.book.orders(open_only=True)) == 2

    def test_a_countdown_is_put_off_and_stopped(self, dialect: Dialect) -> None:
        """Each call replaces the one before, and zero ends it. Memory does not grow with them."""
        alice = Trader(dialect)
        number = alice.place()["orderId"]
        for _ in range(100):
            alice.ask("POST", "/countdownCancelAll", symbol=alice.symbol, countdownTime=500_000)
            alice.now += 4
        assert len(alice.exchange._books._agenda) < 30
        assert alice.order(number)["status"] == "NEW"
        alice.ask("POST", "/countdownCancelAll", symbol=alice.symbol, countdownTime=0)
        alice.now += 1000
        assert alice.order(number)["status"] == "NEW"


async def test_a_countdown_is_heard_on_sockets_at_its_time(autojump_clock: MockClock) -> None:
    """Nobody has to ask the exchange anything: each socket is told when it happens."""
    exchange = open_exchange()
    alice = Trader(USDM, exchange)
    await trio.sleep_until(alice.now + 1)
    credentials = Credentials(API_KEY, SECRET)
    async with open_user_stream(
        venues.BINANCE_USDM, credentials, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange)
    ) as stream:
        alice.now = trio.current_time()
        alice.place()
        alice.ask("POST", "/countdownCancelAll", symbol=alice.symbol, countdownTime=7500)
        seen: list[Any] = []
        async for item in stream:
            if isinstance(item, UserEvent):
                seen.append((item.data["o"]["X"], trio.current_time() - alice.now))
            if len(seen) == 2:
                break
    assert seen[0][0] == "NEW"
    assert seen[1] == ("CANCELED", pytest.approx(7.5))


def test_an_event_of_the_book_is_no_numbered_one() -> None:
    """Its client id is the client's own."""
    alice = Trader(USDM)
    alice.place(newClientOrderId="mine")
    with pytest.raises(ValueError, match="mine"):
        event_number(alice.heard()[0])


class TestCommands:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda book: book.fill(99, 0), "no open order '99'"),
            (lambda book: book.fill(1, 0, quantity=11), "more than the 10 that are left"),
            (lambda book: book.fill(1, 0, quantity=0), "not more than zero"),
            (lambda book: book.fill(1, 0, price=50_001), "worse than"),
            (lambda book: book.set_price("BTCUSDT", "dear", 0), "no amount"),
            (lambda book: book.set_price("BTCUSDT", [1], 0), "no amount"),
            (lambda book: book.set_price("BTCUSDT", "1e99", 0), "no amount"),
            (lambda book: book.set_price("NOTHING", 1, 0), "no symbol 'NOTHING'"),
            (lambda book: book.set_price("BTCUSDT", 1, 0, dialect=MARGIN), "no symbol"),
            (lambda book: book.deposit("nobody", "BTC", 1, 0, dialect=USDM), "no account"),
            (lambda book: book.deposit("alice", "BTC", 1, 0), "several markets"),
            (lambda book: book.deposit("alice", "BTC", 1, 0, dialect=MARGIN), "orders are not taken"),
            (lambda book: book.place("alice", "BTCUSDT", "BUY", 1, 0, price=1, dialect=SPOT), "-2010"),
            (lambda book: book.add_symbol("X", "X", "USD", dialect=COINM), "contract_size"),
            (lambda book: book.add_symbol("X", "X", "USDT", contract_size=1, dialect=USDM), "contract_size"),
        ],
    )
    def test_what_cannot_be(self, wrong: Any, message: str) -> None:
        """Each is told."""
        exchange = open_exchange()
        exchange.book.place("alice", "BTCUSDT", "BUY", 10, 0, price=50_000, dialect=USDM)
        with pytest.raises(UsageError, match=message):
            wrong(exchange.book)

    def test_a_symbol_that_is_added(self) -> None:
        """It is traded from then on, at this exchange alone."""
        exchange = open_exchange()
        exchange.book.add_symbol("DOGEUSD_PERP", "DOGE", "USD", contract_size=10, dialect=COINM)
        info = exchange.book.place("alice", "DOGEUSD_PERP", "SELL", 3, 0, price=0.25)
        exchange.book.fill(info.number, 0)
        assert exchange.book.position("alice", "DOGEUSD_PERP") == amounts(-3, Decimal("0.25"))
        assert exchange.book.position("alice", "BTCUSD_PERP") == amounts(0, 0)
        with pytest.raises(UsageError):
            open_exchange().book.place("alice", "DOGEUSD_PERP", "SELL", 3, 0, price=1)

    def test_it_says_where_it_is(self) -> None:
        """Its repr names the markets."""
        assert repr(open_exchange().book) == "<OrderBook of spot, usdm, coinm>"
        assert repr(Exchange(dialects=[MARGIN]).book) == "<OrderBook of no market>"


steps = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]), st.integers(1, 9), st.integers(90, 110), st.integers(1, 9), st.booleans()
    ),
    max_size=12,
)


@given(st.sampled_from(MARKETS), steps)
@settings(max_examples=60, deadline=None)
def test_the_numbers_belong_together(dialect: Dialect, steps: list[tuple[str, int, int, int, bool]]) -> None:
    """Whatever is traded: each event's sums are those of the trades before, and the end is what can be asked."""
    alice = Trader(dialect)
    market, events = dialect.name, []
    for side, quantity, price, filled, cancel in steps:
        number = alice.place(side, str(quantity), str(price))["orderId"]
        alice.now += 0.001
        alice.exchange.book.fill(number, alice.now, quantity=min(filled, quantity))
        if cancel and filled < quantity:
            alice.ask("DELETE", "/order", symbol=alice.symbol, orderId=number)
        events += alice.heard()
    trades: dict[int, list[tuple[Decimal, Decimal]]] = {}
    for each in orders_in(events):
        done = trades.setdefault(each["i"], [])
        if each["x"] == "TRADE":
            done.append((Decimal(each["l"]), Decimal(each["L"])))
        assert Decimal(each["z"]) == sum(quantity for quantity, _ in done)
        assert (each["X"] == "FILLED") == (Decimal(each["z"]) == Decimal(each["q"]))
        if market == "spot-classic":
            assert Decimal(each["Z"]) == sum(quantity * price for quantity, price in done)
    for info in alice.exchange.book.orders("alice"):
        assert info.filled == sum(quantity for quantity, _ in trades[info.number])
    told = [each for each in events if each["e"] in {"ACCOUNT_UPDATE", "outboundAccountPosition"}]
    if told and market == "spot-classic":
        for balance in told[-1]["B"]:
            assert alice.exchange.book.balance("alice", balance["a"], dialect=dialect) == (
                Decimal(balance["f"]),
                Decimal(balance["l"]),
            )
        open_buys = [each for each in alice.exchange.book.orders("alice", open_only=True) if each.side == "BUY"]
        locked = sum((each.quantity - each.filled) * each.price for each in open_buys)
        assert alice.exchange.book.balance("alice", "USDT", dialect=dialect)[1] == locked
    elif told:
        amount, entry = alice.exchange.book.position("alice", SYMBOL[dialect], dialect=dialect)
        (position,) = told[-1]["a"]["P"]
        assert Decimal(position["pa"]) == amount
        assert abs(Decimal(position["ep"]) - entry) < Decimal("0.0000001")
