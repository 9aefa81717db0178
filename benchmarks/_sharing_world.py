"""Processes that share a key, a register that they agree by, and an exchange that knows the truth.

Time is a number. What a process asks of the register takes two steps, a read and a swap, between which anything may
happen; an answer may be lost. What must hold is checked where it could be broken.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from trio_listenkey._core._sharing import Member
from trio_listenkey._core._sharing_plan import Plan
from trio_listenkey._core._sharing_record import Document, load_document
from trio_listenkey._core._sharing_states import SharingState

BEAT: Final = 5.0
PATIENCE: Final = 4
KEEPALIVE: Final = 200.0
LEAVE_WITHIN: Final = 10.0
KEY: Final = "the-listen-key-"
NAME: Final = "key-of-alice"
# Everybody's beat in this time: a beat, its jitter, and a bit.
A_BEAT: Final = BEAT * 1.1
UNEXCUSED: Final = "hurt: NONE OF THESE"


class Register:
    """A compare-and-swap that may be away, forget, and go back to an earlier state."""

    def __init__(self) -> None:
        self.raw: bytes | None = None
        self.version = 0
        self.is_up = True
        self.meddled_at = self.forgot_at = -inf
        self.history: list[bytes | None] = []

    def swap(self, version: int, raw: bytes) -> bool:
        if version != self.version:
            return False
        self.history = [*self.history[-12:], self.raw]
        self._check(load_document(self.raw), load_document(raw))
        self.raw, self.version = raw, self.version + 1
        return True

    def _check(self, before: Document | None, after: Document | None) -> None:
        assert after is not None
        # P3: one keeper, and whenever it is another one than before, a higher number says so.
        if before is not None and before.epoch == after.epoch:
            assert (after.fence > before.fence) == (after.keeper not in {None, before.keeper})
            assert after.fence - before.fence <= 1
        # P5.
        assert KEY not in str(after)

    def restore(self, steps: int, now: float) -> None:
        if self.history:
            del self.history[len(self.history) + 1 - min(steps, len(self.history)) :]
            self.raw = self.history.pop()
            self.version += 1
            self.meddled_at = now

    def forget(self, now: float) -> None:
        self.raw, self.version, self.history = None, self.version + 1, []
        self.forgot_at = now


class Exchange:
    """One account. A create returns the key that there is."""

    def __init__(self) -> None:
        self.number = 0
        self.is_alive = False
        self.confirmed: dict[str, float] = {}

    def confirm(self, now: float) -> str:
        if not self.is_alive:
            self.number, self.is_alive = self.number + 1, True
        key = f"{KEY}{self.number}"
        self.confirmed[key] = now
        return key


@dataclass
class Process:
    """One that shares: what it is at, and since when all has been well with it."""

    member: Member
    key: str | None = None
    created_at: float = -inf
    allowed_at: float = -inf
    """When the register took its word that it closes."""
    written_before: dict[str, float] = field(default_factory=dict)
    """When the register had last taken something of the others, at that time."""
    deletes_at: float = inf
    plan: Plan | None = None
    version: int = -1
    is_held: bool = False
    """Between its read and its swap."""
    is_asleep: bool = False
    is_dead: bool = False
    stopped_at: float = inf
    written_at: float = -inf
    """When the register last took something of it."""
    troubled_at: float = -inf
    """When it was last known to be held, asleep, or cut off from the register."""

    @property
    def is_running(self) -> bool:
        return not self.is_asleep and not self.is_dead

    @property
    def is_done(self) -> bool:
        return self.member.state is SharingState.LEFT


class World:
    """All of it: ``pass_time`` has everybody do what is due, in order. Draws are ``chance``'s."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 1000.0
        self.register = Register()
        self.exchange = Exchange()
        self.processes: list[Process] = []
        self.counts: Counter[str] = Counter()
        """What happened; a close that hurt somebody by its cause, after ``"hurt: "``."""

    def start(self) -> Process:
        member = Member(
            me=f"m{len(self.processes)}",
            name=NAME,
            who="host:1",
            beat_every=BEAT,
            patience=PATIENCE,
            keepalive_every=KEEPALIVE,
            now=self.now,
        )
        process = Process(member)
        self.processes.append(process)
        return process

    def running(self) -> list[Process]:
        return [each for each in self.processes if each.is_running and not each.is_done]

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            when, process = min(
                ((self._next(each), each) for each in self.running()), key=lambda it: it[0], default=(inf, None)
            )
            if process is None or when > end:
                break
            self.now = max(self.now, when)
            self.step(process)
        self.now = end
        for process in self.processes:
            if process.is_asleep or process.is_held or not self.register.is_up:
                process.troubled_at = self.now

    def _next(self, process: Process) -> float:
        if process.is_held:
            return inf
        renew = inf
        if process.key is not None and process.stopped_at == inf and self._keeps(process):
            renew = process.member.confirmed_at(process.key) + KEEPALIVE
        return min(process.member.due_at, process.deletes_at, renew)

    def _keeps(self, process: Process) -> bool:
        return not process.member.follows and process.member.state is not SharingState.JOINING

    def step(self, process: Process) -> None:
        """What is due for it now."""
        member = process.member
        if process.deletes_at <= self.now:
            self.delete(process)
        elif member.due_at <= self.now:
            self.read(process)
            self.swap(process)
        else:
            self.confirm(process)

    # The register.

    def read(self, process: Process) -> None:
        if self.register.is_up:
            process.version = self.register.version
            process.plan = process.member.plan(self.register.raw, self.now)
            process.is_held = process.plan is not None
        else:
            process.plan, process.is_held = None, True

    def swap(self, process: Process, *, is_lost: bool = False) -> None:
        if not process.is_held:
            return  # there was nothing to be said
        process.is_held = False
        member, plan, process.plan = process.member, process.plan, None
        draw = self.chance.random()
        if plan is None or not self.register.is_up:
            member.failed(self.now, draw)
        elif not self.register.swap(process.version, plan.raw):
            member.outrun(self.now, draw)
        else:
            process.written_at = self.now
            if process.stopped_at < inf and not is_lost and plan.event.name in {"GONE", "ALLOWED"}:
                self.counts[f"left: {plan.event.name}, {plan.because}"] += 1
            if is_lost:
                process.troubled_at = self.now
                member.failed(self.now, draw)
            else:
                member.taken(plan, self.now, draw)
        self.act(process)

    # The exchange.

    def act(self, process: Process) -> None:
        """What the block does with what the register said."""
        member = process.member
        if member.state is SharingState.CLOSING:
            process.allowed_at = self.now
            process.written_before = {other.member.me: other.written_at for other in self.processes}
            # At once, or as late as it may; and a bit later, when it must see that it is too late.
            process.deletes_at = self.now + self.chance.choice([0.0, 0.5, 0.99, 1.1]) * member.close_within
        if process.stopped_at == inf:
            wrong = process.key is not None and member.is_another(process.key)
            if (process.key is None and member.may_create) or wrong or member.check_is_due:
                member.check_is_due = False
                self.confirm(process)

    def confirm(self, process: Process) -> None:
        process.key = self.exchange.confirm(self.now)
        process.created_at = self.now
        process.member.tell(process.key, self.now)

    def delete(self, process: Process) -> None:
        process.deletes_at = inf
        is_sent = self.now < process.member.close_by
        if is_sent:
            self.judge(process)
            self.exchange.is_alive = False
        process.member.close_ended(self.now, done=is_sent, by=process.stopped_at + LEAVE_WITHIN)

    def judge(self, closer: Process) -> None:
        """P1: whom does this close hurt, and why?"""
        self.counts["closes"] += 1
        causes = {
            self.cause(closer, other)
            for other in self.processes
            if other is not closer and not other.is_dead and other.stopped_at == inf and other.key is not None
        }
        self.counts.update(f"hurt: {cause}" for cause in causes)

    def cause(self, closer: Process, other: Process) -> str:
        """Why ``other``, which has a key, could not be known to ``closer``; the first that is an excuse."""
        written_at = closer.written_before.get(other.member.me, -inf)
        if other.created_at > closer.allowed_at:
            if max(self.register.forgot_at, self.register.meddled_at) >= closer.allowed_at:
                return "the register forgot a close"
            return "it was without the register" if other.member.is_away else "NONE OF THESE"
        if written_at == -inf:
            return "it never reached the register"
        if closer.allowed_at - written_at >= 0.9 * PATIENCE * BEAT:
            return "it slept longer than patience" if other.is_asleep else "it was cut off for longer than patience"
        if self.register.meddled_at >= written_at:
            return "the register lost what it had acknowledged"
        return "NONE OF THESE"

    # What may happen to a process.

    def stop(self, process: Process) -> None:
        if process.stopped_at == inf and process.is_running:
            process.stopped_at = self.now
            process.member.stop(self.now, close=process.key is not None, by=self.now + LEAVE_WITHIN)


def live(seed: int) -> World:
    """A random life of several processes: starts, stops, crashes, sleeps; a register with every fault; answers lost."""
    chance = random.Random(seed)
    world = World(chance)
    for _ in range(chance.randint(1, 3)):
        world.pass_time(chance.random() * BEAT)
        world.start()
    for _ in range(chance.randint(4, 14)):
        world.pass_time(chance.choice([0.1, BEAT, 2 * BEAT, 6 * BEAT, 6 * BEAT]) * 2 * chance.random())
        happens, running = chance.choice(MISFORTUNES), world.running()
        if running:
            happens(world, chance.choice(running))
        else:
            world.start()
    world.pass_time(8 * BEAT)
    return world


def _hold(world: World, one: Process) -> None:
    if not one.is_held and one.member.due_at < inf:
        world.read(one)


def _swap(world: World, one: Process) -> None:
    world.swap(one, is_lost=world.chance.random() < 0.5)


def _stop_two(world: World, _: Process) -> None:
    for each in world.running()[:2]:
        world.stop(each)


def _all_sleep(world: World, _: Process) -> None:
    for each in world.running():
        each.is_asleep = True


def _all_wake(world: World, _: Process) -> None:
    for each in world.processes:
        each.is_asleep = False


def _forget(world: World, _: Process) -> None:
    world.register.forget(world.now)


def _forget_and_stop(world: World, one: Process) -> None:
    world.register.forget(world.now)
    world.pass_time(world.chance.random() * BEAT)
    world.stop(one)


def _set_up(is_up: bool) -> Callable[[World, Process], None]:
    return lambda world, _: setattr(world.register, "is_up", is_up)


MISFORTUNES: Final[tuple[Callable[[World, Process], object], ...]] = (
    lambda world, _: world.start(),
    lambda world, _: world.start(),
    *3 * (World.stop,),
    _stop_two,
    lambda _, one: setattr(one, "is_dead", True),
    lambda _, one: setattr(one, "is_asleep", True),
    _all_sleep,
    _all_wake,
    _hold,
    _swap,
    _set_up(is_up=False),
    *2 * (_set_up(is_up=True),),
    _forget,
    _forget_and_stop,
    lambda world, _: world.register.restore(world.chance.randint(1, 8), world.now),
)
"""What may happen to one of those that run, or to all."""
