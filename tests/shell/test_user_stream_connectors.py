"""A stream on a connector that keeps its contract in no way: nothing raises, nothing hangs, nothing spins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pytest
import trio
from stream_watch import ALICE, USDM, an_exchange, begin, our_tasks
from trio.testing import MockClock

from trio_listenkey import Gap, Timing, UnavailableError, UserStream, open_user_stream
from trio_listenkey.connectors import SocketError
from trio_listenkey.testing import Exchange, MemoryTransport

TIMING = Timing(jitter=0, open_timeout=25, connect_timeout=4, ping_every=10)


async def _nothing() -> None:
    await trio.lowlevel.checkpoint()


async def _forever(*_: object) -> Any:
    await trio.sleep_forever()


def _raising(error: BaseException) -> Callable[..., Awaitable[Any]]:
    async def fail(*_: object) -> Any:
        await trio.lowlevel.checkpoint()
        raise error

    return fail


async def _nothing_received() -> list[bytes]:
    return []


@dataclass
class Scripted:
    """A connector of which each step can be anything."""

    enter: Callable[[], Awaitable[Any]] = _nothing
    leave: Callable[[], Awaitable[Any]] = _nothing
    receive: Callable[[], Awaitable[Sequence[bytes]]] = _forever
    ping: Callable[[], Awaitable[Any]] = _nothing
    entered: int = 0
    left: int = 0

    def connect(self, url: str) -> Scripted:
        self.entered += 1
        return self

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.left += 1
        await self.leave()  # noqa: ASYNC102 - its caller sets the limit


@pytest.fixture
def exchange() -> Exchange:
    return an_exchange()


def a_stream(exchange: Exchange, connector: Any, **options: Any) -> Any:
    return open_user_stream(
        USDM, ALICE, transport=MemoryTransport(exchange), connector=connector, **{"timing": TIMING, **options}
    )


class Uncallable:
    """It has the method, and that is all."""

    connect = None


class Unlocked:
    """What it returns is no context manager."""

    def connect(self, url: str) -> object:
        return object()


@pytest.mark.parametrize(
    ("connector", "words"),
    [
        (Scripted(enter=_raising(ValueError("secret"))), "raised ValueError at .*test_user_stream_connectors.py:"),
        (Scripted(enter=_raising(ExceptionGroup("secret", [OSError()]))), "raised ExceptionGroup at"),
        (Scripted(enter=_raising(SocketError("no way", status=503))), "no way"),
        (Scripted(enter=_forever), "no connection within 4 s"),
        (Uncallable(), "raised TypeError at"),
        (Unlocked(), "raised TypeError at"),
    ],
    ids=["raises", "group", "socket-error", "hangs", "uncallable", "no-context"],
)
async def test_cannot_connect(connector: Any, words: str, exchange: Exchange, autojump_clock: MockClock) -> None:
    """Opening fails in time, says why without the foreign words, and leaves nothing."""
    with pytest.raises(UnavailableError, match=words) as caught:
        async with a_stream(exchange, connector):
            raise AssertionError
    assert "secret" not in str(caught.value)
    assert trio.current_time() == 25
    assert exchange.open_keys(25) == ()
    assert our_tasks() == []


@pytest.mark.parametrize(
    ("connector", "cause"),
    [
        (Scripted(receive=_raising(ValueError("secret"))), "disconnected"),
        (Scripted(receive=_raising(SocketError("over"))), "disconnected"),
        (Scripted(receive=_raising(SocketError("over")), leave=_forever), "disconnected"),
        (Scripted(receive=_raising(SocketError("over")), leave=_raising(ValueError("secret"))), "disconnected"),
        (Scripted(receive=_nothing_received), "disconnected"),
        (Scripted(ping=_raising(ValueError("secret"))), "unresponsive"),
        (Scripted(ping=_forever), "unresponsive"),
        (Scripted(ping=_forever, leave=_forever), "unresponsive"),
    ],
    ids=[
        "receive-raises",
        "socket-ends",
        "leaving-hangs",
        "leaving-raises",
        "receives-nothing",
        "ping-raises",
        "ping-hangs",
        "ping-and-leaving-hang",
    ],
)
async def test_cannot_stay(
    connector: Scripted, cause: str, exchange: Exchange, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each socket ends in a gap and is followed by another, further and further apart."""
    async with a_stream(exchange, connector) as stream:
        await begin(stream)
        with trio.fail_after(3 * TIMING.ping_every + TIMING.retry_base):
            gap = await stream.receive()
        assert isinstance(gap, Gap)
        assert gap.cause == cause
        await trio.sleep(300)
        assert 3 < connector.entered < 60
        assert connector.entered - connector.left <= 1
        left_at = trio.current_time()
    assert trio.current_time() - left_at <= 0.5
    assert connector.entered == connector.left
    assert exchange.open_keys(trio.current_time()) == ()
    assert our_tasks() == []
    assert "secret" not in caplog.text


@pytest.mark.parametrize("leave", [_forever, _raising(ValueError("secret"))], ids=["hangs", "raises"])
async def test_cannot_leave(leave: Any, exchange: Exchange, autojump_clock: MockClock) -> None:
    """A goodbye takes half a second at most, and what it raises is nobody's business."""
    connector = Scripted(leave=leave)
    async with a_stream(exchange, connector):
        pass
    assert trio.current_time() <= 0.5
    assert exchange.open_keys(trio.current_time()) == ()
    assert our_tasks() == []


async def test_socket_that_just_ends(
    exchange: Exchange, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A connector that ends its block without a word has lost its socket all the same."""

    class Ends(Scripted):
        async def __aenter__(self) -> Self:
            self.scope = trio.CancelScope(deadline=trio.current_time() + 5).__enter__()
            return self

        async def __aexit__(self, *exc_info: Any) -> Any:  # noqa: PYI036 - as they come
            return self.scope.__exit__(*exc_info)

    async with a_stream(exchange, Ends()) as stream:
        await begin(stream)
        gap = await stream.receive()
    assert isinstance(gap, Gap)
    assert (gap.cause, trio.current_time() < 7) == ("disconnected", True)
    assert "socket lost: closed" in caplog.text


async def test_exit_of_the_process(exchange: Exchange, autojump_clock: MockClock) -> None:
    """What is no ordinary exception ends the block, bare, and the key is closed."""
    connector = Scripted(receive=_raising(SystemExit(3)))
    with pytest.raises(SystemExit):
        async with a_stream(exchange, connector):
            await trio.sleep_forever()
    assert exchange.open_keys(trio.current_time()) == ()
    assert our_tasks() == []


async def test_all_that_we_do_is_closed_to_ctrl_c(exchange: Exchange, autojump_clock: MockClock) -> None:
    """Whatever a connector is asked, it is asked where Ctrl-C cannot come between two lines of ours."""
    seen: dict[str, bool] = {}

    def look(step: str, then: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        async def step_and_look() -> Any:
            seen[step] = trio.lowlevel.currently_ki_protected()
            return await then()

        return step_and_look

    connector = Scripted(
        enter=look("enter", _nothing),
        leave=look("leave", _nothing),
        receive=look("receive", _forever),
        ping=look("ping", _nothing),
    )
    async with a_stream(exchange, connector):
        assert not trio.lowlevel.currently_ki_protected()
        await trio.sleep(15)
    assert seen == dict.fromkeys(("enter", "receive", "ping", "leave"), True)


async def test_pings_are_as_far_apart_as_they_should(exchange: Exchange, autojump_clock: MockClock) -> None:
    """The first one comes an interval after the socket was opened."""
    pinged_at: list[float] = []

    async def ping() -> None:
        pinged_at.append(trio.current_time())
        await trio.sleep(1)

    async with a_stream(exchange, Scripted(ping=ping)):
        await trio.sleep(35)
    assert pinged_at == [10, 20, 30]


async def test_peer_that_does_not_read(exchange: Exchange, autojump_clock: MockClock) -> None:
    """Leaving takes no longer than a goodbye may, and then the close."""
    connector = Scripted(ping=_forever, leave=_forever)
    async with a_stream(exchange, connector):
        await trio.sleep(12)
        left_at = trio.current_time()
    assert trio.current_time() - left_at == pytest.approx(0.5)


async def test_messages_that_are_no_events(exchange: Exchange, autojump_clock: MockClock) -> None:
    """What is no JSON is delivered as it came: it is not ours to judge."""
    batches = [[b"\xff\x00", b"[]"], [b"{"]]

    async def receive() -> Sequence[bytes]:
        await trio.lowlevel.checkpoint()
        if not batches:
            await trio.sleep_forever()
        return batches.pop(0)

    taken: list[Any] = []
    async with a_stream(exchange, Scripted(receive=receive)) as stream:
        await begin(stream)
        assert isinstance(stream, UserStream)
        with trio.move_on_after(1):
            while True:
                taken += await stream.receive_batch()
    assert [item.raw for item in taken] == [b"\xff\x00", b"[]", b"{"]
