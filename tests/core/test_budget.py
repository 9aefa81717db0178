"""What requests to a host may cost in a minute, and who goes first."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest
from hypothesis import given, strategies as st

from trio_listenkey._core._budget import RequestBudget, Ticket, Urgency, margin_of

MINUTE = 60.0
A_LITTLE_OVER_A_MINUTE = 61.0  # what was spent is added up by the second, and forgotten when its last one is old enough


def create(weight: int = 1) -> Ticket:
    return Ticket(Urgency.CREATE, weight)


def keepalive(margin_at: float) -> Ticket:
    return Ticket(Urgency.KEEPALIVE, 1, margin_at)


def check(margin_at: float = 1e6) -> Ticket:
    return Ticket(Urgency.CHECK, 1, margin_at)


def spent(per_minute: float, now: float = 0.0) -> RequestBudget:
    """A budget with nothing left of this minute."""
    budget = RequestBudget(per_minute)
    for _ in range(int(per_minute)):
        assert budget.admit(create(), now)
    return budget


class TestRoom:
    def test_without_a_limit_there_is_room_for_all(self) -> None:
        """Where an exchange documents nothing, nobody waits."""
        budget = RequestBudget()
        assert all(budget.admit(create(), 0.0) for _ in range(10_000))
        assert budget.fits

    def test_all_of_it_may_be_spent_at_once(self) -> None:
        """E1: the minute is what counts; who opens a thousand accounts in a quiet one need not wait."""
        budget = spent(1000)
        assert not budget.admit(create(), 0.0)
        assert budget.serve(30.0) is None

    def test_it_is_there_again_after_a_minute(self) -> None:
        """What was spent is forgotten when it is a minute ago, and not before."""
        budget = spent(2)
        waiting = create()
        budget.admit(waiting, 10.0)
        assert budget.next_at(10.0) == A_LITTLE_OVER_A_MINUTE
        assert budget.serve(60.9) is None
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is waiting
        assert budget.next_at(A_LITTLE_OVER_A_MINUTE) == inf

    def test_what_fits_is_what_can_be_spent(self) -> None:
        """E1: said when the keys are asked for, and not found out when the last of them are never opened."""
        budget, now, served = spent(120), 0.0, 0
        for _ in range(10_000):
            budget.admit(create(), now)
        while now < 3600:
            while budget.serve(now) is not None:
                served += 1
            now = budget.next_at(now)
        a_minute = served / 60
        budget.load = a_minute * 0.999
        assert budget.fits
        budget.load = a_minute * 1.01
        assert not budget.fits

    def test_weights_count(self) -> None:
        """A request of weight 2 needs room for two."""
        budget = RequestBudget(3)
        assert budget.admit(create(2), 0.0)
        assert not budget.admit(create(2), 5.0)
        assert budget.serve(5.0) is None
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is not None

    def test_more_than_the_whole_budget_is_sent_alone(self) -> None:
        """It would never fit; after a minute without anything else it is sent."""
        budget = spent(1)
        heavy = create(5)
        budget.admit(heavy, 0.0)
        assert budget.serve(60.0) is None
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is heavy

    def test_leaving_waits_for_nobody(self) -> None:
        """L2: a close is sent at once, and counts all the same."""
        budget = spent(2)
        assert budget.admit(Ticket(Urgency.LEAVE, 2), 30.0)
        budget.admit(waiting := create(), 30.0)
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is None
        assert budget.serve(91.0) is waiting

    def test_the_most_careful_is_believed(self) -> None:
        """Two venues of one host may have different budgets: the smaller one holds."""
        budget = RequestBudget()
        budget.limit(5)
        budget.limit(8)
        assert budget.per_minute == 5

    def test_nothing_is_remembered_of_an_old_minute(self) -> None:
        """Then the host may be forgotten."""
        budget = spent(2)
        assert not budget.is_blank(60.0)
        assert budget.is_blank(A_LITTLE_OVER_A_MINUTE)

    def test_silence_checks_leave_a_quarter(self) -> None:
        """A key that is found dead is replaced at once, however many checks there are."""
        budget = RequestBudget(4)
        assert [budget.admit(check(), 0.0) for _ in range(4)] == [True, True, True, False]
        assert budget.serve(60.0) is None
        budget = RequestBudget(4)
        assert all(budget.admit(check(), 0.0) for _ in range(3))
        assert budget.admit(create(), 0.0)


class TestWhoGoesFirst:
    def test_by_urgency(self) -> None:
        """E1: keys inside their margin, then accounts without a key, then by expiry, then silence checks."""
        budget = spent(1)
        tickets = {
            "checked": check(),
            "late": keepalive(900.0),
            "early": keepalive(500.0),
            "new": create(),
            "dying": keepalive(61.0),
        }
        for ticket in tickets.values():
            assert not budget.admit(ticket, 1.0)
        order = [budget.serve(A_LITTLE_OVER_A_MINUTE * minute) for minute in range(1, 6)]
        assert order == [tickets[name] for name in ("dying", "new", "early", "late", "checked")]

    def test_a_key_that_comes_into_its_margin_while_it_waits(self) -> None:
        """It overtakes the accounts that have none: they lose nothing by it."""
        budget = spent(1)
        news = [create() for _ in range(3)]
        key = keepalive(100.0)
        for ticket in (*news, key):
            budget.admit(ticket, 0.0)
        order = [budget.serve(A_LITTLE_OVER_A_MINUTE * minute) for minute in range(1, 5)]
        assert order == [news[0], key, news[1], news[2]]

    def test_a_silence_check_whose_key_is_dying(self) -> None:
        """It keeps the key alive, so it goes first."""
        budget = spent(1)
        dying = check(50.0)
        for ticket in (create(), check(), dying):
            budget.admit(ticket, 0.0)
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is dying

    @pytest.mark.parametrize("make", [create, check])
    def test_else_in_the_order_of_arrival(self, make: Callable[[], Ticket]) -> None:
        """Nobody is overtaken by an equal."""
        budget = spent(1)
        tickets = [make() for _ in range(4)]
        for ticket in tickets:
            budget.admit(ticket, 0.0)
        budget.leave(tickets[1])
        order = [budget.serve(A_LITTLE_OVER_A_MINUTE * minute) for minute in range(1, 5)]
        assert order == [tickets[0], tickets[2], tickets[3], None]

    def test_who_left_is_not_served(self) -> None:
        """Its place is free at once."""
        budget = spent(1)
        tickets = [keepalive(10.0), keepalive(20.0)]
        for ticket in tickets:
            budget.admit(ticket, 0.0)
        budget.leave(tickets[0])
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is tickets[1]

    def test_a_newcomer_does_not_overtake_who_waits(self) -> None:
        """There may be room for a light request before there is for the heavy one that is first."""
        budget = RequestBudget(3)
        budget.admit(create(2), 0.0)
        budget.admit(heavy := create(2), 0.0)
        assert not budget.admit(create(1), 0.0)
        assert budget.serve(A_LITTLE_OVER_A_MINUTE) is heavy


def test_the_margin() -> None:
    """Ten minutes of an hour."""
    assert margin_of(3600.0) == 600


_URGENCIES = st.sampled_from([Urgency.CREATE, Urgency.KEEPALIVE, Urgency.CHECK])
_REQUEST = st.tuples(st.floats(0, 40), _URGENCIES, st.integers(1, 3), st.floats(0, 500), st.booleans())


@given(per_minute=st.integers(3, 12), requests=st.lists(_REQUEST, max_size=60))
def test_no_minute_sees_more(per_minute: int, requests: list[tuple[float, Urgency, int, float, bool]]) -> None:
    """E1: whoever comes whenever, in no 60 seconds more is spent; and everyone who stays is served."""
    budget, now = RequestBudget(per_minute), 0.0
    sent: list[tuple[float, int]] = []
    waiting: set[int] = set()
    tickets: list[Ticket] = []

    def serve_until(end: float) -> None:
        nonlocal now
        while (at := budget.next_at(now)) <= end:
            assert at == now or budget.serve((now + at) / 2) is None, "next_at tells when, and not later"
            now = at
            served = budget.serve(now)
            assert served is not None
            waiting.remove(tickets.index(served))
            sent.append((now, served.weight))
        now = end

    for wait, urgency, weight, margin_in, leaves in requests:
        serve_until(now + wait)
        ticket = Ticket(urgency, weight, inf if urgency is Urgency.CREATE else now + margin_in)
        tickets.append(ticket)
        if budget.admit(ticket, now):
            sent.append((now, weight))
        elif leaves:
            budget.leave(ticket)
        else:
            waiting.add(len(tickets) - 1)
    serve_until(now + 3 * A_LITTLE_OVER_A_MINUTE * (len(requests) + 1))
    assert waiting == set()
    for start, _ in sent:
        assert sum(weight for at, weight in sent if start <= at < start + MINUTE) <= per_minute
