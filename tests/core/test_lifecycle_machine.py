"""The lifecycle walked at random, beside a model of the exchange that knows the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from walks import Values, Walk, noting, one_of, ways_of

from trio_listenkey import Timing, UnavailableError, venues
from trio_listenkey._core._accounts import Host
from trio_listenkey._core._key_lifecycle import Lifecycle, Send
from trio_listenkey._core._key_states import JOINT_STATES, PHASES, TRANSITIONS, Event, Phase, State
from trio_listenkey._core._outcomes import Gone, Ok, Outcome, Refused, Transient, Wait

TIMING = Timing()
VALIDITY = 3600.0
ERROR = UnavailableError("something happened", advice="Never mind")


@dataclass
class Exchange:
    """The model: one account has at most one key; it lives until then; nobody may ask before then."""

    key: int = 0
    alive_until: float = -inf
    silent_until: float = -inf

    def is_alive(self, key: str | None, now: float) -> bool:
        return now < self.alive_until and key in {None, str(self.key)}

    def create(self, now: float) -> str:
        self.key += now >= self.alive_until
        self.alive_until = now + VALIDITY
        return str(self.key)


@dataclass
class Holder:
    """One context: its machine, what it has in flight, and what must hold of it."""

    machine: Lifecycle
    sent: Send | None = None
    sent_at: float = 0.0
    last_success_sent_at: float = -inf
    creates: tuple[float, float] = (-inf, -inf)
    stopped_at: float = inf
    has_left: bool = False
    leaves: bool = False
    kinds: list[str] = field(default_factory=list)


class LifecycleMachine(RuleBasedStateMachine):
    """Two contexts on one account. Each is driven as the keeper drives it: what is ready is sent, what is late ends."""

    @initialize(
        named=st.booleans(),
        on_exit=st.tuples(*[st.sampled_from(["close", "close", "leave"])] * 2),
        on_lost=st.sampled_from(["replace", "raise"]),
        two=st.booleans(),
    )
    def open(self, named: bool, on_exit: tuple[str, str], on_lost: str, two: bool) -> None:
        self.now = 1000.0
        self.exchange = Exchange()
        self.venue = venues.BINANCE_US if named else venues.BINANCE_USDM
        self.host = Host()
        self.draw = 0.5
        self.foreign = False
        self.account = self.host.register("/path", "an-api-key")
        self.holders: list[Holder] = []
        self.successes: set[float] = set()
        self.on_lost = on_lost
        for number in range(1 + two):
            if number:
                self.host.register("/path", "an-api-key")
            self._add_holder(on_exit[number])
        self._settle()

    def _add_holder(self, on_exit: str) -> None:
        machine = Lifecycle(
            self.venue,
            TIMING,
            self.account,
            on_exit=on_exit,  # type: ignore[arg-type]
            on_lost=self.on_lost,  # type: ignore[arg-type]
            now=self.now,
        )
        self.holders.append(Holder(machine, leaves=on_exit == "leave"))

    # What the keeper does.

    def _settle(self) -> None:
        for holder in self.holders:
            machine = holder.machine
            if holder.sent is None:
                machine.tick(self.now)
                if self.now >= machine.next_request_at and not any(other.sent for other in self.holders):
                    self._begin(holder)
            if machine.state is State.CLOSED and not holder.has_left:
                holder.has_left = True
                self.account.release()
        for holder in self.holders:
            holder.kinds += [notice.kind for notice in holder.machine.notices()]

    def _begin(self, holder: Holder) -> None:
        holder.sent, holder.sent_at = holder.machine.next_request(self.now), self.now
        if holder.sent is None:
            return
        # K3: nothing is sent to a host that wants silence, whoever was told so.
        assert self.now >= self.exchange.silent_until
        if holder.sent.verb == "create":
            # K4: replacement is never a hot loop: the first is made at once, the next one not so. (Who leaves may
            # ask once more, at once.)
            before_last, holder.creates = holder.creates[0], (holder.creates[1], self.now)
            assert self.now - before_last > TIMING.retry_base / 10 - 1e-6 or holder.stopped_at <= self.now

    def _end(self, holder: Holder, outcome: Outcome) -> None:
        if isinstance(outcome, Ok) and holder.sent is not None and holder.sent.verb != "close":
            holder.last_success_sent_at = holder.sent_at
            self.successes.add(holder.sent_at)
        holder.sent = None
        holder.machine.receive(outcome, self.now, self.draw)
        self._settle()

    def _in_flight(self) -> Holder | None:
        return next((holder for holder in self.holders if holder.sent), None)

    def _work(self, send: Send) -> Outcome:
        """Let the exchange do what it is asked, and say what it would answer."""
        exchange, now = self.exchange, self.now
        if send.verb == "create":
            return Ok(exchange.create(now))
        named = send.key if self.venue.key_in == "form" else None
        if not exchange.is_alive(named, now):
            return Gone(ERROR)
        if send.verb == "close":
            exchange.alive_until = -inf
            return Ok()
        exchange.alive_until = now + VALIDITY
        return Ok(str(exchange.key) if self.venue.key_in == "account" else None)

    # What may happen.

    @rule(
        seconds=st.one_of(
            st.sampled_from([0.01, 0.5, 5.0, 60.0, 900.0, 1700.0, 3600.0]), st.floats(0.001, 4000, allow_nan=False)
        ),
        draw=st.floats(0, 1, exclude_max=True),
    )
    def time_passes(self, seconds: float, draw: float) -> None:
        end = self.now + seconds
        self.draw = draw
        while self.now < end:
            holder = self._in_flight()
            stops = [end, holder.machine.answer_deadline if holder else inf]
            for other in self.holders:
                if not other.sent:
                    stops += [other.machine.next_request_at, other.machine.give_up_at]
            self.now = min([stop for stop in stops if stop > self.now], default=end)
            if holder and self.now >= holder.machine.answer_deadline:
                self._end(holder, Transient(ERROR, may_be_done=True))
            else:
                self._settle()

    @precondition(lambda self: self._in_flight())
    @rule(draw=st.floats(0, 1, exclude_max=True))
    def is_answered(self, draw: float) -> None:
        holder = self._in_flight()
        assert holder and holder.sent
        self.draw = draw
        self._end(holder, self._work(holder.sent))

    @precondition(lambda self: self._in_flight())
    @rule(done=st.booleans())
    def answer_is_lost(self, done: bool) -> None:
        holder = self._in_flight()
        assert holder and holder.sent
        if done:
            self._work(holder.sent)
        self._end(holder, Transient(ERROR, may_be_done=True))

    @precondition(lambda self: self._in_flight())
    @rule(seconds=st.sampled_from([1.0, 5.0, 60.0, 600.0, 7200.0]))
    def silence_is_wanted(self, seconds: float) -> None:
        holder = self._in_flight()
        assert holder
        self.exchange.silent_until = max(self.exchange.silent_until, self.now + seconds)
        self._end(holder, Wait(ERROR, seconds))

    @precondition(lambda self: self._in_flight())
    @rule()
    def is_refused(self) -> None:
        holder = self._in_flight()
        assert holder
        told_before, is_over = holder.machine.failure, holder.stopped_at <= self.now
        self._end(holder, Refused(ERROR))
        # K3: raised at once; but a block that is over is told nothing.
        assert holder.machine.failure is (told_before if is_over else ERROR)

    @precondition(lambda self: self._in_flight())
    @rule()
    def is_refused_doubtfully(self) -> None:
        holder = self._in_flight()
        assert holder
        machine = holder.machine
        told_before, is_over, is_running = (
            machine.failure,
            holder.stopped_at <= self.now,
            machine.phase is Phase.RUNNING,
        )
        self._end(holder, Refused(ERROR, doubtful=True))
        # K3: it ends no block that has had a key, and every other at once.
        assert machine.failure is (told_before if is_over or is_running else ERROR)

    @rule()
    def key_dies(self) -> None:
        self.exchange.alive_until = -inf

    @rule()
    def stranger_makes_another_key(self) -> None:
        self.exchange.alive_until = -inf
        self.exchange.create(self.now)
        self.foreign = True

    @precondition(lambda self: self._may_begin())
    @rule()
    def another_block_begins(self) -> None:
        """While one is open, or is being left: it is for the same account, and may get the same key."""
        self.host.register("/path", "an-api-key")
        self._add_holder("close")
        self._settle()

    def _may_begin(self) -> bool:
        return len(self.holders) < 4 and not all(holder.has_left for holder in self.holders)

    @rule(number=st.integers(0, 3))
    def block_ends(self, number: int) -> None:
        holder = self.holders[number % len(self.holders)]
        if holder.stopped_at == inf:
            holder.stopped_at = self.now
            holder.machine.stop(self.now)
            if holder.sent and holder.machine.answer_deadline <= self.now:
                self._end(holder, Transient(ERROR, may_be_done=True))
            self._settle()

    # What must hold after every step.

    @invariant()
    def one_request_at_a_time(self) -> None:
        """K1, and the state says so."""
        for holder in getattr(self, "holders", ()):
            assert (holder.sent is not None) == (
                holder.machine.state in {State.CREATING, State.RENEWING, State.RECOVERING, State.CLOSING}
            )
        assert sum(holder.sent is not None for holder in getattr(self, "holders", ())) <= 1

    @invariant()
    def state_and_phase_agree(self) -> None:
        """The tables are the whole truth: in each phase of the block, the key is in a state that there is in it."""
        for holder in getattr(self, "holders", ()):
            machine = holder.machine
            assert machine.state in JOINT_STATES[machine.phase]
            assert (machine.phase is Phase.STOPPING) == (holder.stopped_at <= self.now)

    @invariant()
    def never_presumed_alive_past_validity(self) -> None:
        """K2: counted from when the last success was sent, by whichever context of the account."""
        holders = getattr(self, "holders", ())
        for holder in holders:
            expires_at = holder.machine.expires_at
            assert expires_at <= max(self.successes, default=-inf) + VALIDITY
            if holder.machine.state in {State.HELD, State.RENEWING}:
                assert self.now <= expires_at
                assert expires_at >= holder.last_success_sent_at + VALIDITY
                assert expires_at in {sent_at + VALIDITY for sent_at in self.successes}

    @invariant()
    def presumed_is_true(self) -> None:
        """A presumption of life is wrong only if a stranger or a fault meddled: never by our own sums."""
        for holder in getattr(self, "holders", ()):
            if holder.machine.state is State.HELD and self.now < holder.machine.expires_at and not self.foreign:
                assert self.exchange.alive_until == -inf or self.exchange.alive_until >= holder.machine.expires_at

    @invariant()
    def leaving_is_bounded(self) -> None:
        """L2: a create's rest and the close, each within the limit; a turn of another holder may come before."""
        for holder in getattr(self, "holders", ()):
            if holder.machine.state is not State.CLOSED:
                assert self.now <= holder.stopped_at + 2 * TIMING.close_timeout

    @invariant()
    def failures_are_told_once_and_end_all(self) -> None:
        """A failed machine sends nothing until its block is over."""
        for holder in getattr(self, "holders", ()):
            machine = holder.machine
            if machine.state is State.FAILED:
                assert machine.next_request_at == inf
                assert machine.failure is not None or holder.stopped_at <= self.now

    @invariant()
    def no_key_is_left_behind(self) -> None:
        """L1 and L5: when all are closed, the key is; or it is said that it may not be, or wished that it is not."""
        holders = getattr(self, "holders", ())
        if holders and all(holder.machine.state is State.CLOSED for holder in holders):
            assert not self.host.accounts
            assert not self.host.accounts_by_key
            excused = self.foreign or any(holder.leaves or holder.machine.closed is False for holder in holders)
            assert excused or self.now >= self.exchange.alive_until

    @invariant()
    def generations_count_values(self) -> None:
        """A generation more for each different value, told as created or replaced, and for nothing else."""
        for holder in getattr(self, "holders", ()):
            told = [kind for kind in holder.kinds if kind in {"created", "replaced"}]
            assert len(told) == holder.machine.generation
            is_over = holder.machine.state is State.CLOSED
            assert holder.kinds.count("closed") <= is_over
            assert "closed" in holder.kinds or not is_over or not holder.machine.generation


class NotedLifecycle(LifecycleMachine):
    """Notes in which joint states its keys and blocks are."""

    joint: set[tuple[Phase, State]]

    def _settle(self) -> None:
        self._note()
        super()._settle()
        self._note()

    def _end(self, holder: Holder, outcome: Outcome) -> None:
        self._note()  # a block has ended, and its request is cut short
        super()._end(holder, outcome)

    def _note(self) -> None:
        self.joint |= {(holder.machine.phase, holder.machine.state) for holder in self.holders}


KEY_VALUES: Values = {
    "named": one_of(False, True),
    "on_exit": one_of(("close", "close"), ("close", "close"), ("close", "leave"), ("leave", "close")),
    "on_lost": one_of("replace", "replace", "raise"),
    "two": one_of(False, True),
    "seconds": one_of(0.01, 0.5, 1.0, 5.0, 60.0, 600.0, 900.0, 1700.0, 3600.0, 7200.0),
    "draw": lambda random: random.random(),
    "done": one_of(False, True),
    "number": one_of(0, 1, 2, 3),
}
RULES = [
    *["time_passes"] * 3,
    *["is_answered"] * 4,
    "answer_is_lost",
    "silence_is_wanted",
    "is_refused",
    "is_refused_doubtfully",
    "key_dies",
    "stranger_makes_another_key",
    *["block_ends"] * 2,
    "another_block_begins",
]
AFTER_A_REQUEST = {"is_answered", "answer_is_lost", "silence_is_wanted", "is_refused", "is_refused_doubtfully"}
BY_HAND = {(State.UNSURE, Event.STOP), (State.UNSURE, Event.STOP_OWING)}
"""Ways that too much has to come together for: ``test_lifecycle_leaving`` goes them."""

INVARIANTS = [
    "one_request_at_a_time",
    "state_and_phase_agree",
    "never_presumed_alive_past_validity",
    "presumed_is_true",
    "leaving_is_bounded",
    "failures_are_told_once_and_end_all",
    "no_key_is_left_behind",
    "generations_count_values",
]


def _fits(machine: LifecycleMachine, rule: str) -> bool:
    if rule == "another_block_begins":
        return machine._may_begin()
    return machine._in_flight() is not None or rule not in AFTER_A_REQUEST


def test_the_tables_are_the_whole_truth() -> None:
    """What long walks come to is what the tables allow: every way is gone, every pair of states reached, no other."""
    joint = set[tuple[Phase, State]]()
    walk = Walk(RULES, INVARIANTS, KEY_VALUES, _fits)
    with noting(TRANSITIONS) as gone, noting(PHASES) as gone_in_phases:
        for seed in range(500):
            machine = NotedLifecycle()
            machine.joint = joint
            walk(machine, seed, "open", 40)
    assert joint == {(phase, state) for phase, states in JOINT_STATES.items() for state in states}
    assert gone | BY_HAND == ways_of(TRANSITIONS)
    assert gone_in_phases == ways_of(PHASES)


LifecycleMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=60, deadline=None)
TestLifecycle = pytest.mark.no_cover(LifecycleMachine.TestCase)
