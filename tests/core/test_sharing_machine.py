"""Processes that share a key, walked at random beside an exchange and a register that know the truth."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from _sharing_world import A_BEAT, BEAT, KEEPALIVE, LEAVE_WITHIN, PATIENCE, UNEXCUSED, World, live
from walks import Values, Walk, noting, one_of, ways_of

from trio_listenkey._core._sharing_states import SHARING_TRANSITIONS, SharingEvent, SharingState

WHICH = st.integers(0, 3)


class SharingMachine(RuleBasedStateMachine):
    """Up to six processes. All that is due is done in time, but for those that are asleep, held up or dead."""

    @initialize(count=st.integers(1, 3), chance=st.randoms(use_true_random=False))
    def begin(self, count: int, chance: Random) -> None:
        self.world = World(chance)
        for _ in range(count):
            self.world.start()
        self.world.pass_time(1.0)

    @rule(seconds=st.one_of(st.sampled_from([0.1, 1.0, BEAT, 4 * BEAT, KEEPALIVE]), st.floats(0.01, 400)))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @precondition(lambda self: len(self.world.processes) < 6)
    @rule()
    def another_one_starts(self) -> None:
        self.world.start()
        self.world.pass_time(0.0)

    @rule(which=WHICH)
    def one_stops(self, which: int) -> None:
        if running := self.world.running():
            self.world.stop(running[which % len(running)])
            self.world.pass_time(0.0)

    @rule()
    def two_stop_at_once(self) -> None:
        for process in self.world.running()[:2]:
            self.world.stop(process)

    @rule(which=WHICH)
    def one_is_killed(self, which: int) -> None:
        if running := self.world.running():
            running[which % len(running)].is_dead = True

    @rule(which=WHICH)
    def one_falls_asleep(self, which: int) -> None:
        if running := self.world.running():
            running[which % len(running)].is_asleep = True

    @rule()
    def the_machine_sleeps(self) -> None:
        for process in self.world.running():
            process.is_asleep = True

    @precondition(lambda self: any(process.is_asleep for process in self.world.processes))
    @rule()
    def all_wake(self) -> None:
        for process in self.world.processes:
            process.is_asleep = False

    @rule(which=WHICH)
    def one_reads(self, which: int) -> None:
        idle = [each for each in self.world.running() if not each.is_held and each.deletes_at > self.world.now]
        if idle and (process := idle[which % len(idle)]).member.state is not SharingState.CLOSING:
            self.world.read(process)

    @rule(which=WHICH, is_lost=st.booleans())
    def one_swaps(self, which: int, is_lost: bool) -> None:
        if held := [each for each in self.world.running() if each.is_held]:
            self.world.swap(held[which % len(held)], is_lost=is_lost)

    @rule(which=WHICH)
    def one_gives_up_waiting(self, which: int) -> None:
        """Its swap may be done later, when nobody waits for the answer."""
        if held := [each for each in self.world.running() if each.is_held]:
            process = held[which % len(held)]
            plan, process.is_held, process.plan = process.plan, False, None
            process.member.failed(self.world.now, 0.5)
            self.late = [*getattr(self, "late", []), (process, plan)]

    @rule()
    def late_swaps_arrive(self) -> None:
        for process, plan in getattr(self, "late", []):
            if plan is not None and self.world.register.is_up and self.world.register.swap(process.version, plan.raw):
                process.written_at = self.world.now
        self.late = []

    @rule()
    def register_goes_away(self) -> None:
        self.world.register.is_up = False

    @rule()
    def register_comes_back(self) -> None:
        self.world.register.is_up = True

    @rule()
    def register_forgets(self) -> None:
        self.world.register.forget(self.world.now)

    @rule(steps=st.integers(1, 8))
    def register_goes_back(self, steps: int) -> None:
        self.world.register.restore(steps, self.world.now)

    # What must hold after every step.

    @invariant()
    def nobody_is_hurt(self) -> None:
        """P1."""
        assert not self.world.counts[UNEXCUSED]

    @invariant()
    def the_key_is_kept(self) -> None:
        """P2: as long as somebody is well, the key is confirmed in time."""
        world = self.world
        limit = world.now - KEEPALIVE - (PATIENCE + 3) * A_BEAT
        for process in world.processes:
            if process.key and process.is_running and not process.is_held and process.stopped_at > world.now:
                is_well = process.troubled_at < limit and process.created_at < limit
                others_close = any(other.allowed_at > limit for other in world.processes)
                assert not is_well or others_close or max(world.exchange.confirmed.values()) >= limit

    @invariant()
    def what_was_heard_is_true(self) -> None:
        """No member takes a key's confirmation for younger than it is."""
        for process in self.world.processes:
            for key, at in self.world.exchange.confirmed.items():
                assert process.member.confirmed_at(key) <= at

    @invariant()
    def only_who_left_is_gone(self) -> None:
        """P4: a register that is away ends nothing and closes nothing."""
        for process in self.world.processes:
            if process.stopped_at > self.world.now:
                assert process.member.state not in {SharingState.LEAVING, SharingState.CLOSING, SharingState.LEFT}

    @invariant()
    def leaving_is_bounded(self) -> None:
        """P6."""
        for process in self.world.processes:
            if process.is_running and not process.is_held and process.troubled_at < process.stopped_at:
                assert process.is_done or self.world.now <= process.stopped_at + LEAVE_WITHIN + 1


SHARING_VALUES: Values = {
    "count": one_of(1, 2, 3),
    "chance": lambda random: Random(random.random()),
    "seconds": one_of(0.1, 1.0, BEAT, 4 * BEAT, KEEPALIVE, 100.0, 400.0),
    "which": one_of(0, 1, 2, 3),
    "is_lost": one_of(False, True),
    "steps": one_of(1, 2, 3, 4, 5, 6, 7, 8),
}
RULES = [
    *["time_passes"] * 4,
    "another_one_starts",
    "one_stops",
    "two_stop_at_once",
    "one_is_killed",
    "one_falls_asleep",
    "the_machine_sleeps",
    "all_wake",
    "one_reads",
    *["one_swaps"] * 2,
    "one_gives_up_waiting",
    "late_swaps_arrive",
    "register_goes_away",
    "register_comes_back",
    "register_forgets",
    "register_goes_back",
]
INVARIANTS = [
    "nobody_is_hurt",
    "the_key_is_kept",
    "what_was_heard_is_true",
    "only_who_left_is_gone",
    "leaving_is_bounded",
]


def _fits(machine: SharingMachine, rule: str) -> bool:
    match rule:
        case "another_one_starts":
            return len(machine.world.processes) < 6
        case "all_wake":
            return any(process.is_asleep for process in machine.world.processes)
        case _:
            return True


BY_HAND = {
    (SharingState.JOINING, SharingEvent.STOP),
    (SharingState.WAITING, SharingEvent.STOP),
    (SharingState.WAITING, SharingEvent.BARRED),
    (SharingState.WAITING, SharingEvent.AWAY),
    (SharingState.ALONE, SharingEvent.BARRED),
    (SharingState.FOLLOWER, SharingEvent.BARRED),
}
"""Ways that too much has to come together for: ``test_sharing`` goes them."""


def test_the_table_is_the_whole_truth() -> None:
    """What long walks and lives come to is what the table allows: every way is gone, and no other."""
    walk = Walk(RULES, INVARIANTS, SHARING_VALUES, _fits)
    with noting(SHARING_TRANSITIONS) as gone:
        for seed in range(150):
            walk(SharingMachine(), seed, "begin", 40)
        for seed in range(300):
            live(seed)
    assert gone | BY_HAND == ways_of(SHARING_TRANSITIONS)


SharingMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSharing = pytest.mark.no_cover(SharingMachine.TestCase)


@pytest.mark.parametrize("seed", [range(first, first + 400) for first in (0, 400, 800)], ids=str)
def test_no_close_hurts_without_an_excuse(seed: range) -> None:
    """P1, in lives that are full of trouble; ``benchmarks/sharing_lives.py`` lives many more."""
    counts = sum((live(each).counts for each in seed), Counter[str]())
    assert counts["closes"] > 40
    assert not counts[UNEXCUSED]
