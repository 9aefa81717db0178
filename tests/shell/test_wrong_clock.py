"""A machine whose clock is two hours ahead for a while, and is set right: what is signed, and what gaps say of time."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
import trio
from test_venue_lives import ALICE, DIALECTS, an_exchange, credentials_for
from trio.testing import MockClock

from trio_listenkey import Gap, RefusedError, Timing, UserEvent, Venue, open_listen_key, open_user_stream, venues
from trio_listenkey.testing import SPOT, USDM, Dialect, Exchange, MemoryConnector, MemoryTransport, Reset

TWO_HOURS = 7200.0
WHILE = 120.0
"""Seconds for which it is wrong: less than what twenty tries take."""
# What is not signed everywhere, or not by the time, minds no clock.
SIGNED = {
    venue: dialect
    for venue, dialect in DIALECTS.items()
    if venue.signing is not None and venue.signing.required and dialect.refusals.clock is not None
}
every_signed_venue = pytest.mark.parametrize(("venue", "dialect"), SIGNED.items(), ids=[v.name for v in SIGNED])


@dataclass
class SystemClock:
    """Unix time as the system tells it."""

    ahead: float = 0.0


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> SystemClock:
    clock, right = SystemClock(), time.time
    monkeypatch.setattr(time, "time", lambda: right() + clock.ahead)
    return clock


def by_the_calendar(dialect: Dialect) -> Exchange:
    exchange = an_exchange(dialect, validity=3600)
    exchange.epoch = time.time() - trio.current_time()
    return exchange


@every_signed_venue
async def test_a_key_outlasts_it(
    venue: Venue, dialect: Dialect, system: SystemClock, autojump_clock: MockClock
) -> None:
    """Keepalives are refused meanwhile; the block goes on, and renews its key when the clock is right."""
    exchange = by_the_calendar(dialect)
    timing = Timing(keepalive_every=600, jitter=0)
    async with open_listen_key(
        venue, credentials_for(venue), transport=MemoryTransport(exchange), timing=timing
    ) as key:
        await trio.sleep(580)
        system.ahead = TWO_HOURS
        await trio.sleep(WHILE)
        assert key.statistics().retries > 2, "it was refused"
        system.ahead = 0.0
        before = key.statistics().renewed
        await trio.sleep(1300)
        assert key.statistics().renewed >= before + 2
        assert key.value in exchange.open_keys(trio.current_time())


@every_signed_venue
async def test_at_the_first_opening_it_is_told(
    venue: Venue, dialect: Dialect, system: SystemClock, autojump_clock: MockClock
) -> None:
    """By how much, at once; and the next block of the same run goes by the clock that was set right."""
    exchange = by_the_calendar(dialect)
    ports = {"transport": MemoryTransport(exchange)}
    system.ahead = TWO_HOURS
    with pytest.raises(RefusedError, match=r"this machine's clock is 7(199|200|201) s fast"):
        async with open_listen_key(venue, credentials_for(venue), **ports):  # type: ignore[arg-type]
            raise AssertionError
    system.ahead = 0.0
    async with open_listen_key(venue, credentials_for(venue), **ports):  # type: ignore[arg-type]
        assert trio.current_time() < 1


async def test_a_session_stream_outlasts_it(system: SystemClock, autojump_clock: MockClock) -> None:
    """Its socket ends meanwhile, and no other is let in until the clock is right: nothing ends the block."""
    exchange = by_the_calendar(SPOT)
    async with open_user_stream(
        venues.BINANCE_SPOT, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange)
    ) as stream:
        await trio.sleep(10)
        exchange.emit("alice", trio.current_time())
        await trio.sleep(1)
        system.ahead = TWO_HOURS
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(WHILE)
        assert not stream.statistics().is_live
        system.ahead = 0.0
        await trio.sleep(61)
        assert stream.statistics().is_live
        exchange.emit("alice", trio.current_time())
        await trio.sleep(1)
        _, _, gap, event = await stream.receive_batch()
    assert isinstance(gap, Gap)
    assert isinstance(event, UserEvent)
    assert abs(gap.unix_ended_at - exchange.unix_time(gap.ended_at)) < 2


async def test_a_gap_goes_by_the_clock_that_was_set_right(system: SystemClock, autojump_clock: MockClock) -> None:
    """What was believed when the stream was opened is not kept."""
    exchange = by_the_calendar(USDM)
    system.ahead = TWO_HOURS
    async with open_user_stream(
        venues.BINANCE_USDM, ALICE, transport=MemoryTransport(exchange), connector=MemoryConnector(exchange)
    ) as stream:
        await trio.sleep(10)
        exchange.emit("alice", trio.current_time())
        await trio.sleep(1)
        system.ahead = 0.0
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(10)
        exchange.emit("alice", trio.current_time())
        await trio.sleep(1)
        _, _, gap, _ = await stream.receive_batch()
    assert isinstance(gap, Gap)
    assert abs(gap.unix_started_at - exchange.unix_time(gap.started_at)) < 2
    assert abs(gap.unix_ended_at - exchange.unix_time(gap.ended_at)) < 2
