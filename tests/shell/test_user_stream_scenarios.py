"""What exchanges and networks do to a stream, and what its user sees of it: every event, or a gap in its place."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import trio
from stream_watch import ALICE, PROMPT, USDM, Connects, Watch, an_exchange, watched
from trio.testing import MockClock

from trio_listenkey import Timing, open_user_stream, venues
from trio_listenkey.testing import (
    OPTIONS,
    SPOT_CLASSIC,
    USDM as USDM_DIALECT,
    CloseSocket,
    Effect,
    Exchange,
    Fault,
    Garbage,
    HalfOpen,
    Hang,
    KillKey,
    MemoryConnector,
    MemoryTransport,
    Reset,
    Status,
    bad_gateway_html,
    banned,
    gone,
    rate_limited,
    service_unavailable,
)

HOUR = 3600.0
SILENCE = PROMPT.silence_check_every
LITTLE = 1.0
LAG = PROMPT.feed_lag


# --- Keepalives that go wrong


@pytest.mark.parametrize(
    ("effect", "count"),
    [
        (service_unavailable(), 1),
        (service_unavailable(), 5),
        (Hang(), 2),
        (Reset(after_work=False), 1),
        (Reset(after_work=True), 1),
        (bad_gateway_html(), 3),
        (rate_limited(300), 1),
        (banned(600, header=True), 1),
        (gone(), 1),
    ],
    ids=["503", "five-503", "hang", "reset", "answer-lost", "502-html", "429", "418", "gone-but-alive"],
)
async def test_keepalive_that_fails_costs_nothing(effect: Effect, count: int, autojump_clock: MockClock) -> None:
    """As long as the key lives, whatever its keepalives are answered, no event is missed and no gap told."""
    exchange = an_exchange(faults=[Fault(verb="keepalive", nth=1, count=count, effect=effect)])
    async with watched(exchange, every=20) as course:
        await trio.sleep(1.5 * HOUR)
        assert course.stream.key.statistics().renewed >= 1
    assert len(course.watch.numbers) == len(course.watch.emitted) >= 269
    assert not course.watch.gaps
    assert len(course.connector.made) == 1
    assert [entry.effect for entry in exchange.log].count(effect) == count


async def test_key_that_is_gone_at_its_keepalive(autojump_clock: MockClock) -> None:
    """It is replaced at once, the stream moves, and the gap is for the key."""
    exchange = an_exchange(faults=[Fault(verb="keepalive", nth=1, effect=KillKey())])
    async with watched(exchange, every=1) as course:
        await trio.sleep(0.6 * HOUR)
        assert course.stream.statistics().generation == 2
    (gap,) = course.watch.gaps
    assert (gap.cause, gap.generation_before, gap.generation_after) == ("key_lost", 1, 2)
    assert gap.ended_at == pytest.approx(0.5 * HOUR, abs=LITTLE)


# --- Keys that die between keepalives


async def test_key_that_expires_with_an_event(autojump_clock: MockClock) -> None:
    """The exchange said so, so nothing has to be waited for."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.kill_key("alice", course.now, announced=True)
        await trio.sleep(LITTLE)
        assert course.stream.statistics().is_live
        assert course.stream.statistics().generation == 2
    (gap,) = course.watch.gaps
    assert gap.cause == "key_lost"
    assert gap.duration <= PROMPT.ping_every + LITTLE + 2 * LAG
    assert course.diary.times("lost") == [pytest.approx(100.25)]


async def test_key_that_is_killed_silently(autojump_clock: MockClock) -> None:
    """Noticed a silence check after its last event, and a little; pings that are answered prove nothing."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.kill_key("alice", course.now)
        await trio.sleep(SILENCE + LITTLE)
        assert course.stream.statistics().is_live
    (lost,) = course.diary.times("lost")
    assert lost <= 100.25 + SILENCE + LITTLE
    (gap,) = course.watch.gaps
    assert (gap.cause, len(course.watch.lost)) == ("key_lost", 120)
    assert 100.25 - PROMPT.ping_every - LITTLE - LAG <= gap.started_at <= 100.25


async def test_quiet_account_is_not_a_dead_one(autojump_clock: MockClock) -> None:
    """Without events the key is asked about now and then, and nothing is torn down."""
    exchange = an_exchange()
    async with watched(exchange, every=HOUR) as course:
        await trio.sleep(2 * HOUR + 1)
        statistics = course.stream.statistics()
    assert (statistics.disconnects, statistics.connects, statistics.gaps) == (0, 1, 1)
    assert 100 <= statistics.silence_checks <= 121


# --- Sockets that end


@pytest.mark.parametrize("effect", [Reset(), CloseSocket(1001), Garbage()], ids=["reset", "1001", "garbage"])
async def test_socket_that_ends(effect: Effect, autojump_clock: MockClock) -> None:
    """The next one is open within seconds, and the gap says what may be missing."""
    exchange = an_exchange()
    async with watched(exchange, every=0.05) as course:
        await trio.sleep(100.005)
        exchange.strike_sockets(effect, course.now)
        await trio.sleep(PROMPT.retry_base + LITTLE)
        assert course.stream.statistics().is_live
    (gap,) = course.watch.gaps
    assert gap.cause == "disconnected"
    assert gap.duration <= PROMPT.retry_base + LITTLE + 2 * LAG
    assert gap.last_event_time is not None
    assert gap.generation_before == gap.generation_after == 1


async def test_half_open_socket(autojump_clock: MockClock) -> None:
    """Noticed within two ping intervals, and dropped at once: there is nobody to say goodbye to."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.strike_sockets(HalfOpen(), course.now)
        await trio.sleep(2 * PROMPT.ping_every)
        (dropped,) = course.diary.times("dropped")
        await trio.sleep(PROMPT.retry_base + LITTLE)
        assert [info.half_open for info in exchange.sockets(course.now)] == [False]
    assert dropped <= 100.25 + 2 * PROMPT.ping_every
    (gap,) = course.watch.gaps
    assert gap.cause == "unresponsive"
    assert gap.started_at <= 100.25


async def test_handshakes_refused_for_a_while(autojump_clock: MockClock) -> None:
    """They are tried again, further and further apart, and the one gap is as long as it took."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.add_faults(Fault(verb="connect", effect=Status(503), until=course.now + 20))
        exchange.strike_sockets(Reset(), course.now)
        await trio.sleep(60)
        assert course.stream.statistics().is_live
        assert course.stream.statistics().failed_connects >= 3
    (gap,) = course.watch.gaps
    assert 20 <= gap.duration <= 60
    assert len(course.connector.made) <= 12


async def test_too_many_handshakes(autojump_clock: MockClock) -> None:
    """A host that wants no handshakes for a while gets none."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        refusal = Status(429, headers=(("Retry-After", "45"),))
        exchange.add_faults(Fault(verb="connect", effect=refusal, nth=1))
        exchange.strike_sockets(Reset(), course.now)
        await trio.sleep(120)
    (_, refused, good) = [when for when, _ in course.connector.made]
    assert good >= refused + 45
    assert len(course.watch.gaps) == 1


async def test_socket_that_ends_while_its_key_dies(autojump_clock: MockClock) -> None:
    """No handshake is made with the dead key: the exchange is asked before."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.kill_key("alice", course.now)
        exchange.strike_sockets(Reset(), course.now)
        await trio.sleep(10)
        assert course.stream.statistics().is_live
    assert [alive for _, alive in course.connector.made] == [True, True]
    (lost,), (replaced,) = course.diary.times("lost"), course.diary.times("replaced")
    connects = [entry.when for entry in exchange.log if entry.verb == "connect"]
    assert not [when for when in connects if lost <= when < replaced]
    (gap,) = course.watch.gaps
    assert (gap.generation_before, gap.generation_after) == (1, 2)


async def test_socket_that_ends_while_requests_fail(autojump_clock: MockClock) -> None:
    """An exchange that cannot say whether the key lives is not waited for: it is presumed to."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.add_faults(Fault(verb="keepalive", effect=service_unavailable(), until=course.now + 30))
        exchange.strike_sockets(Reset(), course.now)
        await trio.sleep(60)
    (gap,) = course.watch.gaps
    assert gap.ended_at <= 100.25 + LITTLE


async def test_no_handshake_while_there_is_no_key(autojump_clock: MockClock) -> None:
    """A key that is dead and cannot be replaced for a while opens no socket until it is."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.add_faults(Fault(verb="create", effect=service_unavailable(), until=course.now + 50))
        exchange.kill_key("alice", course.now)
        exchange.strike_sockets(Reset(), course.now)
        await trio.sleep(120)
        assert course.stream.statistics().is_live
    (lost,), (replaced,) = course.diary.times("lost"), course.diary.times("replaced")
    assert replaced > lost + 40
    assert [when for when, _ in course.connector.made] == [0, pytest.approx(replaced, abs=LITTLE)]


# --- Sockets that are left


def short_lived(lifetime: float) -> Exchange:
    rules = replace(USDM_DIALECT.stream, lifetime=lifetime)
    return an_exchange(dialects=[replace(USDM_DIALECT, stream=rules)])


@pytest.mark.no_cover
@pytest.mark.parametrize("every", [0.05, 7.0], ids=["busy", "quiet"])
async def test_socket_that_grows_old(every: float, autojump_clock: MockClock) -> None:
    """The stream moves before the exchange ends the socket, and nothing is missed, doubled or told."""
    exchange = short_lived(300)
    async with watched(exchange, every=every, timing=replace(PROMPT, socket_lifetime=300)) as course:
        await trio.sleep(700)
        assert course.stream.statistics().moves == 2
    assert not course.watch.lost
    assert not course.watch.gaps
    assert course.diary.times("dropped") == []
    assert len(course.connector.made) == 3


@pytest.mark.no_cover
async def test_a_day_and_more(autojump_clock: MockClock) -> None:
    """With the documented 24 hours, a stream of 50 hours has moved twice and knows of no gap."""
    exchange = an_exchange()
    async with watched(exchange, every=30) as course:
        await trio.sleep(50 * HOUR)
        assert course.stream.statistics().moves == 2
    assert not course.watch.lost
    assert not course.watch.gaps


async def test_announced_shutdown(autojump_clock: MockClock) -> None:
    """An exchange that says that it will close its sockets is left before it does."""
    exchange = an_exchange(dialects=[SPOT_CLASSIC])
    async with watched(exchange, every=0.05, venue=venues.BINANCE_SPOT_CLASSIC) as course:
        await trio.sleep(100.005)
        exchange.shut_down_sockets(course.now, after=10)
        await trio.sleep(30)
        assert course.stream.statistics().moves == 1
    assert not course.watch.lost
    assert not course.watch.gaps
    assert course.diary.times("dropped") == []


async def test_key_that_is_replaced_while_the_old_socket_works(autojump_clock: MockClock) -> None:
    """Someone else made another key: the stream moves to it, and tells since when the old one was mute."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(100.25)
        exchange.replace_key("alice", course.now)
        await trio.sleep(0.5 * HOUR)
        assert course.stream.statistics().is_live
        assert course.stream.statistics().generation == 2
    (gap,) = course.watch.gaps
    assert gap.started_at <= 100.25
    assert gap.duration <= PROMPT.ping_every + SILENCE + LITTLE + 2 * LAG


# --- Consumers


async def test_slow_consumer(autojump_clock: MockClock) -> None:
    """A burst that takes minutes to work off: memory is bounded, the heart beats, and nothing is missed."""
    exchange = an_exchange()
    async with watched(exchange, every=2, pause=0.5, settle=400, buffer=50) as course:
        await trio.sleep(10)
        course.watch.emit(count=400)
        most = 0
        for _ in range(300):
            await trio.sleep(1)
            most = max(most, course.stream.statistics().buffered)
        assert course.stream.statistics().is_live
    assert most < 500
    assert not course.watch.lost
    assert not course.watch.gaps
    assert course.diary.times("dropped") == []


# --- Neighbours


async def test_two_streams_of_which_one_stops(autojump_clock: MockClock) -> None:
    """The other goes on with the same key, and misses nothing."""
    exchange = an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(0.3)
        ours, tasks = Watch(exchange), trio.lowlevel.current_statistics().tasks_living
        transport, connector = MemoryTransport(exchange), Connects(exchange)
        async with open_user_stream(USDM, ALICE, transport=transport, connector=connector, timing=PROMPT) as stream:
            with trio.move_on_after(100):
                await ours.take_from(stream)
        await trio.sleep(0.5 * HOUR + 0.3)  # no multiple of the pings' interval: a ping under way is a task, too
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert len(exchange.sockets(course.now)) == 1
        assert course.stream.statistics().generation == 1
    assert len(ours.numbers) >= 199
    assert not course.watch.lost
    assert not course.watch.gaps
    assert [entry.verb for entry in exchange.log].count("close") == 1


# --- Machines that sleep


class Sleep:
    """Lets other clocks leap while trio's stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept, unix_time = 0.0, time.time
        monkeypatch.setattr(time, "time", lambda: unix_time() + self.slept)


async def test_machine_that_slept(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key died meanwhile: noticed within ten seconds of wake-up, replaced, and told."""
    sleep, exchange = Sleep(monkeypatch), an_exchange()
    async with watched(exchange) as course:
        await trio.sleep(101.25)
        sleep.slept = 2 * HOUR
        exchange.kill_key("alice", course.now)
        await trio.sleep(PROMPT.suspend_check_every + LITTLE)
        assert course.stream.statistics().is_live
        assert course.stream.statistics().generation == 2
    (gap,) = course.watch.gaps
    assert gap.started_at <= 101.25


async def test_machine_that_slept_with_its_socket(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket died meanwhile: it is pinged as soon as the sleep is noticed, not when trio's clock says so."""
    sleep, exchange = Sleep(monkeypatch), an_exchange()
    timing = Timing(jitter=0, ping_every=100)
    async with watched(exchange, timing=timing) as course:
        await trio.sleep(101.25)  # the last ping was at 100
        sleep.slept = 600
        exchange.strike_sockets(HalfOpen(), course.now)
        await trio.sleep(timing.suspend_check_every + timing.ping_every + LITTLE)
        (dropped,) = course.diary.times("dropped")
    assert dropped <= 101.25 + timing.suspend_check_every + timing.ping_every


# --- Live is no lie


async def test_live_is_told_for_two_seconds_after_the_doubt(autojump_clock: MockClock) -> None:
    """Somebody closed the key, requests and handshakes hang, the socket grows old: it moves, and is not live (S8)."""
    exchange = an_exchange()
    timing = Timing(socket_lifetime=400, jitter=0)
    hangs = [
        Fault(verb="keepalive", effect=Hang()),
        Fault(verb="create", effect=Hang()),
        Fault(verb="connect", effect=Hang()),
    ]
    async with open_user_stream(
        USDM, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange), timing=timing
    ) as stream:
        await trio.sleep(300)
        proven_at = trio.current_time()
        exchange.emit("alice", proven_at)
        await trio.sleep(LITTLE)
        exchange.add_faults(*hangs)
        exchange.kill_key("alice", trio.current_time())
        live_at: list[float] = []
        for _ in range(600):
            if stream.statistics().is_live:
                live_at.append(trio.current_time())
            await trio.sleep(1)
        assert max(live_at) <= proven_at + LITTLE + timing.silence_check_every + 2
        assert stream.statistics().failed_connects > 5, "it has tried to move"
        exchange.clear_faults()
        await trio.sleep(200)
        assert stream.statistics().is_live


async def test_in_a_ban_nobody_waits_for_an_answer(autojump_clock: MockClock) -> None:
    """Nothing may be asked, and so a question for want of events is a doubt at once."""
    exchange = an_exchange()
    async with open_user_stream(
        USDM, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange), timing=PROMPT
    ) as stream:
        exchange.add_faults(Fault(verb="keepalive", count=1, effect=banned(300)))
        await trio.sleep(PROMPT.silence_check_every + LITTLE)
        assert exchange.requests_during_bans == 0
        for _ in range(280):
            assert not stream.statistics().is_live
            await trio.sleep(1)
        await trio.sleep(100)
        assert stream.statistics().is_live


async def test_what_was_said_of_our_key_is_not_unsaid_without_its_name(autojump_clock: MockClock) -> None:
    """Another program makes a key of its own. Where keepalives name none they succeed, for that one: it is taken."""
    exchange = Exchange(seed=1, dialects=[OPTIONS])
    exchange.add_account(ALICE.api_key, name="alice")
    async with open_user_stream(
        venues.BINANCE_OPTIONS,
        ALICE,
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
        timing=PROMPT,
    ) as stream:
        await trio.sleep(10)
        exchange.kill_key("alice", trio.current_time(), announced=True)
        exchange.replace_key("alice", trio.current_time())
        await trio.sleep(5)
        exchange.emit("alice", trio.current_time())
        await trio.sleep(LITTLE)
        assert stream.statistics().is_live
        assert stream.statistics().generation == 2
        assert stream.statistics().events == 2, "what was said of the key, and the event"
