"""A stream begins with a gap (S9), and goes on where an earlier one ended."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from stream_watch import ALICE, PROMPT, USDM, Connects, Diary, Watch, an_exchange
from trio.testing import MockClock

from trio_listenkey import Gap, UnavailableError, UsageError, UserEvent, open_user_stream
from trio_listenkey.testing import Exchange, Fault, MemoryTransport, Reset, Status, serve_exchange


@pytest.fixture
def exchange() -> Exchange:
    return an_exchange(epoch=time.time())  # virtual time begins at 0


@pytest.fixture
def ports(exchange: Exchange) -> dict[str, Any]:
    return {"transport": MemoryTransport(exchange), "connector": Connects(exchange), "timing": PROMPT}


async def first_item(stream: Any) -> Gap:
    item = await stream.receive()
    assert isinstance(item, Gap)
    assert item.cause == "opened"
    return item


async def test_it_is_there_at_once(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Nobody has to wait for an event, or for trouble, to fetch the state."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        entered_at = trio.current_time()
        gap = await first_item(stream)
        assert trio.current_time() == entered_at
        assert gap.ended_at == pytest.approx(entered_at + PROMPT.feed_lag)
        assert stream.statistics().gaps == 1
        assert stream.last_event_time is None


async def test_its_figures_are_fit_for_use(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """They can be printed, calculated with, and sent as JSON."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        gap = await first_item(stream)
    assert datetime.fromtimestamp(gap.unix_started_at, UTC).year == 1970
    assert json.loads(json.dumps([gap.started_at, gap.duration])) == [gap.started_at, gap.duration]
    assert gap.duration == pytest.approx(time.time(), abs=60)


async def test_it_waits_for_the_first_socket(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """What happens while handshakes fail is in it."""
    exchange.add_faults(Fault(verb="connect", effect=Status(503), count=3))
    watch = Watch(exchange)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.emit_every, 0.1)
        async with open_user_stream(USDM, ALICE, **ports) as stream:
            with trio.move_on_after(10):
                await watch.take_from(stream)
            assert stream.statistics().failed_connects == 3
        nursery.cancel_scope.cancel()
    assert isinstance(watch.items[0], Gap)
    assert min(watch.numbers) > 1
    watch.check()


async def test_a_stream_that_cannot_be_opened_has_none(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """It raises, and observers have heard of no gap."""
    exchange.add_faults(Fault(verb="connect", effect=Status(503)))
    diary = Diary()
    with pytest.raises(UnavailableError):
        async with open_user_stream(USDM, ALICE, instrument=diary, **ports):
            raise AssertionError
    assert diary.times("dropped")
    assert not diary.times("opened")


async def test_the_next_stream_goes_on_where_this_one_ended(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """What happens between the two, and what was not taken, is in the gap, by both clocks (S10)."""
    watch = Watch(exchange)
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        watch.items.append(await first_item(stream))
        watch.emit(3)
        watch.items += [await stream.receive() for _ in range(2)]
        last = watch.items[-1]
        await trio.sleep(100)
        exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(10)
    assert isinstance(last, UserEvent)
    assert stream.last_event_time == last.time
    await trio.sleep(50)
    watch.emit(5)
    await trio.sleep(50)
    async with open_user_stream(USDM, ALICE, since=stream.last_event_time, **ports) as stream:
        gap = await first_item(stream)
        assert stream.last_event_time == last.time
        watch.emit()
        event = await stream.receive()
    assert isinstance(event, UserEvent)
    assert gap.last_event_time == last.time
    assert watch.numbers == [1, 2]
    missed = [when for number, when in watch.emitted.items() if 2 < number < 9]
    assert len(missed) == 6
    assert all(gap.started_at <= when <= gap.ended_at for when in missed)
    assert gap.duration < 300
    assert stream.last_event_time == event.time


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (1_795_000_000, "since is 1.795e\\+09"),  # in seconds
        (1_795_000_000_000_000, "since is 1.795e\\+15"),  # in microseconds
        (1_795_000_000_000.0, "since is 1.795e\\+12"),
        (-1, "since is -1"),
        (0, "since is 0"),
        (True, "since is 1"),
        (float("nan"), "since is"),
        (10**30, "since is of type int"),
        ("2026-11-29", "since is of type str"),
        (datetime(2026, 11, 29, tzinfo=UTC), "since is of type datetime"),
    ],
)
def test_a_wrong_since_is_told_at_the_call(since: Any, told: str) -> None:
    """With another unit than milliseconds the gap would be wrong, and nobody would see it."""
    with pytest.raises(UsageError, match=f"{told}.*UserStream.last_event_time"):
        open_user_stream(USDM, ALICE, since=since)


async def test_over_real_sockets() -> None:
    """What happened before the block was entered is in the first gap; what happens then, comes."""
    exchange = an_exchange()
    async with serve_exchange(exchange, tls=False) as served:
        exchange.emit("alice", served.now())
        async with open_user_stream(served.venue_at(USDM), ALICE) as stream:
            exchange.emit("alice", served.now())
            with trio.fail_after(10):
                gap = await first_item(stream)
                event = await stream.receive()
        assert isinstance(event, UserEvent)
        assert event.time is not None
        assert gap.unix_ended_at >= gap.unix_started_at == 0
