"""Who reads the socket: a consumer that waits, or the socket's own task; and that nothing depends on which."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trio
from stream_watch import ALICE, USDM, Connects, Watch, an_exchange, begin
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_listenkey import Timing, UserEvent, open_user_stream
from trio_listenkey._shell._standby import AWAY
from trio_listenkey.connectors import Connection
from trio_listenkey.testing import Exchange, MemoryTransport

PROMPT = Timing(jitter=0)
SOCKET_TASK = "user stream socket"


@pytest.fixture
def exchange() -> Exchange:
    return an_exchange()


@pytest.fixture
def ports(exchange: Exchange) -> dict[str, Any]:
    return {"transport": MemoryTransport(exchange), "connector": Connects(exchange), "timing": PROMPT}


@pytest.fixture
def watch(exchange: Exchange) -> Watch:
    return Watch(exchange)


class Steps(trio.abc.Instrument):
    """Counts the steps of the sockets' tasks."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += SOCKET_TASK in task.name


async def take(watch: Watch, stream: trio.abc.ReceiveChannel[Any], count: int = 1) -> None:
    for _ in range(count):
        watch.items.append(await stream.receive())


async def test_a_waiting_consumer_reads_by_itself(
    watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """From the second event on, the socket's task is not scheduled: not for events, and not while there are none."""
    steps = Steps()
    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)
        nursery.start_soon(watch.take_from, stream)
        await wait_all_tasks_blocked()
        for _ in range(2):  # the first one is read by the socket's task, which steps back; the second starts the timer
            watch.emit()
            await trio.sleep(0.001)
        trio.lowlevel.add_instrument(steps)
        for _ in range(10):
            watch.emit()
            await trio.sleep(AWAY / 20)
        assert steps.count == 0
        await trio.sleep(2 * AWAY)  # once more the timer is over, and finds that somebody reads
        steps.count = 0
        await trio.sleep(100)  # in which pings are sent, and their answers read
        assert steps.count == 0
        assert stream.statistics().is_live
        trio.lowlevel.remove_instrument(steps)
        nursery.cancel_scope.cancel()
    watch.check()
    assert len(watch.numbers) == 12


async def test_a_consumer_that_is_away_is_replaced(
    watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """Within twice the time: what comes while it is busy is read, stays in order, and is taken later."""
    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)
        for _ in range(3):
            nursery.start_soon(take, watch, stream, 2)
            await wait_all_tasks_blocked()
            for _ in range(2):
                await trio.sleep(1)  # in which nothing comes, so that no timer runs
                watch.emit()
                await wait_all_tasks_blocked()
            watch.emit(3)
            emitted_at = trio.current_time()
            await trio.sleep(2 * AWAY + 0.001)
            assert stream.statistics().buffered == 3
            await trio.sleep(100)
            assert stream.statistics().is_live
            await take(watch, stream, 3)
            late = watch.items[-1]
            assert isinstance(late, UserEvent)
            assert late.received_at - emitted_at < 2 * AWAY + 0.001
    watch.check()
    assert not watch.lost


async def test_a_cancelled_read_is_taken_over_at_once(
    watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """A consumer that has gone will not come back: no time is lost by waiting for it."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        for _ in range(3):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch.take_from, stream)
                for _ in range(3):
                    await wait_all_tasks_blocked()
                    watch.emit()
                await wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            watch.emit()
            await wait_all_tasks_blocked()
            assert stream.statistics().buffered == 1
            await take(watch, stream)
    watch.check()
    assert not watch.lost


async def test_several_consumers_wait_for_nobody(
    watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """Whoever is away after an event holds up none of the others."""
    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)
        for _ in range(3):
            nursery.start_soon(lambda: watch.take_from(stream, pause=1000))
            await wait_all_tasks_blocked()
        for number in range(1, 4):
            watch.emit()
            await trio.sleep(2 * AWAY + 0.001)
            assert watch.numbers == list(range(1, number + 1))
        nursery.cancel_scope.cancel()


async def test_closing_ends_a_read(watch: Watch, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """``aclose`` is heard at once by whoever reads."""
    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)

        async def take_until_closed() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await watch.take_from(stream)

        nursery.start_soon(take_until_closed)
        for _ in range(3):
            await wait_all_tasks_blocked()
            watch.emit()
        await wait_all_tasks_blocked()
        closed_at = trio.current_time()
        await stream.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive()
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 0
        assert trio.current_time() == closed_at


class Broken(Connects):
    """Its connections break the contract: ``receive_only`` raises."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self.broken = 0

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        return self._connect(super().connect(url))

    @asynccontextmanager
    async def _connect(self, opening: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
        async with opening as connection:
            yield BrokenConnection(connection, self)


class BrokenConnection:
    def __init__(self, connection: Connection, connector: Broken) -> None:
        self.receive, self.send, self.ping = connection.receive, connection.send, connection.ping
        self._connector = connector

    async def receive_only(self) -> Sequence[bytes]:
        await trio.lowlevel.checkpoint()
        self._connector.broken += 1
        raise ZeroDivisionError

    def interrupt(self) -> None:
        raise AssertionError("nobody reads")


async def test_a_read_that_fails_is_the_tasks_to_mend(
    exchange: Exchange, watch: Watch, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """The user's loop hears of nothing, and no event is lost."""
    ports["connector"] = connector = Broken(exchange)
    async with open_user_stream(USDM, ALICE, **ports) as stream, trio.open_nursery() as nursery:
        await begin(stream)
        nursery.start_soon(watch.take_from, stream)
        for _ in range(5):
            await wait_all_tasks_blocked()
            watch.emit()
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert connector.broken == 5
    assert watch.numbers == [1, 2, 3, 4, 5]
