"""``open_user_stream`` from the outside: how the block is entered, or not, and what it yields."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from stream_watch import ALICE, USDM, Connects, Watch, an_exchange, begin, what_is_left
from trio.testing import MockClock

from trio_listenkey import (
    CredentialsError,
    RateLimitedError,
    Timing,
    UnavailableError,
    UsageError,
    UserStream,
    open_user_stream,
    venues,
)
from trio_listenkey.connectors import SocketError
from trio_listenkey.testing import (
    Delay,
    Exchange,
    Fault,
    Hang,
    MemoryTransport,
    Reset,
    Status,
    api_error,
    banned,
    serve_exchange,
)
from trio_listenkey.transports import TransportError

REVOKED = api_error(401, -2015, "Invalid API-key, IP, or permissions for action.")


@pytest.fixture
def exchange() -> Exchange:
    return an_exchange()


@pytest.fixture
async def ports(exchange: Exchange, left: list[str]) -> AsyncIterator[dict[str, Any]]:
    """Arguments for a stream in memory. Whatever the test does: afterwards no key, no socket and no task is left."""
    yield {"transport": MemoryTransport(exchange), "connector": Connects(exchange)}
    left += await what_is_left(exchange)


@pytest.fixture
def left() -> Iterator[list[str]]:
    left: list[str] = []
    yield left
    assert left == []


# --- Entering


async def test_entered_with_an_open_socket(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """What happens from the block's first line on arrives."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        (socket,) = exchange.sockets(trio.current_time())
        assert socket.live_keys == 1
        assert stream.venue is USDM
        assert stream.key.value == exchange.key_of("alice", trio.current_time())
        watch = Watch(exchange)
        watch.emit(3)
        batch = [await stream.receive() for _ in range(4)]
    watch.items += batch
    watch.check()
    assert not watch.lost


async def test_entered_only_when_the_handshake_is_over(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """A handshake that takes its time is waited for."""
    exchange.add_faults(Fault(verb="connect", effect=Delay(7)))
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        assert trio.current_time() == 7
        assert stream.statistics().connected_since == 7


async def test_first_socket_is_tried_for_again(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """Hiccups on opening are no reason to fail, and no gap but the first: nothing was promised yet."""
    exchange.add_faults(Fault(verb="connect", effect=Status(503), nth=1, count=2))
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        statistics = stream.statistics()
    assert (statistics.failed_connects, statistics.connects, statistics.gaps) == (2, 1, 1)


@pytest.mark.parametrize(
    "effect", [Status(503), Hang(), Reset(), Status(429)], ids=["refused", "hangs", "reset", "too-many"]
)
async def test_no_socket_in_time(
    effect: Any, exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """No socket within ``open_timeout`` is an error, at that time and not later."""
    exchange.add_faults(Fault(verb="connect", effect=effect))
    with pytest.raises(UnavailableError, match="no socket") as caught:
        async with open_user_stream(USDM, ALICE, timing=Timing(open_timeout=25), **ports):
            raise AssertionError
    assert trio.current_time() == pytest.approx(25, abs=0.01)
    assert (caught.value.verb, caught.value.venue) == ("connect", "binance-usdm")
    assert caught.value.status == (effect.code if isinstance(effect, Status) else None)
    assert caught.value.__context__ is None


async def test_unreachable_streams_host(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """The error says what the last failure was; that there is no socket to wait for makes it no later."""
    ports["connector"].reachable = False
    with pytest.raises(UnavailableError, match="connection refused"):
        async with open_user_stream(USDM, ALICE, timing=Timing(open_timeout=25, suspend_check_every=60), **ports):
            raise AssertionError
    assert trio.current_time() == 25


async def test_no_key(exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Without a key there is no socket either; the error is the key's own, bare."""
    exchange.add_faults(Fault(verb="create", effect=REVOKED))
    with pytest.raises(CredentialsError) as caught:
        async with open_user_stream(USDM, ALICE, **ports):
            raise AssertionError
    assert caught.value.__context__ is None
    assert ports["connector"].made == []


async def test_key_refused_while_the_socket_is_tried_for(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """A key that fails before the first socket is open ends the opening with the key's error."""
    exchange.add_faults(Fault(verb="connect", effect=Hang()), Fault(verb="keepalive", effect=REVOKED))
    timing = Timing(open_timeout=60, keepalive_every=5, jitter=0)
    with pytest.raises(CredentialsError) as caught:
        async with open_user_stream(USDM, ALICE, timing=timing, **ports):
            raise AssertionError
    assert trio.current_time() == 5
    assert caught.value.__context__ is None


async def test_banned_on_opening(exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A ban that is longer than ``open_timeout`` is told at once."""
    exchange.ban(banned(3600), trio.current_time())
    with pytest.raises(RateLimitedError):
        async with open_user_stream(USDM, ALICE, **ports):
            raise AssertionError
    assert trio.current_time() == 0


@pytest.mark.parametrize("after", [0, 3], ids=["at-once", "later"])
async def test_cancelled_while_opening(
    after: float, exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """The cancellation goes on its way, and what was opened by then is closed, at once."""
    exchange.add_faults(Fault(verb="connect", effect=Hang()))
    with trio.move_on_after(after) as scope:
        async with open_user_stream(USDM, ALICE, **ports):
            raise AssertionError
    assert scope.cancelled_caught
    assert trio.current_time() == after
    assert len(exchange.keys_ever) == (1 if after else 0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"buffer": 0}, "buffer is 0"),
        ({"buffer": "many"}, "buffer is of type str"),
        ({"buffer_bytes": 0}, "buffer_bytes is 0"),
        ({"buffer_bytes": 1.5}, "buffer_bytes is of type float"),
        ({"on_full": "explode"}, "on_full is 'explode'"),
        ({"connector": "wss://"}, "connector is of type str"),
        ({"transport": object()}, "transport is of type object"),
        ({"on_exit": "flee"}, "on_exit is 'flee'"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_wrong_arguments_are_told_at_the_call(wrong: dict[str, Any], words: str) -> None:
    """Before anything is opened, and before there is a run."""
    with pytest.raises(UsageError, match=words):
        open_user_stream(USDM, ALICE, **wrong)


def test_made_before_the_run(exchange: Exchange) -> None:
    """A block may be made where no ``trio.run`` is, and entered later."""
    block = open_user_stream(
        USDM, ALICE, transport=MemoryTransport(exchange), connector=Connects(exchange), buffer=1, on_exit="close"
    )

    async def main() -> None:
        async with block as stream:
            assert stream.statistics().is_live

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert [entry.verb for entry in exchange.log] == ["create", "connect", "close"]


async def test_a_block_is_entered_once(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """Entering it again is an error of its own, and the key of the first time is closed all the same."""
    block = open_user_stream(USDM, ALICE, **ports)
    async with block:
        pass
    with pytest.raises(UsageError, match="entered before"):
        async with block:
            raise AssertionError


# --- Odds and ends


async def test_statistics_after_the_block(exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """They tell how it ended."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        exchange.emit("alice", trio.current_time())
        await stream.receive()
    statistics = stream.statistics()
    assert (statistics.state, statistics.is_live, statistics.events) == ("closed", False, 1)
    assert (statistics.connected_since, statistics.buffered, stream.key.statistics().closed) == (None, 0, True)
    assert repr(stream) == "<UserStream of binance-usdm, closed, 0 buffered>"


def test_statistics_after_the_run(exchange: Exchange) -> None:
    """They can be read when there is no run any more, as the key's can."""
    streams: list[UserStream] = []

    async def main() -> None:
        async with open_user_stream(
            USDM, ALICE, transport=MemoryTransport(exchange), connector=Connects(exchange)
        ) as stream:
            streams.append(stream)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert streams[0].statistics().state == "closed"


async def test_nothing_holds_on_to_a_stream(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """When it is over and let go of, it is gone."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        pass
    machine = weakref.ref(stream._machine)
    del stream
    gc.collect()
    assert machine() is None


async def test_default_connector_and_transport() -> None:
    """Without either it goes over real sockets; two streams share what may be shared."""
    exchange = an_exchange()
    timing = Timing(open_timeout=5, close_timeout=2)
    async with serve_exchange(exchange) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        watch, other = Watch(exchange), Watch(exchange)
        async with open_user_stream(venue, ALICE, timing=timing) as stream:
            async with open_user_stream(venue, ALICE, timing=timing) as second:
                numbers = exchange.emit("alice", served.now(), count=50)
                for each in (watch, other):
                    each.emitted.update(dict.fromkeys(numbers, 0.0))
                with trio.fail_after(5):
                    while len(watch.items) < 50:
                        watch.items += await stream.receive_batch()
                    while len(other.items) < 50:
                        other.items += await second.receive_batch()
            started = time.monotonic()
            with pytest.raises(trio.ClosedResourceError):
                await second.receive()
        assert time.monotonic() - started < 2.5
        watch.check()
        other.check()
        assert exchange.open_keys(served.now()) == ()


def test_socket_errors_are_transport_errors() -> None:
    """What a connector raises has the fields that the stream goes by."""
    error = SocketError("no", status=503, retry_after=2.0, code=1001)
    assert (error.status, error.retry_after, error.code, error.unsent) == (503, 2.0, 1001, False)
    assert isinstance(error, TransportError)
