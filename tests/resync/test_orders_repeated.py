"""What is told twice, too early or in an unknown form must not be taken for news, nor pass without a word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import trio
from order_world import START, order_of
from test_orders import DAY, account, answered, gap, update
from trio.testing import MockClock

from trio_listenkey import UsageError
from trio_listenkey.resync import (
    AskOrder,
    AskPastOrders,
    Balance,
    Changes,
    Holdings,
    Order,
    Orders,
    PastOrders,
    Position,
    catch_up,
)

NOTHING = Holdings(())


class TestRepeated:
    def test_an_order_is_asked_for_all_the_same(self) -> None:
        """An event from before the gap that comes again after it does not show that the order is open still."""
        orders = Orders()
        orders.take(update())
        asking = orders.begin(gap(), span=7 * DAY, unix_now=START / 1000)
        orders.take(update())
        while asking.question is not None and not isinstance(asking.question, AskOrder):
            asking.answer(PastOrders((), is_cut=False) if isinstance(asking.question, AskPastOrders) else _none(asking))
        assert asking.question == AskOrder("BTCUSDT", 1)
        asking.answer(order_of(status="FILLED", executed=Decimal(10)))
        assert orders.open() == ()

    def test_a_position_that_no_answer_mentions_is_over(self) -> None:
        """It was closed in the gap, and what comes again is what was before."""
        orders = Orders()
        orders.take(account("4"))
        asking = orders.begin(gap(), span=7 * DAY, unix_now=START / 1000)
        orders.take(account("4"))
        while asking.question is not None:
            asking.answer(PastOrders((), is_cut=False) if isinstance(asking.question, AskPastOrders) else _none(asking))
        assert orders.position("BTCUSDT") == 0
        orders.take(account("4"))
        assert orders.position("BTCUSDT") == 0
        assert orders.balances() == ()
        assert not orders.take(account("0", "0", at=START))
        orders.take(account("7", at=START + 1))  # what is new since the answer is later than what was known before it
        assert orders.position("BTCUSDT") == 7

    def test_an_answer_without_a_time_is_not_undone(self) -> None:
        """It says what is now, and not since when."""
        orders = Orders()
        orders.take(account("4"))
        held = Holdings(
            (Balance(asset="USDT", amount=Decimal(5), updated_at=0),),
            (Position(symbol="BTCUSDT", side="BOTH", amount=Decimal(2), entry_price=Decimal(1), updated_at=0),),
        )
        answered(orders, (), held, PastOrders((), is_cut=False), gap=gap())
        orders.take(account("4"))
        assert orders.position("BTCUSDT") == 2
        known = orders.balance("USDT")
        assert known is not None
        assert known.updated_at == START

    def test_what_it_adds_is_kept(self) -> None:
        """A query without the time of creation came first."""
        orders = Orders()
        orders.learn(replace(order_of(), created_at=None))
        assert not orders.take(update())
        known = orders.get("BTCUSDT", 1)
        assert known is not None
        assert known.created_at == START


def _none(asking: Any) -> Any:
    return NOTHING if type(asking.question).__name__ == "AskHoldings" else ()


class TestUnreadable:
    @pytest.mark.parametrize(
        "event",
        [
            update(z=5),
            update(ap=""),
            update(X=None),
            update(i="1"),
            {"e": "ORDER_TRADE_UPDATE"},
            {"e": "ACCOUNT_UPDATE", "T": START, "a": {"B": None}},
            {"e": "executionReport", "s": "BTCUSDT"},
        ],
        ids=["number", "empty", "null", "text", "bare", "null list", "spot"],
    )
    def test_it_is_told_and_asked_for(self, event: dict[str, Any]) -> None:
        """No gap tells of it; else the state would be wrong until the next one, and nobody would know."""
        orders = Orders()
        orders.take(update(T=START + 60_000))
        changes = orders.take(event)
        assert changes
        assert changes.unresolved == (f"an event of type {event['e']} is not as the exchange's documents show it",)
        later = START + 9_000_000
        asking = orders.begin(gap(later, at=later), span=7 * DAY, unix_now=later / 1000)
        while not isinstance(asking.question, AskPastOrders):
            assert asking.question is not None
            asking.answer(_none(asking))
        assert asking.question.start <= START + 60_000

    def test_before_anything_is_known_nothing_is_owed(self) -> None:
        """The first gap is to come."""
        orders = Orders()
        assert orders.take(update(z=5)).unresolved
        answered(orders, (), NOTHING, gap=replace(gap(None), cause="opened"))

    @pytest.mark.parametrize("event", [{"e": "MARGIN_CALL"}, {"e": []}, {}, [], None, 7, {"e": "balanceUpdate"}])
    def test_other_events_are_none_of_these(self, event: Any) -> None:
        """What tells of no order, balance or position need not be read."""
        assert Orders().take(event) == Changes()


class Late:
    """An exchange whose answers are half a second behind: until 10.5 s its list has an order that was over at 10 s."""

    span = 7 * DAY
    clock_ahead = 0.0

    async def open_orders(self, symbol: str | None) -> Iterable[Order]:
        await trio.lowlevel.checkpoint()
        return () if trio.current_time() >= 10.5 else (order_of(),)

    async def order(self, symbol: str, id: int) -> Order | None:  # noqa: A002 - the port's word
        await trio.lowlevel.checkpoint()
        return order_of(status="FILLED", executed=Decimal(10)) if trio.current_time() >= 10.5 else order_of()

    async def past_orders(self, symbol: str, start: int, end: int) -> PastOrders:
        await trio.lowlevel.checkpoint()
        return PastOrders((), is_cut=False)

    async def holdings(self) -> Holdings:
        await trio.lowlevel.checkpoint()
        held = (Position(symbol="BTCUSDT", side="BOTH", amount=Decimal(1), entry_price=Decimal(1), updated_at=START),)
        return Holdings((), held if trio.current_time() >= 10.5 else ())


class TestAnswersLag:
    async def test_nothing_is_asked_before_answers_can_know(self, autojump_clock: MockClock) -> None:
        """An event that was missed at the end of the gap is in no older answer, and no event follows to correct it."""
        orders = Orders()
        orders.take(update())
        await trio.sleep(10)
        await catch_up(orders, replace(gap(), started_at=5.0, ended_at=10.0), Late())
        assert trio.current_time() == 11
        assert orders.open() == ()
        assert orders.position("BTCUSDT") == 1

    @pytest.mark.parametrize(("ended_at", "answers_lag", "waited"), [(10, 0, 0), (4, 1, 0), (9.5, 1, 0.5), (99, 2, 2)])
    async def test_how_long(
        self, autojump_clock: MockClock, ended_at: float, answers_lag: float, waited: float
    ) -> None:
        """Since the gap's end, and no longer, whatever clock the gap is from."""
        await trio.sleep(10)
        await catch_up(Orders(), replace(gap(), started_at=0.0, ended_at=ended_at), Late(), answers_lag=answers_lag)
        assert trio.current_time() == 10 + waited

    async def test_what_is_cancelled_in_the_wait_is_owed(self, autojump_clock: MockClock) -> None:
        """As in any other moment of the asking."""
        orders = Orders()
        orders.take(update())
        with trio.move_on_after(0.5):
            await catch_up(orders, replace(gap(START - 900_000), ended_at=0.0), Late())
        asking = orders.begin(gap(START), span=7 * DAY, unix_now=START / 1000)
        while not isinstance(asking.question, AskPastOrders):
            assert asking.question is not None
            asking.answer(_none(asking))
        assert asking.question.start <= START - 900_000

    @pytest.mark.parametrize("answers_lag", [-1, 61, float("nan"), "1", True, None])
    async def test_no_time(self, answers_lag: Any) -> None:
        """It is said at once."""
        with pytest.raises(UsageError, match="answers_lag is"):
            await catch_up(Orders(), gap(), Late(), answers_lag=answers_lag)


async def test_one_string_is_no_list_of_symbols() -> None:
    """Its letters would be asked for one by one, and refused."""
    with pytest.raises(UsageError, match="symbols is one string") as caught:
        await catch_up(Orders(), gap(), Late(), symbols="BTCUSDT")
    assert "['BTCUSDT']" in str(caught.value)


def test_an_amended_order_of_spot_has_a_new_name() -> None:
    """A cancel names the order that it was about in the same field in which an amendment has the old name."""
    report = {"e": "executionReport", "s": "BTCUSDT", "i": 1, "S": "BUY", "o": "LIMIT", "X": "NEW", "p": "1", "q": "5"}
    report |= {"z": "0", "Z": "0", "T": START, "O": START, "c": "first", "C": "", "x": "NEW"}
    orders = Orders()
    orders.take(report)
    orders.take(report | {"c": "second", "C": "first", "x": "REPLACED", "q": "4", "T": START + 1})
    (order,) = orders.open()
    assert (order.client_id, order.quantity) == ("second", Decimal(4))
    orders.take(report | {"c": "to cancel", "C": "second", "x": "CANCELED", "X": "CANCELED", "q": "4", "T": START + 2})
    over = orders.by_client_id("second")
    assert over is not None
    assert over.status == "CANCELED"
