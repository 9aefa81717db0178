"""Taking events: one by one or all at once, by one task or several, at leisure or too slowly; and stopping to."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trio
from stream_watch import ALICE, USDM, Connects, Watch, an_exchange, begin, number_of, what_is_left
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_listenkey import Gap, SlowConsumerError, Timing, UserEvent, UserStream, open_user_stream
from trio_listenkey.testing import USDM as USDM_DIALECT, Exchange, HalfOpen, MemoryTransport, Reset, serve_exchange

PROMPT = Timing(jitter=0)


@pytest.fixture
def exchange() -> Exchange:
    return an_exchange()


@pytest.fixture
def ports(exchange: Exchange) -> dict[str, Any]:
    return {"transport": MemoryTransport(exchange), "connector": Connects(exchange), "timing": PROMPT}


@pytest.fixture
def watch(exchange: Exchange) -> Watch:
    return Watch(exchange)


# --- Ways to take


async def test_one_by_one_or_all_at_once(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """``receive``, ``async for`` and ``receive_batch`` take from the same end, in order."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        watch.emit(10)
        watch.items.append(await stream.receive())
        async for item in stream:
            watch.items.append(item)
            if len(watch.items) == 4:
                break
        watch.items += await stream.receive_batch()
    assert watch.numbers == list(range(1, 11))


async def test_loop_may_be_left_and_entered_again(
    watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """``break`` and an exception out of the loop lose nothing but what was taken."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        watch.emit(6)
        async for item in stream:
            watch.items.append(item)
            break
        with pytest.raises(ZeroDivisionError):
            async for item in stream:
                watch.items.append(item)
                raise ZeroDivisionError
        await trio.sleep(100)
        watch.emit(2)
        while len(watch.items) < 8:
            watch.items += await stream.receive_batch()
    watch.check()
    assert not watch.lost


async def test_return_out_of_the_loop(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """To return out of both, the loop and the block, leaves nothing behind."""

    async def first() -> UserEvent | Gap:
        async with open_user_stream(USDM, ALICE, **ports) as stream:
            await begin(stream)
            watch.emit(2)
            async for item in stream:
                return item
        raise AssertionError

    assert number_of(await first()) == 1
    assert await what_is_left(watch.exchange) == []


async def test_cancelled_consumer_loses_nothing(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Cancelled in ``receive`` at the moment an event comes: either it was returned, or the next one gets it."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        for _ in range(20):
            for steps in range(12):
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(_cancel_after, scope, steps)
                        watch.emit()
                        watch.items.append(await stream.receive())
        with trio.move_on_after(1):
            await watch.take_from(stream)
    assert len(watch.emitted) == 240
    assert not watch.lost
    watch.check()


async def _cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_cancelled_scope_takes_nothing(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """With events waiting, a cancelled consumer is told so at once, and takes none."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        watch.emit(3)
        await wait_all_tasks_blocked()
        for take in (stream.receive, stream.__anext__, stream.receive_batch):
            with trio.CancelScope() as scope:
                scope.cancel()
                await take()
            assert scope.cancelled_caught
        assert len(await stream.receive_batch()) == 3


async def test_others_get_their_turn(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A consumer that always finds something does not keep other tasks from running."""
    ran_at: list[int] = []

    async def other() -> None:
        while True:
            ran_at.append(len(watch.items))
            await trio.lowlevel.checkpoint()

    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)
        watch.emit(1000)
        await wait_all_tasks_blocked()
        nursery.start_soon(other)
        while len(watch.items) < 1000:
            watch.items.append(await stream.receive())
        nursery.cancel_scope.cancel()
    # A step of the other one comes between any two full checkpoints, early or late in its round.
    assert len(set(ran_at)) >= 1000 // 128


async def test_several_consumers(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Each event goes to one of them, and none that waits is forgotten."""
    taken: dict[int, list[int]] = {0: [], 1: [], 2: []}

    async def take(who: int) -> None:
        async for item in stream:
            taken[who] += [number for number in [number_of(item)] if number]
            await trio.sleep(0.1)

    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)
        for who in taken:
            nursery.start_soon(take, who)
        await wait_all_tasks_blocked()
        watch.emit(60)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert sorted(itertools.chain(*taken.values())) == list(range(1, 61))
    assert all(numbers == sorted(numbers) and numbers for numbers in taken.values())


# --- The end


async def test_closed_in_another_task(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Who waits for an event when the stream is closed is told; the key lives on until the block is left."""
    errors: list[BaseException] = []

    async def take() -> None:
        try:
            await stream.receive()
        except trio.ClosedResourceError as error:
            errors.append(error)

    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await wait_all_tasks_blocked()
            await stream.aclose()
        await trio.sleep(10)
        assert watch.exchange.sockets(trio.current_time()) == ()
        assert len(watch.exchange.open_keys(trio.current_time())) == 1
        statistics = stream.statistics()
        assert (statistics.state, statistics.is_live) == ("closed", False)
        await stream.aclose()
    assert len(errors) == 1
    assert await what_is_left(watch.exchange) == []


async def test_closed_stream(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """What was not taken by then is forgotten, and every way to take says that it is closed; so it does after it."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        watch.emit(3)
        await wait_all_tasks_blocked()
        assert repr(stream) == "<UserStream of binance-usdm, live, 3 buffered>"
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.aclose()  # cancelled, it has closed all the same
        assert scope.cancelled_caught
        await _all_ways_are_closed(stream)
    await _all_ways_are_closed(stream)


async def _all_ways_are_closed(stream: UserStream) -> None:
    for take in (stream.receive, stream.__anext__, stream.receive_batch):
        with pytest.raises(trio.ClosedResourceError):
            await take()


async def test_consumer_that_outlives_the_block(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A task that still waits when the block is left is told so."""

    async def take(stream: UserStream) -> None:
        with pytest.raises(trio.ClosedResourceError):
            async for _ in stream:
                raise AssertionError

    async with trio.open_nursery() as nursery, open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        nursery.start_soon(take, stream)  # noqa: ASYNC111 - it outlives the stream: that is the point
        await wait_all_tasks_blocked()


async def test_taking_is_closed_to_ctrl_c(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Between an event that was taken and its return, and in the middle of closing, there is no Ctrl-C."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        seen: list[bool] = []

        def looking(then: Callable[[], None]) -> Callable[[], None]:
            def look_and_go_on() -> None:
                seen.append(trio.lowlevel.currently_ki_protected())
                then()

            return look_and_go_on

        stream._made_room, stream._sync = looking(stream._made_room), looking(stream._sync)
        exchange: Exchange = ports["connector"]._watched
        for take in (stream.receive, stream.__anext__, stream.receive_batch):
            exchange.emit("alice", trio.current_time())
            await take()
        stream.statistics()
        await stream.aclose()
        assert not trio.lowlevel.currently_ki_protected()
    assert seen == [True] * 5


# --- Too slowly


async def test_waiting_bounds_memory(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """What is too much for the buffer stops the reading until there is room; then the rest comes."""
    async with open_user_stream(USDM, ALICE, buffer=10, **ports) as stream:
        await begin(stream)
        for _ in range(50):
            watch.emit()
            await trio.sleep(0.01)
        assert stream.statistics().buffered == 11
        await trio.sleep(100)
        assert stream.statistics().buffered == 11
        watch.items.append(await stream.receive())
        await wait_all_tasks_blocked()
        assert stream.statistics().buffered == 49
        while len(watch.items) < 50:
            watch.items += await stream.receive_batch()
    watch.check()
    assert not watch.lost


async def test_a_full_buffer_does_not_cost_the_heartbeat() -> None:
    """Over a real socket, of an exchange that wants its pings answered: a reader without room still answers them."""
    rules = replace(USDM_DIALECT.stream, ping_every=0.5, pong_within=2.0)
    exchange = an_exchange(dialects=[replace(USDM_DIALECT, stream=rules)])
    async with (
        serve_exchange(exchange) as served,
        open_user_stream(served.venue_at(USDM), ALICE, buffer=4) as stream,
    ):
        await begin(stream)
        for _ in range(4):
            exchange.emit("alice", served.now())
        await trio.sleep(4)
        items = list(await stream.receive_batch())
        exchange.emit("alice", served.now())
        items.append(await stream.receive())
    assert [type(item) for item in items] == [UserEvent] * 5


async def test_buffer_of_one(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """The smallest buffer works."""
    async with open_user_stream(USDM, ALICE, buffer=1, **ports) as stream:
        await begin(stream)
        for _ in range(5):
            watch.emit()
            await trio.sleep(0.01)
            watch.items.append(await stream.receive())
    assert watch.numbers == [1, 2, 3, 4, 5]


async def test_waiting_is_no_silence(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """While nobody reads pongs are not seen, and the peer is not taken for a dead one: not then, and not after."""
    async with open_user_stream(USDM, ALICE, buffer=2, **ports) as stream:
        await begin(stream)
        for _ in range(4):
            watch.emit()
            await trio.sleep(0.01)
        await trio.sleep(300)
        with trio.fail_after(1):
            while len(watch.items) < 4:
                watch.items.append(await stream.receive())
        await trio.sleep(100)
        statistics = stream.statistics()
    assert not watch.gaps
    assert (statistics.disconnects, statistics.is_live) == (0, True)
    assert statistics.last_frame_at is not None
    assert statistics.last_frame_at >= 380


async def test_reading_again_is_watched_again(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Once there is room, a peer that does not answer is a dead one again, and noticed as soon as ever."""
    async with open_user_stream(USDM, ALICE, buffer=2, **ports) as stream:
        await begin(stream)
        for _ in range(4):
            watch.emit()
            await trio.sleep(0.01)
        await trio.sleep(300)
        with trio.fail_after(1):
            while len(watch.items) < 4:
                watch.items.append(await stream.receive())
        await trio.sleep(1)
        watch.exchange.strike_sockets(HalfOpen(), trio.current_time())
        with trio.fail_after(2 * PROMPT.ping_every + PROMPT.retry_base):
            gap = await stream.receive()
    assert isinstance(gap, Gap)
    assert gap.cause == "unresponsive"


async def test_stopping_while_the_reader_waits(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A full buffer is no reason to stay."""
    async with open_user_stream(USDM, ALICE, buffer=1, **ports):
        for _ in range(3):
            watch.emit()
            await trio.sleep(1)
    assert trio.current_time() <= 3.5
    assert await what_is_left(watch.exchange) == []


async def test_socket_that_ends_while_its_reader_waits(
    watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """What had come is delivered first, then the gap, then what comes on the next socket."""
    async with open_user_stream(USDM, ALICE, buffer=2, **ports) as stream:
        await begin(stream)
        for _ in range(4):
            watch.emit()
            await trio.sleep(0.01)
        watch.exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(100)
        with trio.move_on_after(10):
            await watch.take_from(stream)
        watch.emit()
        watch.items.append(await stream.receive())
    watch.check()
    assert [type(item) is Gap for item in watch.items][-2:] == [True, False]


@pytest.mark.parametrize(("on_full", "kept"), [("drop_oldest", range(42, 51)), ("drop_newest", range(1, 11))])
async def test_dropping(
    on_full: Any, kept: range, watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """What has no room is told as a gap where it is missing; the reading goes on."""
    async with open_user_stream(USDM, ALICE, buffer=10, on_full=on_full, **ports) as stream:
        await begin(stream)
        for _ in range(50):
            watch.emit()
            await trio.sleep(0.01)
        statistics = stream.statistics()
        watch.items += await stream.receive_batch()
        watch.emit()
        watch.items.append(await stream.receive())
    watch.check()
    assert watch.numbers == [*kept, 51]
    (gap,) = watch.gaps
    assert (gap.cause, gap.missed) == ("overflow", 50 - len(kept))
    assert (statistics.dropped, statistics.gaps, statistics.is_live) == (50 - len(kept), 2, True)


async def test_gap_says_what_was_taken_last(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """The event before the gap is the last one of a batch, though a gap came after it there."""
    async with open_user_stream(USDM, ALICE, buffer=4, on_full="drop_oldest", **ports) as stream:
        await begin(stream)
        watch.emit()
        await trio.sleep(1)
        watch.exchange.strike_sockets(Reset(), trio.current_time())
        await trio.sleep(10)
        first, gap = await stream.receive_batch()
        assert isinstance(first, UserEvent)
        assert isinstance(gap, Gap)
        watch.emit(6)
        await trio.sleep(1)
        overflow = await stream.receive()
    assert isinstance(overflow, Gap)
    assert (overflow.cause, overflow.last_event_time) == ("overflow", first.time)


async def test_failing(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """What there was room for can be taken; then the error, again and again, bare; the sockets are closed."""
    async with open_user_stream(USDM, ALICE, buffer=10, on_full="fail", **ports) as stream:
        await begin(stream)
        for _ in range(20):
            watch.emit()
            await trio.sleep(0.01)
        assert not stream.statistics().is_live
        with pytest.raises(SlowConsumerError) as caught:
            await watch.take_from(stream)
        for take in (stream.receive, stream.receive_batch):
            with pytest.raises(SlowConsumerError):
                await take()
        await trio.sleep(5)
        assert watch.exchange.sockets(trio.current_time()) == ()
    assert caught.value.venue == "binance-usdm"
    assert len(watch.numbers) == 11
    assert await what_is_left(watch.exchange) == []


async def test_failing_out_of_the_block(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A consumer too slow by then waits in vain for a stream that has failed; the error leaves the block as it is."""
    with pytest.raises(SlowConsumerError) as caught:
        async with open_user_stream(USDM, ALICE, buffer=1, on_full="fail", **ports) as stream:
            await begin(stream)
            watch.emit(5)
            await watch.take_from(stream, pause=1)
    assert caught.value.__context__ is None
    assert trio.current_time() <= 6
    assert await what_is_left(watch.exchange) == []
