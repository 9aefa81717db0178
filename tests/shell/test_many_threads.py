"""Threads of one process, each with a run of trio and a stream of its own on one account, in any order (L5, E1, S8).

They are programs that know nothing of each other: they come and go, and meanwhile keys die, sockets fall, and the
exchange wants silence. The exchange is served on loopback, and all clocks are real.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeVar

import trio
from hypothesis import HealthCheck, given, settings, strategies as st

from trio_listenkey import Credentials, Gap, StreamStatistics, Timing, UserStream, Venue, open_user_stream, venues
from trio_listenkey.testing import (
    USDM,
    CloseSocket,
    Delay,
    Exchange,
    Fault,
    Reset,
    ServedExchange,
    event_number,
    rate_limited,
    serve_exchange,
)

T = TypeVar("T")
ALICE = Credentials("the-api-key-of-alice")
SILENCE = 1.0
TIMING = Timing(
    open_timeout=30,
    silence_check_every=SILENCE,
    keepalive_every=20,
    ping_every=2,
    retry_base=0.05,
    retry_cap=0.3,
    feed_lag=0.1,
)
SLOW = 0.15  # seconds that a slow answer takes
BAN = 1  # seconds of silence that the exchange asks for
PATIENCE = 20.0  # seconds within which all is well again, on a machine that is busy


# What may happen.


@dataclass(frozen=True)
class Join:
    """A program begins; or it ends, if it is there. Whether the others go on before it has done so."""

    number: int
    waits: bool = True


@dataclass(frozen=True)
class All:
    """So many of them begin, or end, at the same moment."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Meddle:
    how: Literal["close", "announced", "replace"]


@dataclass(frozen=True)
class Fall:
    """Each socket is ended."""

    how: Any


@dataclass(frozen=True)
class Ban:
    """Sockets fall, so that everybody has to ask; and who is first is told to wait."""


@dataclass(frozen=True)
class Slow:
    """The next answers take a while."""


@dataclass(frozen=True)
class Wait:
    seconds: float


Step = Join | All | Meddle | Fall | Ban | Slow | Wait
NUMBERS = st.integers(0, 3)
STEPS = st.one_of(
    st.builds(Join, NUMBERS, st.booleans()),
    st.builds(Wait, st.sampled_from([0.05, 0.4, 1.1])),
    st.builds(Join, NUMBERS, st.booleans()),
    st.builds(All, st.lists(NUMBERS, min_size=2, max_size=4, unique=True).map(tuple)),
    st.builds(Meddle, st.sampled_from(["close", "announced", "replace"])),
    st.builds(Fall, st.sampled_from([Reset(), CloseSocket(1001)])),
    st.builds(Ban),
    st.builds(Slow),
)
SCRIPTS = st.lists(STEPS, min_size=4, max_size=10)


# Who takes part.


@dataclass(eq=False)
class Program:
    """One run of trio, in a thread of its own, with a stream. Times are those of ``time.perf_counter``."""

    venue: Venue
    items: list[int | Gap] = field(default_factory=list)
    entered_at: float | None = None
    asked_to_leave_at: float | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._entered = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            self.error = error
        finally:
            self._entered.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._leave = trio.Event()
        self.ahead = time.perf_counter() - trio.current_time()
        async with open_user_stream(self.venue, ALICE, timing=TIMING) as self.stream, trio.open_nursery() as nursery:
            self.entered_at = time.perf_counter()
            self._entered.set()
            nursery.start_soon(self._consume, self.stream)
            await self._leave.wait()
            nursery.cancel_scope.cancel()

    async def _consume(self, stream: UserStream) -> None:
        async for item in stream:
            if isinstance(item, Gap):
                self.items.append(item)
            elif item.type != "listenKeyExpired":
                self.items.append(event_number(item.data))

    async def wait_entered(self) -> None:
        assert await trio.to_thread.run_sync(self._entered.wait, PATIENCE)
        assert self.error is None, self.error

    async def leave(self) -> None:
        await self.wait_entered()
        self.asked_to_leave_at = time.perf_counter()
        self._token.run_sync_soon(self._leave.set)
        await trio.to_thread.run_sync(self._thread.join, PATIENCE)
        assert not self._thread.is_alive()
        assert self.error is None, self.error

    async def statistics(self) -> StreamStatistics:
        return await self._call(self.stream.statistics)

    async def _call(self, function: Callable[[], T]) -> T:
        def call() -> T:
            return trio.from_thread.run_sync(function, trio_token=self._token)

        return await trio.to_thread.run_sync(call)

    def was_inside(self, when: float) -> bool:
        """Whether its block was entered by then, and it had not been asked to leave."""
        return (
            self.entered_at is not None
            and self.entered_at < when
            and (self.asked_to_leave_at is None or self.asked_to_leave_at > when)
        )


class Office:
    """All of them, and their exchange."""

    def __init__(self, served: ServedExchange) -> None:
        self.exchange, self._served = served.exchange, served
        self._venue = served.venue_at(venues.BINANCE_USDM)
        self._ahead = time.perf_counter() - served.now()
        self._emitted: list[float] = []
        self._gone: list[Program] = []
        self.there: dict[int, Program] = {}
        self._is_meddled_with = False

    # What happens.

    async def play(self, steps: list[Step]) -> None:
        async with trio.open_nursery() as leaving, trio.open_nursery() as emitting:
            emitting.start_soon(self._emit_steadily)
            for step in steps:
                await self._do(step, leaving)
            emitting.cancel_scope.cancel()

    async def _do(self, step: Step, leaving: trio.Nursery) -> None:
        match step:
            case Join(number, waits):
                self._toggle(number, leaving)
                if waits and number in self.there:
                    await self.there[number].wait_entered()
            case All(numbers):
                for number in numbers:
                    self._toggle(number, leaving)
            case Wait(seconds):
                await trio.sleep(seconds)
            case _:
                self._happen_at_the_exchange(step, self._served.now())

    def _happen_at_the_exchange(self, step: Meddle | Fall | Ban | Slow, now: float) -> None:
        match step:
            case Meddle("replace"):
                self._is_meddled_with = True
                self.exchange.replace_key("alice", now)
            case Meddle(how):
                self.exchange.kill_key("alice", now, announced=how == "announced")
            case Fall(how):
                self.exchange.strike_sockets(how, now)
            case Ban():
                self.exchange.strike_sockets(Reset(), now)
                self.exchange.add_faults(Fault(verb="any", effect=rate_limited(BAN), count=1))
            case Slow():
                self.exchange.add_faults(Fault(verb="any", effect=Delay(SLOW), count=3))

    def _toggle(self, number: int, leaving: trio.Nursery) -> None:
        if number in self.there:
            self._gone.append(self.there.pop(number))
            leaving.start_soon(self._gone[-1].leave)
        else:
            self.join(number)

    def join(self, number: int) -> Program:
        self.there[number] = Program(self._venue)
        return self.there[number]

    async def _emit_steadily(self) -> None:
        while True:
            self.emit()
            await trio.sleep(0.1)

    def emit(self) -> None:
        self._emitted.append(time.perf_counter())
        self.exchange.emit("alice", self._served.now())

    # What must be true of it.

    async def all_is_well(self) -> None:
        """Who is there hears, and says so (S8); and all of it together asks as often as one of them would (E1)."""
        self.exchange.clear_faults()
        there = list(self.there.values())
        with trio.fail_after(PATIENCE):
            for program in there:
                await program.wait_entered()
                while not (await program.statistics()).is_live:
                    await trio.sleep(0.05)
            await self._hears_all(there)
        asked = await self.asked_in(3 * SILENCE + 0.5)
        assert asked <= 3 + 2, f"{len(there)} programs asked {asked} times in the time of three silence checks"
        assert all([(await program.statistics()).is_live for program in there])

    async def _hears_all(self, there: list[Program]) -> None:
        while not all(program.items[-3:] == self._last_three for program in there):
            self.emit()
            await trio.sleep(0.3)

    @property
    def _last_three(self) -> list[int]:
        number = len(self._emitted)
        return [number - 2, number - 1, number]

    async def asked_in(self, seconds: float) -> int:
        before = len(self._requests)
        await trio.sleep(seconds)
        return len(self._requests) - before

    @property
    def _requests(self) -> list[Any]:
        return [entry for entry in self.exchange.log if entry.verb != "connect"]

    async def close(self) -> None:
        """All leave, one after the other: the key is closed by the last."""
        while self.there:
            number, program = self.there.popitem()
            self._gone.append(program)
            await program.leave()
            if self.there and not self._is_meddled_with:
                assert self.exchange.open_keys(self._served.now()), f"{number} has silenced {list(self.there)}"
        if not self._is_meddled_with:
            assert self.exchange.open_keys(self._served.now()) == ()

    async def send_home(self) -> None:
        """Leave no thread behind, whatever was found."""
        with trio.CancelScope(shield=True):
            while self.there:
                self._gone.append(self.there.popitem()[1])
                await self._gone[-1].leave()

    def nobody_was_hurt(self) -> None:
        """No key was closed under another (L5), nothing sent in a ban, and one request at a time (K1)."""
        for entry in self.exchange.log:
            if entry.verb == "close":
                hurt = [program for program in self._gone if program.was_inside(entry.when + self._ahead)]
                assert not hurt, f"{len(hurt)} programs were silenced"
        assert self.exchange.requests_during_bans == 0
        for slow, following in pairwise(self._requests):
            assert not isinstance(slow.effect, Delay) or following.when >= slow.when + SLOW, "two at a time"

    def the_books_balance(self) -> None:
        """What each program received is in order, once, and what it missed is in a gap that it was told (S1, S2)."""
        for program in self._gone:
            last: int | None = None
            gaps = list[tuple[float, float]]()
            for item in program.items:
                if isinstance(item, Gap):
                    gaps.append((item.started_at + program.ahead, item.ended_at + program.ahead))
                    continue
                for missing in range(item if last is None else last + 1, item):
                    when = self._emitted[missing - 1]
                    assert any(start <= when <= end for start, end in gaps), f"{missing} is missing, and not told"
                assert last is None or item > last, "twice, or out of order"
                last = item


async def test_they_ask_as_one_whenever_they_began() -> None:
    """Half a silence check apart; the answer that one was given is news to the others (E1)."""
    async with opened() as office:
        for number in range(3):
            await office.join(number).wait_entered()
            await trio.sleep(SILENCE / 3)
        assert await office.asked_in(4 * SILENCE) <= 4 + 2


@asynccontextmanager
async def opened() -> AsyncIterator[Office]:
    """An office, which is left in order."""
    exchange = Exchange(seed=1, dialects=[USDM])
    exchange.add_account(ALICE.api_key, name="alice")
    async with serve_exchange(exchange) as served:
        office = Office(served)
        try:
            yield office
        finally:
            await office.send_home()
    office.nobody_was_hurt()
    office.the_books_balance()


async def play(steps: list[Step]) -> None:
    async with opened() as office:
        await office.play(steps)
        await office.all_is_well()
        await office.close()


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS)
def test_threads_hurt_nobody(steps: list[Step]) -> None:
    """In whatever order they come and go: nobody is deafened, nobody sends in a ban, and they ask as one."""
    trio.run(play, steps)
