"""``open_user_stream`` against the exchange in memory, through faults that nobody thought of: the books must balance.

Events are emitted at times that are written down. Each of them was delivered, once and in order, or happened within a
gap that was told at its place. A script of misfortunes is a list, so that hypothesis can make a long one short.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

import pytest
import trio
from busy_program import BusyConnector, Moment
from hypothesis import HealthCheck, example, given, settings, strategies as st
from stream_gateways import Feed, FeedExchange
from trio.testing import MockClock

from trio_listenkey import (
    Credentials,
    Gap,
    RefusedError,
    SlowConsumerError,
    Timing,
    UserEvent,
    UserStream,
    Venue,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.testing import (
    COINM,
    MARGIN,
    SPOT,
    SPOT_CLASSIC,
    SPOT_US,
    USDM,
    CloseSocket,
    Dialect,
    Effect,
    Exchange,
    Fault,
    Freeze,
    HalfOpen,
    MemoryConnector,
    MemoryTransport,
    event_number,
)
from trio_listenkey.testing._lives import _effects
from trio_listenkey.testing._lives._effects import effect_from_text

DAY = 86400.0
RETRY_AFTER = 30  # what TOO_MANY says
ALICE = Credentials("the-api-key-of-alice", "the-secret-of-alice")

TOO_MANY: Effect = effect_from_text(_effects.TOO_MANY)
AT_REQUESTS, AT_KEEPALIVES, HOLLOW, AT_HANDSHAKES, AT_SOCKETS, ON_THE_API = (
    [effect_from_text(text) for text in texts]
    for texts in (
        _effects.AT_REQUESTS,
        _effects.AT_KEEPALIVES,
        _effects.HOLLOW,
        _effects.AT_HANDSHAKES,
        _effects.AT_SOCKETS,
        _effects.ON_THE_API,
    )
)
TIMINGS = [
    Timing(suspend_check_every=900),
    Timing(suspend_check_every=900, ping_every=45, silence_check_every=400, socket_lifetime=1500),
    Timing(suspend_check_every=900, ping_every=7, silence_check_every=25, keepalive_every=300, socket_lifetime=400),
    Timing(suspend_check_every=900, ping_every=31, socket_lifetime=100),
]
FEEDS = [
    None,
    Feed(lags=(0.0, 0.01), late=0.01),
    Feed(lags=(0.0, 0.1), rewrites=True),
    Feed(lags=(1.0, 0.0), late=0.1),
    Feed(lags=(0.3, 1.0, 0.0), rewrites=True),
]
PLACES: dict[str, tuple[Venue, Dialect]] = {
    "usdm": (venues.BINANCE_USDM, USDM),
    "coinm": (venues.BINANCE_COINM, COINM),
    "us": (venues.BINANCE_US, SPOT_US),
    "spot": (venues.BINANCE_SPOT_CLASSIC, SPOT_CLASSIC),
}
SESSIONS: dict[str, tuple[Venue | venues.SignedVenue, Dialect]] = {
    "signature": (venues.BINANCE_SPOT, SPOT),
    "token": (venues.BINANCE_MARGIN, MARGIN),
}


# What may happen.


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Burst:
    count: int


@dataclass(frozen=True)
class Rush:
    """For so long fifty events a second; in the midst of it this happens to the sockets."""

    seconds: float
    effect: Effect


@dataclass(frozen=True)
class Block:
    """The program computes for so long, and nobody reads; ``count`` events come at its begin.

    It begins ``at`` this step, or at the next handshake, ping or loss of a socket.
    """

    seconds: float
    count: int
    at: Moment = "now"


@dataclass(frozen=True)
class Every:
    """From now on an event every so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Trouble:
    verb: Any
    effect: Effect
    nth: int = 1
    count: int = 1


@dataclass(frozen=True)
class Strike:
    effect: Effect


@dataclass(frozen=True)
class Meddle:
    """Another process closes the account's key, or closes it and makes a new one."""

    how: Literal["close", "announced", "replace"]


@dataclass(frozen=True)
class Unplug:
    """Nothing can be reached; a pulled cable takes the sockets with it."""

    what: Literal["requests", "sockets", "both", "cable"]
    seconds: float


@dataclass(frozen=True)
class Stall:
    """The exchange does nothing."""

    seconds: float


@dataclass(frozen=True)
class ShutDown:
    after: float


@dataclass(frozen=True)
class Consume:
    """From now on the consumer takes so long for each item."""

    seconds: float


@dataclass(frozen=True)
class Partner:
    """Somebody else in this process opens the account's key, or leaves it again."""


Step = Wait | Burst | Rush | Block | Every | Trouble | Strike | Meddle | Unplug | Stall | ShutDown | Consume | Partner


@dataclass(frozen=True, kw_only=True)
class Script:
    steps: Sequence[Step]
    place: str = "usdm"
    timing: Timing = TIMINGS[0]
    on_full: Any = "wait"
    buffer: int = 10_000
    in_batches: bool = False
    calm_down: bool = True
    is_looked_at: bool = True
    """Whether somebody asks now and then if it is live. That lets time pass; it has to pass without, too."""
    feed: Feed | None = None
    """What the gateways do to it, if there are any."""
    latency: float = 0.01
    """Of requests, each way, and of handshakes. Without it, much could happen at one moment, and a gap takes two."""

    @property
    def bans_are_told(self) -> bool:
        """A ban cannot be respected by someone whose request for it was answered too late, or never.

        So it is for who leaves while that request is under way: the key is closed at once.
        """
        if not self.calm_down and self.latency > 0.1:
            return False
        patience = self.timing.request_timeout - 2 * self.latency
        return not any(isinstance(step, Stall | Block) and step.seconds >= patience for step in self.steps)

    @property
    def lag(self) -> float:
        return 0.0 if self.feed is None else max(self.feed.lags)

    @property
    def is_meddled_with(self) -> bool:
        return any(isinstance(step, Meddle) for step in self.steps)


def one_of(kind: Callable[..., Step], *choices: list[Any]) -> st.SearchStrategy[Step | None]:
    return st.builds(kind, *map(st.sampled_from, choices))


def troubles(verbs: list[str], effects: list[Effect], nth: int) -> st.SearchStrategy[Step | None]:
    return st.builds(
        Trouble, st.sampled_from(verbs), st.sampled_from(effects), nth=st.integers(1, nth), count=st.integers(1, 4)
    )


WAITS = one_of(Wait, [1.0, 0.1, 8.0, 21.0, 65.0, 400.0, 2000.0])
STEPS = st.one_of(
    st.none(),
    WAITS,
    one_of(Burst, [2, 1, 40]),
    one_of(Every, [11.0, 1.7, 97.0]),
    one_of(Rush, [1.0, 4.0], AT_SOCKETS),
    one_of(Block, [1.3, 0.2, 3.0, 20.0], [3, 0], ["now", "connect", "101", "ping", "drop"]),
    WAITS,
    troubles(["keepalive"], AT_KEEPALIVES, 3),
    troubles(["create", "any"], [*AT_REQUESTS, *HOLLOW], 3),
    troubles(["connect"], AT_HANDSHAKES, 2),
    troubles(["event"], AT_SOCKETS, 4),
    troubles(["socket"], AT_SOCKETS, 2),
    troubles(["connect"], [TOO_MANY], 1),
    one_of(Strike, AT_SOCKETS),
    one_of(Meddle, ["close", "announced", "replace"]),
    one_of(Unplug, ["requests", "sockets", "both", "cable"], [5.0, 40.0, 700.0, 4000.0]),
    one_of(Stall, [3.0, 8.0, 70.0]),
    one_of(ShutDown, [0.0, 5.0]),
    one_of(Consume, [0.0, 0.7, 30.0]),
    st.builds(Partner),
)


def scripts(places: list[str], step: st.SearchStrategy[Step | None]) -> st.SearchStrategy[Script]:
    return st.builds(
        Script,
        # Long ones, that nevertheless become short when hypothesis makes nothing of a step.
        steps=st.lists(step, min_size=12, max_size=40).map(lambda steps: list(filter(None, steps))),
        place=st.sampled_from(places),
        timing=st.sampled_from(TIMINGS),
        on_full=st.sampled_from(["wait", "drop_oldest", "drop_newest", "fail"]),
        buffer=st.sampled_from([10_000, 1, 6]),
        in_batches=st.booleans(),
        calm_down=st.sampled_from([True, True, False]),
        is_looked_at=st.booleans(),
        feed=st.sampled_from(FEEDS),
        latency=st.sampled_from([0.01, 0.2, 3.5]),
    )


SCRIPTS = scripts(list(PLACES), STEPS)
SESSION_SCRIPTS = scripts(list(SESSIONS), STEPS | troubles(["api"], ON_THE_API, 3) | one_of(ShutDown, [5.0, 30.0]))

HARMLESS = st.builds(
    Script,
    steps=st.lists(
        st.one_of(
            WAITS,
            one_of(Burst, [2, 1, 40]),
            one_of(Every, [1.7, 11.0]),
            one_of(Block, [1.3, 0.2, 20.0], [3, 0], ["now", "connect", "101", "ping"]),
        ),
        min_size=4,
        max_size=12,
    ).map(lambda steps: [Wait(8.0), *steps]),  # what was at its begin may be in the gap that it begins with
    place=st.sampled_from(list(PLACES)),
    timing=st.sampled_from(TIMINGS[1:]),
    feed=st.sampled_from(FEEDS),
    latency=st.sampled_from([0.01, 0.2]),
)
"""Nobody's fault: sockets get old, and gateways and the program itself are late."""


# What must be true of it.


@dataclass
class Book:
    """What happened on the account, and what its stream said."""

    times: list[float] = field(default_factory=list)
    """When each event was emitted, number 1 first."""

    items: list[int | Gap] = field(default_factory=list)
    """What was received: the numbers of events, and gaps."""

    def balance(self) -> None:
        """Each event up to the last one received was delivered once, in order, or is in a gap that was told there."""
        causes = [item.cause if isinstance(item, Gap) else None for item in self.items]
        assert "opened" not in causes[1:], "a stream begins once"
        assert causes[:1] in ([], ["opened"]), "a stream begins with a gap"
        told: list[Gap] = []
        last = 0
        for item in self.items:
            if isinstance(item, Gap):
                assert item.started_at <= item.ended_at, item
                assert last == 0 or self.times[last - 1] <= item.ended_at, (item, last)
                told.append(item)
                continue
            assert item > last, f"{item} was delivered after {last}"
            for missing in range(last + 1, item):
                assert any(gap.started_at <= self.times[missing - 1] <= gap.ended_at for gap in told), (
                    f"{missing}, emitted at {self.times[missing - 1]}, is in no gap between {last} and {item}: {told}"
                )
            told, last = [], item
        self._nothing_from_before_a_gap_comes_after_it()

    def _nothing_from_before_a_gap_comes_after_it(self) -> None:
        latest_start = -inf
        for item in self.items:
            if isinstance(item, Gap):
                latest_start = max(latest_start, item.started_at)
            else:
                assert self.times[item - 1] >= latest_start, (item, latest_start)

    @property
    def last_delivered(self) -> int:
        return next((item for item in reversed(self.items) if not isinstance(item, Gap)), 0)


class Stage:
    """One script, played."""

    def __init__(self, script: Script, *faults: Fault) -> None:
        self.script = script
        self.venue, dialect = {**PLACES, **SESSIONS}[script.place]
        self.exchange = self._new_exchange(dialect)
        self.exchange.add_account(ALICE.api_key, name="alice", secret=ALICE.api_secret)
        self.exchange.add_faults(*faults)
        self.transport = MemoryTransport(self.exchange, latency=script.latency)
        self.book = Book()
        self.clock = MockClock(autojump_threshold=0)
        self.blocked = 0.0
        self.blocks: dict[Moment, Block] = {}
        self.error: BaseException | None = None
        self.pace = 0.0
        self.emission = trio.CancelScope()
        self.calm = trio.Event()
        self.partner: trio.Event | None = None
        self.exit_took = 0.0

    def play(self) -> None:
        trio.run(self._main, clock=self.clock)

    def _new_exchange(self, dialect: Dialect) -> Exchange:
        if self.script.feed is None:
            return Exchange(seed=1, dialects=[dialect], log_size=200)
        return FeedExchange(self.script.feed, seed=1, dialects=[dialect], log_size=200)

    async def _main(self) -> None:
        if self.script.place in SESSIONS:  # what is signed has the time in it
            self.exchange.epoch = time.time() - trio.current_time()
        async with trio.open_nursery() as self.nursery:
            # With latency, what it says is said later than it is so.
            self.connector = MemoryConnector(self.exchange, latency=self.script.latency)
            self.program = BusyConnector(self.connector, self._reach)
            await self._hold_stream()
            if self.partner is not None:
                self.partner.set()
            await trio.sleep(2 * self.script.timing.close_timeout + 2)
            self._nothing_is_left()
            self.nursery.cancel_scope.cancel()

    async def _hold_stream(self) -> None:
        script = self.script
        async with open_user_stream(
            self.venue,
            ALICE,
            transport=self.transport,
            connector=self.program,
            timing=script.timing,
            on_full=script.on_full,
            buffer=script.buffer,
        ) as stream:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._consume, stream)
                if script.is_looked_at:
                    nursery.start_soon(self._look_at, stream)
                for step in script.steps:
                    await self._do(step)
                if script.calm_down:
                    await self._calm_down(stream)
                nursery.cancel_scope.cancel()
            leaving_at = trio.current_time()
        self.exit_took = trio.current_time() - leaving_at
        key = stream.statistics().key
        self.closed = None if key is None else key.closed

    async def _look_at(self, stream: UserStream) -> None:
        """Who is deaf says so: in the time of a silence check, or of two pings, and not only in the end (S8)."""
        timing = self.script.timing
        deaf_since: float | None = None
        blocked = self.blocked
        while True:
            now = trio.current_time()
            hears = any(each.live_keys and not each.half_open for each in self.exchange.sockets(now))
            deaf_since = None if hears else now if deaf_since is None else deaf_since
            if blocked != self.blocked and deaf_since is not None:  # in that time nothing could be noticed
                deaf_since += self.blocked - blocked
            blocked = self.blocked
            # What was read last may have been under way for as long as a peer may leave a ping unanswered.
            if deaf_since is not None and now - deaf_since > timing.silence_check_every + 2 + 2 * timing.ping_every:
                found = stream.statistics()
                # A socket that was opened since may have heard something between two looks.
                is_new = found.connected_since is not None and found.connected_since > deaf_since
                assert is_new or not found.is_live, (now - deaf_since, found)
                deaf_since = found.connected_since if is_new else deaf_since
            await trio.sleep(timing.silence_check_every / 8)

    # The account.

    def emit(self, count: int) -> None:
        now = trio.current_time()
        self.book.times += [now] * count
        numbers = self.exchange.emit("alice", now, count=count)
        assert numbers[-1] == len(self.book.times)

    def _emit_every(self, seconds: float | None) -> None:
        self.emission.cancel()
        self.emission = trio.CancelScope()
        if seconds is not None:
            self.nursery.start_soon(self._emit_steadily, seconds, self.emission)

    async def _emit_steadily(self, seconds: float, scope: trio.CancelScope) -> None:
        with scope:
            while True:
                await trio.sleep(seconds)
                self.emit(1)

    async def _rush(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            while True:
                self.emit(1)
                await trio.sleep(0.02)

    def _reach(self, moment: Moment) -> None:
        """The program is there; if it was told to, it computes."""
        block = self.blocks.pop(moment, None)
        if block is not None:
            if block.count:
                self.emit(block.count)
            self.blocked += block.seconds
            self.clock.jump(block.seconds)

    # The consumer.

    async def _consume(self, stream: UserStream) -> None:
        try:
            while True:
                for item in await stream.receive_batch() if self.script.in_batches else [await stream.receive()]:
                    self._note(item)
                    await self._take_your_time()
        except SlowConsumerError as error:
            self.error = error

    def _note(self, item: UserEvent | Gap) -> None:
        if isinstance(item, Gap):
            self.book.items.append(item)
            return
        with suppress(KeyError):  # what the exchange says of keys and sockets has no number
            self.book.items.append(event_number(item.data))

    async def _take_your_time(self) -> None:
        until = trio.current_time() + self.pace
        while self.pace and trio.current_time() < until:
            await trio.sleep(min(self.pace, until - trio.current_time(), 20))

    # Misfortunes.

    async def _do(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await trio.sleep(seconds)
            case Burst(count):
                self.emit(count)
            case Rush(seconds, effect):
                self.nursery.start_soon(self._rush, seconds)
                await trio.sleep(seconds / 2)
                self.exchange.strike_sockets(effect, trio.current_time())
            case Block():
                self.blocks[step.at] = step
                self._reach("now")
            case Every(seconds):
                self._emit_every(seconds)
            case Consume(seconds):
                self.pace = seconds
            case Unplug(what, seconds):
                self.nursery.start_soon(self._unplug, what, seconds)
            case Partner():
                if self.script.place in PLACES:  # elsewhere nobody shares a key
                    self._toggle_partner(PLACES[self.script.place][0])
            case _:
                self._happen_at_the_exchange(step, trio.current_time())

    def _happen_at_the_exchange(self, step: Trouble | Strike | Meddle | Stall | ShutDown, now: float) -> None:
        match step:
            case Trouble(verb, effect, nth, count):
                self.exchange.add_faults(Fault(verb=verb, effect=effect, nth=nth, count=count))
            case Strike(effect):
                self.exchange.strike_sockets(effect, now)
            case Meddle("replace"):
                self.exchange.replace_key("alice", now)
            case Meddle(how):
                self.exchange.kill_key("alice", now, announced=how == "announced")
            case Stall(seconds):
                self.exchange.freeze(seconds, now)
            case ShutDown(after):
                self.exchange.shut_down_sockets(now, after=after)

    async def _unplug(self, what: str, seconds: float) -> None:
        if what == "cable":
            self.exchange.strike_sockets(HalfOpen(), trio.current_time())
        self.transport.reachable &= what == "sockets"
        self.connector.reachable &= what == "requests"
        with trio.move_on_after(seconds):
            await self.calm.wait()
        self.transport.reachable = self.connector.reachable = True

    def _toggle_partner(self, venue: Venue) -> None:
        if self.partner is None:
            self.partner = trio.Event()
            self.nursery.start_soon(self._hold_key, venue, self.partner)
        else:
            self.partner.set()
            self.partner = None

    async def _hold_key(self, venue: Venue, leave: trio.Event) -> None:
        timing = Timing(suspend_check_every=900, open_timeout=20_000)
        held = False
        try:
            async with open_listen_key(venue, ALICE, transport=self.transport, timing=timing):
                held = True
                await leave.wait()
        except RefusedError:  # an answer without a key ends who has just come, and nobody who has had one
            if held:
                raise

    # The end.

    async def _calm_down(self, stream: UserStream) -> None:
        """Without faults, all is well again within a quarter of an hour."""
        self.exchange.clear_faults()
        self.blocks.clear()
        self.calm.set()
        self.pace = 0.0
        await trio.sleep(1000)
        if self.error is not None:
            return
        self._emit_every(None)
        await trio.sleep(0.5)
        for _ in range(3):  # one by one: a buffer may have room for one
            self.emit(1)
            await trio.sleep(0.5)
        await trio.sleep(self.script.lag)
        assert self.book.last_delivered == len(self.book.times), stream.statistics()
        assert stream.statistics().is_live, stream.statistics()

    def no_handshake_comes_too_soon(self) -> None:
        handshakes = [entry for entry in self.exchange.log if entry.verb == "connect"]
        for refused, following in itertools.pairwise(handshakes):
            assert refused.status != 429 or following.when >= refused.when + RETRY_AFTER

    def _nothing_is_left(self) -> None:
        now = trio.current_time()
        assert self.exchange.sockets(now) == ()
        if self.script.place in SESSIONS:
            return  # tokens are not closed, but left to expire
        if self.script.calm_down and self.error is None:
            assert self.closed is not False
            assert self.exchange.open_keys(now) == ()
        elif self.closed and not self.script.is_meddled_with:
            assert self.exchange.open_keys(now) == ()


FOUND = [
    # The next to last event came late, and the last one never.
    Script(
        steps=[
            Trouble("event", Freeze(2)),
            Trouble("event", CloseSocket(1001)),
            Burst(2),
        ],
    ),
    # Events that were sent while the handshake was under way, dropped for want of room.
    Script(steps=[Every(3.0), Stall(70.0)], on_full="drop_newest", buffer=1),
]


def play(script: Script, *faults: Fault) -> Stage:
    stage = Stage(script, *faults)
    stage.play()
    stage.book.balance()
    assert stage.exit_took <= 2 * script.timing.close_timeout + 1
    if script.bans_are_told and script.place in PLACES:  # a ban by one host is not known to the other
        assert stage.exchange.requests_during_bans == 0
        stage.no_handshake_comes_too_soon()
    return stage


@pytest.mark.no_cover
@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(FOUND[0])
@example(FOUND[1])
@given(SCRIPTS)
def test_the_books_balance(script: Script) -> None:
    """Whatever happens, each event was delivered once and in order, or is in a gap that was told in its place."""
    play(script)


@pytest.mark.no_cover
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SESSION_SCRIPTS)
def test_they_balance_where_each_socket_has_its_own_subscription(script: Script) -> None:
    """So they do where the stream is asked for on the socket, by a signature or by a token."""
    play(script)


@pytest.mark.no_cover
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HARMLESS)
def test_where_only_time_passes_nothing_is_missing(script: Script) -> None:
    """However far the gateways are apart at moves, and however long the program computes: all of it, and no gap."""
    book = play(script).book
    assert [item for item in book.items if not isinstance(item, Gap)] == list(range(1, len(book.times) + 1))
    assert [item.cause for item in book.items if isinstance(item, Gap)] == ["opened"]


@pytest.mark.no_cover
def test_seven_days_of_faults() -> None:
    """With one percent of every kind of fault, at each request, handshake and event, they balance after a week."""
    random.seed(1)  # the exchange has dice of its own, the retries have not
    timing = Timing(suspend_check_every=3600, ping_every=150, silence_check_every=300)  # fewer pings: a faster week
    script = Script(steps=[Every(90.0), Wait(7 * DAY)], timing=timing)
    faults = [Fault(verb="any", effect=effect, probability=0.01) for effect in AT_REQUESTS]
    faults += [Fault(verb="connect", effect=effect, probability=0.01) for effect in AT_HANDSHAKES]
    faults += [Fault(verb="event", effect=effect, probability=0.01) for effect in AT_SOCKETS]
    book = play(script, *faults).book
    # It was no walk in the park:
    gaps = [item for item in book.items if isinstance(item, Gap)]
    assert {gap.cause for gap in gaps} == {"opened", "disconnected", "unresponsive", "key_lost"}
    assert len(gaps) > 300
    assert len(book.times) > 6000
