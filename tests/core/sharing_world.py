"""Processes that share a key, a register that they agree by, and an exchange that knows the truth.

Time is a number. What a process asks of the register takes two steps, a read and a swap, between which anything may
happen; an answer may be lost. What must hold is checked where it could be broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Final

from trio_listenkey._core._sharing import Member, Plan
from trio_listenkey._core._sharing_document import Document, load_document
from trio_listenkey._core._sharing_states import SharingState

BEAT: Final = 5.0
PATIENCE: Final = 4
KEEPALIVE: Final = 200.0
LEAVE_WITHIN: Final = 10.0
KEY: Final = "the-listen-key-"
NAME: Final = "key-of-alice"
# Everybody's beat in this time: a beat, its jitter, and a bit.
A_BEAT: Final = BEAT * 1.1


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
    deletes_at: float = inf
    plan: Plan | None = None
    version: int = -1
    is_held: bool = False
    """Between its read and its swap."""
    is_asleep: bool = False
    is_dead: bool = False
    stopped_at: float = inf
    joined_at: float = inf
    troubled_at: float = -inf
    """When it was last known to be held, asleep, or cut off from the register."""
    kept: list[float] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return not self.is_asleep and not self.is_dead

    @property
    def is_done(self) -> bool:
        return self.member.state is SharingState.LEFT


class World:
    """All of it. ``lives`` makes a life; ``pass_time`` has everybody do what is due, in order."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.register = Register()
        self.exchange = Exchange()
        self.processes: list[Process] = []
        self.closes = 0
        self.wrong_closes: list[str] = []

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

    def pass_time(self, seconds: float, draw: float = 0.5) -> None:
        end = self.now + seconds
        while True:
            when, process = min(
                ((self._next(each), each) for each in self.running()), key=lambda it: it[0], default=(inf, None)
            )
            if process is None or when > end:
                break
            self.now = max(self.now, when)
            self.step(process, draw)
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

    def step(self, process: Process, draw: float) -> None:
        """What is due for it now."""
        member = process.member
        if process.deletes_at <= self.now:
            self.delete(process)
        elif member.due_at <= self.now:
            self.read(process)
            self.swap(process, draw)
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

    def swap(self, process: Process, draw: float, *, is_lost: bool = False) -> None:
        if not process.is_held:
            return  # there was nothing to be said
        process.is_held = False
        member, plan, process.plan = process.member, process.plan, None
        if plan is None or not self.register.is_up:
            member.failed(self.now, draw)
        elif not self.register.swap(process.version, plan.raw):
            member.outrun(self.now, draw)
        else:
            process.joined_at = min(process.joined_at, self.now)
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
            process.allowed_at = process.deletes_at = self.now
        if process.stopped_at == inf:
            wrong = process.key is not None and member.is_another(process.key)
            if (process.key is None and member.may_create) or wrong or member.check_is_due:
                member.check_is_due = False
                self.confirm(process)

    def confirm(self, process: Process) -> None:
        process.key = self.exchange.confirm(self.now)
        process.created_at = self.now
        process.kept.append(self.now)
        process.member.tell(process.key, self.now, self.now)

    def delete(self, process: Process) -> None:
        process.deletes_at = inf
        is_sent = self.now < process.member.close_by
        if is_sent:
            self.judge(process)
            self.exchange.is_alive = False
        process.member.close_ended(self.now, done=is_sent, by=process.stopped_at + LEAVE_WITHIN)

    def judge(self, closer: Process) -> None:
        """P1: whom does this close hurt?"""
        self.closes += 1
        since = self.now - (PATIENCE + 2) * A_BEAT
        for other in self.processes:
            if other is closer or not other.is_running or other.stopped_at < inf or other.key is None:
                continue
            if other.created_at > closer.allowed_at and max(self.register.meddled_at, self.register.forgot_at) < since:
                self.wrong_closes.append("came during the close")
            if other.joined_at < inf and other.troubled_at < since and self.register.meddled_at < self.now - A_BEAT:
                self.wrong_closes.append("is there, and was never away")

    # What may happen to a process.

    def stop(self, process: Process) -> None:
        if process.stopped_at == inf and process.is_running and not process.is_held:
            process.stopped_at = self.now
            process.member.stop(self.now, close=process.key is not None, by=self.now + LEAVE_WITHIN)
