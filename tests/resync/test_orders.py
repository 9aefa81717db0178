"""What is believed of orders, balances and positions, word by word."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, strategies as st
from order_world import START, order_of

from trio_listenkey import Gap, UserEvent
from trio_listenkey.resync import (
    AskHoldings,
    Asking,
    AskOpenOrders,
    AskOrder,
    AskPastOrders,
    Balance,
    Change,
    Changes,
    Holdings,
    Order,
    Orders,
    PastOrders,
    Position,
    read_order,
)
from trio_listenkey.resync._questions import Question

DAY = 86_400_000
FIRST = Gap("disconnected", 0.0, 0.0, START / 1000, START / 1000, None, 1, 1)


def gap(last_event_time: int | None = START, at: int = START) -> Gap:
    return Gap("disconnected", 0.0, 0.0, at / 1000, at / 1000, last_event_time, 1, 1)


def update(**fields: Any) -> dict[str, Any]:
    """ORDER_TRADE_UPDATE."""
    told = {
        "s": "BTCUSDT",
        "i": 1,
        "c": "c-1",
        "S": "BUY",
        "o": "LIMIT",
        "x": "NEW",
        "X": "NEW",
        "p": "100",
        "q": "10",
        "z": "0",
        "ap": "0",
        "T": START,
        "ps": "BOTH",
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": START, "T": START, "o": told | fields}


def account(amount: str, wallet: str = "5", at: int = START) -> dict[str, Any]:
    """ACCOUNT_UPDATE."""
    position = {"s": "BTCUSDT", "pa": amount, "ep": "100", "ps": "BOTH"}
    return {"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": {"B": [{"a": "USDT", "wb": wallet}], "P": [position]}}


def answered(orders: Orders, *answers: Any, gap: Gap = FIRST, **kwargs: Any) -> Changes:
    """A whole asking with these answers."""
    asking = orders.begin(gap, span=7 * DAY, unix_now=START / 1000, **kwargs)
    for answer in answers:
        assert asking.question is not None
        asking.answer(answer)
    assert asked_by(asking) is None, asking
    return asking.changes


def asked_by(asking: Asking) -> Question | None:
    return asking.question


class TestEvents:
    def test_an_order_from_new_to_filled(self) -> None:
        """Each event changes what is known, and says so."""
        orders = Orders()
        (change,) = orders.take(update()).orders
        assert (change.before, change.after.status) == (None, "NEW")
        assert change.after.created_at == START
        changes = orders.take(update(X="PARTIALLY_FILLED", x="TRADE", z="4", ap="99.5", T=START + 1))
        assert changes.orders[0].before == change.after
        assert orders.open("BTCUSDT") == orders.open() == (changes.orders[0].after,)
        assert orders.open("ETHUSDT") == ()
        orders.take(update(X="FILLED", x="TRADE", z="10", T=START + 2))
        assert orders.open() == ()
        known = orders.get("BTCUSDT", 1)
        assert known is not None
        assert (known.executed, known.average_price) == (Decimal(10), Decimal(0))
        assert (known.created_at, known.told_by) == (START, "stream")
        assert repr(orders) == "<Orders, 0 of 1 open>"

    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_any_order_of_hearing_will_do(self, order: tuple[int, ...]) -> None:
        """Though all have one millisecond, and a query is among them."""
        words = [
            order_of(),
            order_of(status="PARTIALLY_FILLED", executed=Decimal(3)),
            order_of(status="PARTIALLY_FILLED", executed=Decimal(5), told_by="stream"),
            order_of(status="CANCELED", executed=Decimal(5), told_by="stream"),
        ]
        orders = Orders()
        for number in order:
            orders.learn(words[number])
        assert orders.get("BTCUSDT", 1) == words[3]

    def test_balances_and_positions_are_whole_values(self) -> None:
        """The latest stands; one from before changes nothing."""
        orders = Orders()
        changes = orders.take(account("3", "5", START + 1))
        assert (len(changes.balances), len(changes.positions)) == (1, 1)
        assert orders.position("BTCUSDT") == 3
        assert not orders.take(account("2", "4", START))
        assert not orders.take(account("3", "5", START + 2))  # nothing is new but the time
        assert [each.amount for each in orders.balances()] == [5]
        orders.take(account("0", "0", START + 3))
        assert not orders.positions()
        assert not orders.balances()
        assert orders.position("BTCUSDT") == 0
        assert orders.balance("USDT") == Balance(
            asset="USDT", amount=Decimal(0), updated_at=START + 3, told_by="stream"
        )
        assert orders.balance("BTC") is None
        assert orders.position("ETHUSDT") == 0

    def test_an_event_of_spot(self) -> None:
        """The order's own name though it was a cancel that has another, times in microseconds, an average of sums."""
        report = {
            "e": "executionReport",
            "s": "BTCUSDT",
            "i": 7,
            "c": "the cancel's",
            "C": "mine",
            "S": "SELL",
            "o": "LIMIT",
            "X": "CANCELED",
            "p": "100.00",
            "q": "4.00",
            "z": "2.00",
            "Z": "202.00",
            "T": START * 1000 + 5,
            "O": START * 1000,
        }
        orders = Orders()
        raw = json.dumps({"subscriptionId": 0, "event": report}).encode()
        (change,) = orders.take(UserEvent(raw, 0.0)).orders
        assert change.after == Order(
            symbol="BTCUSDT",
            id=7,
            client_id="mine",
            side="SELL",
            order_type="LIMIT",
            status="CANCELED",
            price=Decimal(100),
            quantity=Decimal(4),
            executed=Decimal(2),
            average_price=Decimal(101),
            updated_at=START,
            created_at=START,
            told_by="stream",
        )
        position = {"e": "outboundAccountPosition", "u": START, "B": [{"a": "BTC", "f": "1", "l": "2"}]}
        (balance,) = orders.take(position).balances
        assert (balance.after.amount, balance.after.locked) == (Decimal(1), Decimal(2))
        assert balance.after.key == "BTC"

    @pytest.mark.parametrize(
        "event",
        [
            None,
            [],
            {},
            {"e": "MARGIN_CALL"},
            {"e": ["list"]},
            {"e": "ORDER_TRADE_UPDATE"},
            {"e": "ORDER_TRADE_UPDATE", "o": None},
            update(z=5),
            update(z="NaN"),
            update(z="1" * 50),
            update(z="dear"),
            update(i="1"),
            update(i=True),
            update(i=-1),
            update(i=10**30),
            update(T=None),
            {"e": "ACCOUNT_UPDATE", "T": START, "a": {"B": 5}},
            UserEvent(b"no JSON", 0.0),
        ],
        ids=repr,
    )
    def test_what_is_no_event_says_nothing(self, event: Any) -> None:
        """The exchange may send what it likes."""
        orders = Orders()
        assert not replace(orders.take(event), unresolved=())
        assert orders.open() == ()

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3)))
    def test_nothing_that_stands_in_a_field_is_raised(self, value: Any) -> None:
        """Any field may be anything."""
        for field in "siXzpqT":
            Orders().take(update(**{field: value}))
        Orders().take({"e": "ACCOUNT_UPDATE", "T": value, "a": {"B": value, "P": value}})


class TestNames:
    def test_the_open_one_of_a_name_or_the_latest(self) -> None:
        """A name may be given again when the first order is over."""
        orders = Orders()
        orders.learn(order_of(id=1, status="FILLED", updated_at=START + 2))
        orders.learn(order_of(id=2, status="CANCELED", updated_at=START + 1))
        assert orders.by_client_id("c-1") == orders.get("BTCUSDT", 1)
        orders.learn(order_of(id=3))
        assert orders.by_client_id("c-1", "BTCUSDT") == orders.get("BTCUSDT", 3)
        assert orders.by_client_id("c-1", "ETHUSDT") is None

    def test_what_is_over_is_forgotten_in_time(self) -> None:
        """The latest are kept, and all that are open."""
        orders = Orders(remember=2)
        orders.learn(order_of(id=100))
        for number in range(5):
            orders.learn(order_of(id=number, status="FILLED"))
            orders.learn(order_of(id=number, status="FILLED", updated_at=START + 1))
        assert [number for number in range(5) if orders.get("BTCUSDT", number)] == [3, 4]
        assert orders.get("BTCUSDT", 100) is not None


class TestAnswers:
    def test_of_futures(self) -> None:
        """A query has the time of creation, the answer to a new order has not."""
        told = {
            "symbol": "BTCUSDT",
            "orderId": 1,
            "clientOrderId": "c-1",
            "side": "BUY",
            "type": "LIMIT",
            "status": "NEW",
            "price": "100",
            "origQty": "10",
            "executedQty": "0",
            "avgPrice": "0",
            "updateTime": START,
        }
        assert read_order(told) == order_of()
        assert read_order({**told, "time": START - 1}).created_at == START - 1

    def test_of_spot(self) -> None:
        """The answer to a cancel names the order, and not the cancel; what is no order is told."""
        told = {
            "symbol": "BTCUSDT",
            "orderId": 1,
            "clientOrderId": "the cancel's",
            "origClientOrderId": "c-1",
            "side": "BUY",
            "type": "LIMIT",
            "status": "CANCELED",
            "price": "100",
            "origQty": "10",
            "executedQty": "4",
            "cummulativeQuoteQty": "380",
            "transactTime": START,
        }
        expected = order_of(status="CANCELED", executed=Decimal(4), average_price=Decimal(95))
        assert read_order(told) == expected
        with pytest.raises(ValueError, match="no order"):
            read_order({"symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "c-1", "transactTime": START})

    def test_a_placed_order_is_known_before_its_event(self) -> None:
        """And what the event has said already stays."""
        orders = Orders()
        orders.take(update(X="FILLED", x="TRADE", z="10"))
        assert not orders.learn(order_of())
        assert orders.open() == ()


class TestAsking:
    def test_the_first_asks_how_things_are(self) -> None:
        """Open orders and holdings: there is no time from which on anything was missed."""
        orders = Orders()
        asking = orders.begin(FIRST, span=DAY, unix_now=START / 1000)
        assert asked_by(asking) == AskOpenOrders(None)
        assert repr(asking) == "<Asking, next AskOpenOrders(symbol=None)>"
        asking.answer([order_of()])
        assert asked_by(asking) == AskHoldings()
        position = Position(symbol="BTCUSDT", side="LONG", amount=Decimal(2), entry_price=Decimal(90), updated_at=START)
        asking.answer(Holdings((), (position,)))
        assert asked_by(asking) is None
        assert asking.changes == Changes(orders=(Change(None, order_of()),), positions=(Change(None, position),))
        assert orders.position("BTCUSDT", "LONG") == 2
        assert orders.position("BTCUSDT") == 0

    def test_few_symbols_are_asked_for_one_by_one(self) -> None:
        """Yours, and those of orders that are known; many at once."""
        orders = Orders()
        orders.learn(order_of(symbol="XRPUSDT"))
        asking = orders.begin(FIRST, span=DAY, unix_now=START / 1000, symbols=["BTCUSDT"])
        assert asked_by(asking) == AskOpenOrders("BTCUSDT")
        asking.answer([])
        assert asked_by(asking) == AskOpenOrders("XRPUSDT")
        many = [f"{letter}USDT" for letter in "ABCDEFGHIJK"]
        assert orders.begin(FIRST, span=DAY, unix_now=START / 1000, symbols=many).question == AskOpenOrders(None)

    def test_what_the_list_lacks_is_asked_for(self) -> None:
        """A phantom: it was open, ended in the gap, and no list of open orders says so."""
        orders = Orders()
        orders.take(update())
        asking = orders.begin(gap(), span=DAY, unix_now=START / 1000)
        answers: list[Any] = [[], Holdings(()), PastOrders((), False)]
        for answer in answers:
            asking.answer(answer)
        assert asked_by(asking) == AskOrder("BTCUSDT", 1)
        asking.answer(order_of(status="CANCELED"))
        assert asked_by(asking) is None
        assert orders.open() == ()

    def test_an_event_meanwhile_spares_the_question(self) -> None:
        """The stream has said how the order stands."""
        orders = Orders()
        orders.take(update())
        asking = orders.begin(gap(), span=DAY, unix_now=START / 1000)
        asking.answer([])
        orders.take(update(X="PARTIALLY_FILLED", z="1", T=START + 9))
        for answer in (Holdings(()), PastOrders((), False)):
            asking.answer(answer)
        assert asked_by(asking) is None

    def test_an_answer_that_events_have_overtaken(self) -> None:
        """What is older than the event changes nothing, at the same millisecond included; what is newer does."""
        orders = Orders()
        asking = orders.begin(FIRST, span=DAY, unix_now=START / 1000)
        asking.answer([])
        orders.take(account("3"))
        old = Position(symbol="BTCUSDT", side="BOTH", amount=Decimal(1), entry_price=Decimal(1), updated_at=START)
        asking.answer(Holdings((), (old,)))
        assert orders.position("BTCUSDT") == 3
        assert orders.balance("USDT") is not None  # not mentioned, but told of since the asking began

    def test_what_is_not_mentioned_is_nothing(self) -> None:
        """A position that was closed in the gap, and an asset that was spent."""
        orders = Orders()
        orders.take(account("3"))
        changes = answered(orders, [], Holdings(()), PastOrders((), False), gap=gap())
        assert changes.positions[0].after.amount == changes.balances[0].after.amount == 0
        assert changes.positions[0].after.told_by == "query"

    def test_a_word_of_the_same_millisecond_from_before_the_gap_gives_way(self) -> None:
        """The second change of that millisecond was lost."""
        orders = Orders()
        orders.take(account("3"))
        told = Position(symbol="BTCUSDT", side="BOTH", amount=Decimal(4), entry_price=Decimal(1), updated_at=START)
        undated = Balance(asset="USDT", amount=Decimal(9), updated_at=0)
        answered(orders, [], Holdings((undated,), (told,)), PastOrders((), False), gap=gap())
        assert orders.position("BTCUSDT") == 4
        balance = orders.balance("USDT")
        assert balance is not None
        # With no time it is believed all the same: it is younger than what was known.
        assert (balance.amount, balance.updated_at) == (Decimal(9), START + 1)
        new = Balance(asset="BTC", amount=Decimal(9), updated_at=0)
        answered(orders, [], Holdings((undated, new), (told,)), PastOrders((), False), gap=gap())
        assert orders.balance("BTC") == new

    def test_two_changes_of_one_thing_are_told_as_one(self) -> None:
        """From what was known before the asking to what is known after it."""
        orders = Orders()
        half, whole = (order_of(status=s, executed=Decimal(n)) for s, n in (("PARTIALLY_FILLED", 5), ("FILLED", 10)))
        orders.learn(order_of())
        changes = answered(orders, [half], Holdings(()), PastOrders((whole,), False), gap=gap())
        assert changes.orders == (Change(order_of(), whole),)


class TestPastOrders:
    def test_long_gaps_take_several_questions(self) -> None:
        """No question covers more than one may; together they cover all, and some seconds more at both ends."""
        orders = Orders()
        now = START + 20 * DAY
        asking = orders.begin(gap(), span=7 * DAY, unix_now=now / 1000, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        spans = []
        while isinstance(question := asking.question, AskPastOrders):
            spans.append((question.start, question.end))
            asking.answer(PastOrders((), False))
        assert spans[0][0] == START - 5000
        assert spans[-1][1] == now + 5000
        assert all(end - start < 7 * DAY for start, end in spans)
        assert [end + 1 for _, end in spans[:-1]] == [start for start, _ in spans[1:]]

    def test_nobody_knows_of_more_than_ninety_days(self) -> None:
        """There is no use in asking."""
        asking = Orders().begin(gap(0), span=7 * DAY, unix_now=START / 1000, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        assert isinstance(asking.question, AskPastOrders)
        assert asking.question.start > START - 91 * DAY

    def test_a_full_page_is_asked_for_in_halves(self) -> None:
        """Whatever end was cut; in one millisecond there is no half, and that is told."""
        orders = Orders()
        asking = orders.begin(gap(), span=7 * DAY, unix_now=START / 1000, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        seen = []
        while isinstance(question := asking.question, AskPastOrders):
            seen.append((question.start, question.end))
            asking.answer(PastOrders((order_of(status="FILLED"),), is_cut=question.start <= START <= question.end))
        assert seen[-1][1] == seen[0][1]
        assert (START, START) in seen
        assert asking.changes.unresolved == (
            f"BTCUSDT: more orders in the millisecond {START} than one answer has room for",
        )

    def test_an_asking_that_was_left_is_made_up_for(self) -> None:
        """The next one goes back to where the first began; when it is done, nothing is owed."""
        orders = Orders()
        orders.begin(gap(START), span=DAY, unix_now=START / 1000, symbols=["BTCUSDT"])
        later = gap(START + 60_000, START + 60_000)
        asking = orders.begin(later, span=7 * DAY, unix_now=(START + 60_000) / 1000, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        assert asked_by(asking) == AskPastOrders("BTCUSDT", START - 5000, START + 65_000)
        asking.answer(PastOrders((), False))
        assert asked_by(asking) is None
        asking = orders.begin(later, span=7 * DAY, unix_now=(START + 60_000) / 1000, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        assert asked_by(asking) == AskPastOrders("BTCUSDT", START + 55_000, START + 65_000)

    def test_a_slow_clock_hides_nothing(self) -> None:
        """The end of what is asked for follows what becomes known of the time."""
        asking = Orders().begin(gap(), span=7 * DAY, unix_now=START / 1000 - 3600, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        assert asked_by(asking) == AskPastOrders("BTCUSDT", START - 5000, START + 5000)
        asking.set_clock(3660.0)
        asking.set_clock(0.0)
        asking.answer(PastOrders((), False))
        assert asked_by(asking) == AskPastOrders("BTCUSDT", START + 5001, START + 65_000)

    def test_without_an_event_before_it_counts_from_the_gap(self) -> None:
        """By this machine's clock, as far as it is known to be off."""
        orders = Orders()
        answered(orders, [], Holdings(()), symbols=["BTCUSDT"])
        asking = orders.begin(
            gap(None, START + 1000), span=DAY, unix_now=START / 1000 + 2, clock_ahead=10.0, symbols=["BTCUSDT"]
        )
        asking.answer([])
        asking.answer(Holdings(()))
        assert asked_by(asking) == AskPastOrders("BTCUSDT", START + 6000, START + 17_000)

    def test_another_stream_counts_from_what_is_known(self) -> None:
        """A stream that is opened again begins with a gap that has no event before it."""
        orders = Orders()
        opened = Gap("opened", 0.0, 0.0, START / 1000, START / 1000, None, 0, 1)
        answered(orders, [], Holdings(()), gap=opened, symbols=["BTCUSDT"])
        orders.take(update(T=START - 60_000))
        asking = orders.begin(opened, span=DAY, unix_now=START / 1000, symbols=["BTCUSDT"])
        asking.answer([])
        asking.answer(Holdings(()))
        assert asked_by(asking) == AskPastOrders("BTCUSDT", START - 65_000, START + 5000)


class TestUnknownOrders:
    def asked(self, orders: Orders, *, now: int = START) -> Any:
        asking = orders.begin(gap(None, now), span=100 * DAY, unix_now=now / 1000)
        asking.answer([])
        asking.answer(Holdings(()))
        while isinstance(asking.question, AskPastOrders):
            asking.answer(PastOrders((), False))
        return asking

    def test_one_that_is_too_new_is_asked_for_again(self) -> None:
        """The machine that answered was behind."""
        orders = Orders()
        orders.take(update())
        asking = self.asked(orders)
        assert asked_by(asking) == AskOrder("BTCUSDT", 1)
        asking.answer(None)
        assert asked_by(asking) == AskOrder("BTCUSDT", 1, 2)
        asking.answer(order_of())
        assert asked_by(asking) is None
        assert (len(orders.open()), bool(asking.changes)) == (1, False)

    def test_an_event_ends_the_doubt(self) -> None:
        """It came while the question was asked."""
        orders = Orders()
        orders.take(update())
        asking = self.asked(orders)
        orders.take(update(z="1"))
        asking.answer(None)
        assert asked_by(asking) is None

    def test_one_that_stays_unknown_is_told(self) -> None:
        """It is believed open all the same: it may be."""
        orders = Orders()
        orders.take(update())
        asking = self.asked(orders)
        for _ in range(3):
            asking.answer(None)
        assert asking.changes.unresolved == ("BTCUSDT: the exchange does not know the order 1",)
        assert len(orders.open()) == 1

    @pytest.mark.parametrize("kind", ["NEW", "AMENDMENT"])
    def test_one_that_the_exchange_has_forgotten(self, kind: str) -> None:
        """It ended days ago without a trade: it is gone, from here as well."""
        orders = Orders()
        orders.take(update(x=kind))
        asking = self.asked(orders, now=START + 4 * DAY)
        for _ in range(3):
            asking.answer(None)
        assert [each.id for each in asking.changes.gone] == [1]
        assert (orders.open(), orders.get("BTCUSDT", 1)) == ((), None)
