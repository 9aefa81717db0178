"""The dead-man switch's machine, at exact times."""

from __future__ import annotations

from math import inf
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from walks import noting, ways_of

from trio_listenkey import ListenKeyError, RateLimitedError, RefusedError, Timing, UnavailableError
from trio_listenkey._core._backoff import DOUBTFUL_TRIES
from trio_listenkey._core._dead_man import Count, DeadMan
from trio_listenkey._core._dead_man_states import SWITCH_TRANSITIONS, SwitchEvent, SwitchState
from trio_listenkey._core._outcomes import Ok, Outcome, Refused, Transient, Wait

TIMING = Timing(jitter=0)
NO = RefusedError("no", advice="Do not", venue="somewhere")
NO_ANSWER = UnavailableError("no answer", advice="Wait", venue="somewhere")
LOST = Transient(NO_ANSWER, may_be_done=True)


def silence(seconds: float) -> Wait:
    return Wait(RateLimitedError("hush", advice="Wait", retry_after=seconds), seconds)


class Hand:
    """Drives one, and keeps what it told."""

    def __init__(self, *symbols: str, timing: Timing = TIMING) -> None:
        self.machine = DeadMan("somewhere", symbols or ("A",), 120.0, 30.0, timing, 0.0)
        self.told: list[str] = []

    @property
    def state(self) -> str:
        self.told += [notice.kind for notice in self.machine.notices()]
        return self.machine.state.name

    @property
    def failure(self) -> ListenKeyError | None:
        return self.machine.failure

    def look(self, now: float, *, live: bool = True, gaps: int = 1) -> str:
        self.machine.look(is_live=live, gaps=gaps, now=now)
        return self.state

    def sends(self, now: float) -> Count:
        count = self.machine.begin(now)
        assert count is not None
        assert count.sent_at == now
        return count

    def sends_nothing(self, now: float) -> None:
        assert self.machine.begin(now) is None

    def hears(self, count: Count, outcome: Outcome, now: float, draw: float = 0.0) -> str:
        self.machine.receive(count, outcome, now, draw)
        return self.state

    def stops(self, now: float, *, in_order: bool = True, was_entered: bool = True, allowed_at: float = -inf) -> str:
        self.machine.stop(in_order=in_order, was_entered=was_entered, allowed_at=allowed_at, now=now)
        return self.state


def holding(*symbols: str, now: float = 0.0) -> Hand:
    """One that began its countdowns at ``now``, and whose program is up to date with the stream's first gap."""
    hand = Hand(*symbols)
    for _ in symbols or ("A",):
        hand.look(now)
        hand.hears(hand.sends(now), Ok(), now)
    hand.machine.resynchronised(1)
    assert hand.look(now) == "HOLDING"
    return hand


def test_the_table_is_the_whole_truth() -> None:
    """What long walks come to is what the table allows: every way is gone, and no other."""
    with noting(SWITCH_TRANSITIONS) as gone:
        for seed in range(800):
            world = World(seed)
            for _ in range(20 + seed % 60):
                if world.hand.machine.failure is None:
                    world.step()
            # One in three was not entered: opening was cancelled at the last moment.
            was_entered = world.hand.state != "ARMING" and seed % 3 != 0
            world.hand.stops(world.now, in_order=seed % 2 == 0, was_entered=was_entered)
            for _ in range(200):
                if world.hand.state != "CLOSED":
                    world.step()
    assert gone == ways_of(SWITCH_TRANSITIONS)


def test_every_state_is_reached_and_left() -> None:
    """But for the end. Each event of the table happens somewhere."""
    reached = {target for exits in SWITCH_TRANSITIONS.values() for target in exits.values()}
    assert reached | {SwitchState.ARMING} == set(SwitchState) == set(SWITCH_TRANSITIONS)
    assert {event for exits in SWITCH_TRANSITIONS.values() for event in exits} == set(SwitchEvent)
    assert [state for state, exits in SWITCH_TRANSITIONS.items() if not exits] == [SwitchState.CLOSED]


class TestArming:
    def test_all_countdowns_are_begun(self) -> None:
        """One by one, whatever the stream is like; it holds when the last one runs."""
        hand = Hand("A", "B")
        assert hand.look(0.0, live=False, gaps=0) == "ARMING"
        first = hand.sends(0.0)
        assert (first.symbol, first.seconds) == ("A", 120.0)
        assert hand.hears(first, Ok(), 0.2) == "ARMING"
        assert hand.machine.armed_until == -inf
        second = hand.sends(0.2)
        assert second.symbol == "B"
        assert hand.hears(second, Ok(), 0.4) == "HOLDING"
        assert hand.machine.armed_until == 120.0
        assert hand.machine.statistics(1000.0, "me").cancelled_by == 1120.4
        assert hand.told == ["renewed", "renewed", "armed"]

    def test_the_first_gap_counts(self) -> None:
        """Until the program has made up for it, nothing is begun again."""
        hand = Hand()
        hand.hears(hand.sends(0.0), Ok(), 0.1)
        assert hand.look(0.1) == "BEHIND"
        assert hand.machine.due_at == inf
        hand.machine.resynchronised(1)
        assert hand.look(5.0) == "HOLDING"
        assert hand.machine.due_at == 30.0
        assert hand.told == ["renewed", "armed", "behind", "holding"]

    def test_failures_are_tried_again(self) -> None:
        """With a backoff, until it has taken too long."""
        hand = Hand()
        assert hand.hears(hand.sends(0.0), LOST, 1.0, draw=0.5) == "ARMING"
        assert hand.machine.failure is None
        hand.sends_nothing(1.0)
        assert 1.0 < hand.machine.due_at < 2.0
        hand.look(29.9)
        assert hand.machine.due_at < inf
        hand.look(30.0)
        assert hand.failure is NO_ANSWER
        assert hand.machine.due_at == inf

    def test_without_any_answer_it_says_so(self) -> None:
        """Perhaps it never got its place in the budget."""
        hand = Hand()
        assert hand.machine.look_at == 30.0
        hand.look(30.0)
        assert isinstance(hand.machine.failure, UnavailableError)
        assert "open_timeout (30 s)" in str(hand.machine.failure)

    def test_a_long_silence_is_told_at_once(self) -> None:
        """There is no use in waiting for the end of it."""
        hand = Hand()
        hand.hears(hand.sends(0.0), silence(10.0), 0.1)
        assert hand.machine.due_at == 10.1
        hand.hears(hand.sends(10.1), silence(60.0), 10.2)
        assert isinstance(hand.failure, RateLimitedError)

    def test_what_is_refused_is_told_at_once(self) -> None:
        """And the countdowns that run already are ended, for nobody relies on them."""
        hand = Hand("A", "B")
        hand.hears(hand.sends(0.0), Ok(), 0.1)
        hand.hears(hand.sends(0.1), Refused(NO), 0.2)
        assert hand.machine.failure is NO
        assert hand.stops(0.3, in_order=False, was_entered=False) == "ENDING"
        count = hand.sends(0.3)
        assert (count.symbol, count.seconds) == ("A", 0.0)
        hand.hears(count, Ok(), 0.4)
        assert hand.look(0.4) == "CLOSED"
        assert hand.machine.armed_until == inf

    def test_what_may_have_been_begun_is_ended_too(self) -> None:
        """An answer that was lost says nothing."""
        hand = Hand()
        hand.hears(hand.sends(0.0), LOST, 10.0)
        assert hand.stops(10.0, in_order=False, was_entered=False) == "ENDING"
        assert hand.sends(10.0).seconds == 0.0

    @pytest.mark.parametrize(("outcome", "seconds"), [(Ok(), 0.0), (LOST, 0.0), (silence(1.0), None)])
    def test_what_is_on_its_way_is_ended_too(self, outcome: Any, seconds: float | None) -> None:
        """If it may have arrived."""
        hand = Hand()
        count = hand.sends(0.0)
        assert hand.stops(0.1, in_order=False, was_entered=False) == "ENDING"
        assert hand.look(0.2) == "ENDING"
        hand.hears(count, outcome, 0.2)
        if seconds is None:
            assert hand.look(0.2) == "CLOSED"
        else:
            assert hand.sends(hand.machine.due_at).seconds == seconds

    def test_nothing_is_ended_where_nothing_was_begun(self) -> None:
        """It is over at once."""
        assert Hand().stops(0.0, in_order=False, was_entered=False) == "CLOSED"

    @pytest.mark.parametrize(("clock", "is_tried_again"), [(-3.0, True), (None, False)])
    def test_a_wrong_clock(self, clock: float | None, is_tried_again: bool) -> None:
        """By the exchange's, where it tells it."""
        hand = Hand()
        hand.hears(hand.sends(0.0), Refused(NO, doubtful=True, clock=clock), 0.1)
        assert (hand.machine.failure is None) is is_tried_again


class TestHolding:
    def test_it_is_begun_again_in_time(self) -> None:
        """From when it was sent."""
        hand = holding()
        hand.sends_nothing(29.9)
        assert hand.machine.look_at == 120.0
        hand.look(30.0)
        hand.hears(hand.sends(30.0), Ok(), 31.0)
        assert (hand.machine.due_at, hand.machine.armed_until) == (60.0, 150.0)
        assert hand.machine.margin_at == 90.0

    def test_it_is_spread(self) -> None:
        """By as much as keepalives are."""
        hand = Hand(timing=Timing(jitter=0.1))
        hand.hears(hand.sends(0.0), Ok(), 0.0, draw=0.5)
        hand.machine.resynchronised(0)
        hand.look(0.0, gaps=0)
        assert hand.machine.due_at == 30.0 * 0.95

    def test_not_while_deaf(self) -> None:
        """It runs; and goes on by itself where nothing was missed."""
        hand = holding()
        assert hand.look(30.0, live=False) == "DEAF"
        hand.sends_nothing(30.0)
        assert hand.machine.look_at == 31.0
        assert hand.look(40.0) == "HOLDING"
        hand.sends(40.0)
        assert hand.told[-2:] == ["deaf", "holding"]

    def test_not_before_the_program_is_up_to_date(self) -> None:
        """With all gaps: with the second, too, if there were two."""
        hand = holding()
        assert hand.look(30.0, live=False) == "DEAF"
        assert hand.look(40.0, gaps=2) == "BEHIND"
        assert hand.look(50.0, live=False, gaps=2) == "DEAF"
        assert hand.look(60.0, gaps=3) == "BEHIND"
        hand.machine.resynchronised(2)
        assert hand.look(61.0, gaps=3) == "BEHIND"
        hand.machine.resynchronised(3)
        assert hand.look(62.0, gaps=3) == "HOLDING"
        hand.sends(62.0)

    def test_it_runs_out(self) -> None:
        """Then it has to be begun again before it holds again."""
        hand = holding()
        hand.look(30.0, live=False)
        assert hand.look(119.9, live=False) == "DEAF"
        assert hand.look(120.0, live=False) == "EXPIRED"
        assert hand.look(130.0, live=False) == "EXPIRED"
        assert hand.look(140.0) == "EXPIRED"
        assert hand.hears(hand.sends(140.0), Ok(), 140.1) == "HOLDING"
        assert hand.machine.statistics(0.0, "me").expirations == 1

    def test_it_runs_out_while_requests_fail(self) -> None:
        """Each is tried again with a backoff; an answer that comes too late does not make it hold."""
        hand = holding("A", "B")
        hand.look(30.0)
        hand.hears(hand.sends(30.0), LOST, 40.0, draw=1.0)
        assert hand.machine.statistics(0.0, "me").cancelled_by == 160.0
        hand.look(41.0)
        hand.hears(hand.sends(41.0), Ok(), 41.1)
        assert hand.look(120.0) == "EXPIRED"
        late = hand.sends(120.0)
        assert hand.hears(late, Ok(), 121.0) == "HOLDING"

    def test_an_answer_that_is_later_than_the_countdown(self) -> None:
        """It ran out meanwhile."""
        hand = holding()
        hand.look(30.0)
        count = hand.sends(30.0)
        hand.look(120.0)
        assert hand.hears(count, Ok(), 150.0) == "EXPIRED"

    def test_a_silence_is_kept(self) -> None:
        """As long as it was asked for."""
        hand = holding()
        hand.look(30.0)
        hand.hears(hand.sends(30.0), silence(50.0), 30.1)
        assert hand.machine.due_at == 80.1

    def test_what_is_refused_later(self) -> None:
        """There is no way on; the countdown runs out, even where the block is then left in order."""
        hand = holding()
        hand.look(30.0)
        hand.hears(hand.sends(30.0), Refused(NO), 30.1)
        assert hand.machine.failure is NO
        hand.look(60.0)
        hand.sends_nothing(60.0)
        assert hand.stops(61.0) == "CLOSED"
        assert hand.told[-1] == "left"

    def test_a_doubt_that_stays(self) -> None:
        """What is refused again and again is refused, even if nobody documents why."""
        hand, now = holding(), 30.0
        while hand.machine.failure is None:
            assert now < 1000
            hand.look(now)
            hand.hears(hand.sends(now), Refused(NO, doubtful=True), now, draw=1.0)
            now = hand.machine.due_at if hand.machine.due_at < inf else now
        assert hand.machine.statistics(0.0, "me").failures == DOUBTFUL_TRIES

    @pytest.mark.parametrize("clock", [3.0, None])
    def test_a_clock_that_is_wrong_later(self, clock: float | None) -> None:
        """Somebody may set it; the countdown says how long there is for it."""
        hand = holding()
        hand.look(30.0)
        hand.hears(hand.sends(30.0), Refused(NO, doubtful=True, clock=clock), 30.1)
        assert hand.machine.failure is None
        assert hand.machine.due_at < 32.0


class TestEnding:
    def test_left_in_order(self) -> None:
        """Each countdown is ended, and nothing runs any more."""
        hand = holding("A", "B")
        assert hand.stops(10.0) == "ENDING"
        for symbol in ("A", "B"):
            assert hand.look(10.0) == "ENDING"
            count = hand.sends(10.0)
            assert (count.symbol, count.seconds) == (symbol, 0.0)
            hand.hears(count, Ok(), 10.1)
        assert hand.look(10.1) == "CLOSED"
        assert hand.machine.statistics(0.0, "me").cancelled_by == -inf
        assert hand.machine.armed_until == inf
        assert hand.stops(11.0) == "CLOSED"
        assert hand.told[-2:] == ["ended", "ended"]

    def test_left_by_an_exception(self) -> None:
        """Nobody minds the orders: it runs out."""
        hand = holding()
        assert hand.stops(10.0, in_order=False) == "CLOSED"
        assert hand.machine.answer_deadline == 10.0
        assert hand.machine.armed_until == 120.0
        assert hand.told[-1] == "left"

    @pytest.mark.parametrize(("live", "gaps"), [(True, 1), (True, 2), (False, 1)])
    def test_left_before_it_was_entered(self, live: bool, gaps: int) -> None:
        """All countdowns run, and nobody relies on them: they are ended, whatever the stream is like."""
        hand = holding()
        hand.look(10.0, live=live, gaps=gaps)
        assert hand.stops(10.0, in_order=False, was_entered=False) == "ENDING"

    def test_left_when_it_has_run_out(self) -> None:
        """There is nothing to be ended."""
        hand = holding()
        hand.look(130.0)
        assert hand.stops(130.0) == "CLOSED"

    @pytest.mark.parametrize("live", [True, False])
    def test_left_in_order_without_knowing(self, live: bool) -> None:
        """What becomes of the orders nobody knows."""
        hand = holding()
        hand.look(10.0, live=live, gaps=2)
        assert hand.stops(10.0) == "CLOSED"

    def test_it_is_tried_for_as_long_as_there_is_time(self) -> None:
        """Then it runs out, and that is told."""
        hand = holding()
        hand.stops(10.0)
        hand.hears(hand.sends(10.0), LOST, 15.0, draw=0.5)
        assert hand.look(15.0) == "ENDING"
        assert hand.machine.look_at == hand.machine.answer_deadline == 20.0
        assert hand.look(20.0) == "CLOSED"
        assert hand.told[-1] == "left"

    @pytest.mark.parametrize("outcome", [Refused(NO), silence(60.0)], ids=["refused", "silence"])
    def test_what_there_is_no_use_in_trying_again(self, outcome: Any) -> None:
        """It is over at once."""
        hand = holding()
        hand.stops(10.0)
        hand.hears(hand.sends(10.0), outcome, 10.1)
        assert hand.look(10.1) == "CLOSED"
        assert hand.told[-2:] == ["retrying", "left"]

    def test_during_a_silence(self) -> None:
        """Nothing may be sent, and it is not waited for."""
        assert holding().stops(10.0, allowed_at=100.0) == "CLOSED"

    @pytest.mark.parametrize("outcome", [Ok(), LOST], ids=["ok", "lost"])
    def test_a_renewal_that_is_in_flight(self, outcome: Any) -> None:
        """It may have arrived: so it is ended after that one is over, for which there is half of the time."""
        hand = holding()
        hand.look(30.0)
        count = hand.sends(30.0)
        hand.stops(31.0)
        assert hand.machine.answer_deadline == 36.0
        hand.hears(count, outcome, 32.0)
        hand.look(33.0)
        assert hand.sends(33.0).seconds == 0.0
        assert hand.machine.answer_deadline == 41.0


class World:
    """An exchange that keeps its countdowns, and a stream of which everything is known."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.now, self.live, self.gaps = 0.0, True, 1
        self.ends: dict[str, float] = {}
        self.hand = Hand("A", "B")

    def step(self) -> None:
        hand, dice = self.hand, self.dice
        self.now += dice.choice([0.0, 0.1, 1.0, 10.0, 29.0])
        if dice.random() < 0.2:
            self.live = not self.live
            self.gaps += dice.randrange(2) if self.live else 0
        if dice.random() < 0.3:
            hand.machine.resynchronised(self.gaps)
            self.made_up_for = self.gaps
        hand.look(self.now, live=self.live, gaps=self.gaps)
        was = hand.machine.state
        count = hand.machine.begin(self.now)
        if count is not None:
            may = was in {SwitchState.ARMING, SwitchState.ENDING}
            assert may or (self.live and self.gaps <= self.made_up_for), "begun for a stream that is deaf"
            self.deliver(count)
        self.check()

    made_up_for = -1

    def deliver(self, count: Count) -> None:
        arrives = self.now + self.dice.choice([0.0, 0.05, 3.0])
        outcomes: list[Outcome] = [Ok(), Ok(), Ok(), LOST, LOST, silence(20.0)]
        outcome = self.dice.choice(outcomes)
        arrived = isinstance(outcome, Ok) or (outcome is LOST and self.dice.random() < 0.5)
        if arrived:
            self.ends[count.symbol] = arrives + count.seconds if count.seconds else inf
        self.now = arrives + self.dice.choice([0.0, 0.05, 5.0])
        self.hand.hears(count, outcome, self.now, self.dice.random())

    def check(self) -> None:
        """The truth lies between the two bounds."""
        statistics = self.hand.machine.statistics(0.0, "me")
        running = [end for end in self.ends.values() if end > self.now and end < inf]
        if running:
            assert statistics.cancelled_by >= max(running) - 1e-6
        if self.hand.machine.state is SwitchState.HOLDING and statistics.armed_until > self.now:
            assert len(self.ends) == 2
            assert min(self.ends.values()) >= statistics.armed_until - 1e-6, "holding, and one ran out before"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(20, 120), st.booleans())
def test_whatever_happens_the_bounds_are_true(seed: int, steps: int, in_order: bool) -> None:
    """And nothing is begun for a stream that is not live, or a program that is behind."""
    world = World(seed)
    for _ in range(steps):
        world.step()
        if world.hand.machine.failure is not None:
            break
    was_entered = world.hand.state != "ARMING"
    world.hand.stops(world.now, in_order=in_order, was_entered=was_entered)
    for _ in range(200):
        if world.hand.state == "CLOSED":
            break
        world.step()
    assert world.hand.state == "CLOSED"
    assert isinstance(world.hand.machine.failure, ListenKeyError | None)
