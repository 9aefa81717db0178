"""How a stream's block is left, what it ends with, and what is told of it meanwhile."""

from __future__ import annotations

import logging
import signal
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from stream_watch import ALICE, PROMPT, USDM, Connects, Diary, Watch, an_exchange, begin, what_is_left
from trio.testing import MockClock

from trio_listenkey import (
    CredentialsError,
    Gap,
    Instrument,
    UserStream,
    open_user_stream,
)
from trio_listenkey.testing import (
    Delay,
    Exchange,
    Fault,
    HalfOpen,
    Hang,
    MemoryTransport,
    Reset,
    Status,
    api_error,
)

REVOKED = api_error(401, -2015, "Invalid API-key, IP, or permissions for action.")


class BodyError(Exception):
    """What a block raises."""


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


# --- Leaving


async def test_left_with_nothing_left_behind(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """First the socket says goodbye, then the key is closed; neither takes time."""
    async with open_user_stream(USDM, ALICE, **ports) as stream:
        await begin(stream)
        await trio.sleep(100)
    assert trio.current_time() == 100
    assert exchange.open_keys(100) == ()
    assert exchange.log[-1].verb == "close"
    assert stream.key.statistics().closed is True
    await trio.testing.wait_all_tasks_blocked()
    assert exchange.sockets(trio.current_time()) == ()


async def test_key_may_be_left_open(exchange: Exchange, autojump_clock: MockClock) -> None:
    """``on_exit="leave"`` is passed on: the key is not closed."""
    async with open_user_stream(
        USDM, ALICE, transport=MemoryTransport(exchange), connector=Connects(exchange), on_exit="leave"
    ):
        pass
    assert len(exchange.open_keys(trio.current_time())) == 1


async def test_body_exception_arrives_as_it_was(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """The same object, with its own context and with no frame of ours in its traceback."""
    error = BodyError()
    with pytest.raises(BodyError) as caught:
        async with open_user_stream(USDM, ALICE, **ports):
            try:
                raise LookupError
            except LookupError as context:
                the_context = context
                raise error  # noqa: B904 - an implicit context is what is looked at
    assert caught.value is error
    assert error.__context__ is the_context
    assert not hasattr(error, "__notes__")
    assert {frame.filename for frame in traceback.extract_tb(error.__traceback__)} == {__file__}


async def test_body_group_arrives_as_it_was(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A group of the block's own is not rebuilt."""
    group = ExceptionGroup("the block's own", [BodyError()])
    raised: BaseException | None = None
    try:
        async with open_user_stream(USDM, ALICE, **ports):
            raise group
    except ExceptionGroup as error:
        raised = error
    assert raised is group


async def test_failed_key_cancels_the_body(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """A key that is refused for good arrives as one bare error, even from within the loop over the events."""
    exchange.add_faults(Fault(verb="keepalive", effect=REVOKED))
    with pytest.raises(CredentialsError) as caught:
        async with open_user_stream(USDM, ALICE, timing=PROMPT, **ports) as stream:
            await begin(stream)
            async for _ in stream:
                raise AssertionError
    assert caught.value.__context__ is None
    assert caught.value.verb == "keepalive"
    # The silence check came before the keepalive.
    assert trio.current_time() == PROMPT.silence_check_every


async def test_body_error_wins_over_a_failed_key(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """If both happen, the block's error arrives, with a note."""
    exchange.add_faults(Fault(verb="keepalive", effect=REVOKED))
    with pytest.raises(BodyError) as caught:
        async with open_user_stream(USDM, ALICE, **ports):
            try:
                await trio.sleep_forever()
            finally:
                raise BodyError
    assert "Besides, the listen key failed" in caught.value.__notes__[0]


async def test_stream_goes_on_while_the_block_cleans_up(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """Cancelled from outside, the block still sees what its own cleanup brings about, even across a lost socket."""
    watch = Watch(exchange)
    with trio.move_on_after(100) as scope:
        async with open_user_stream(USDM, ALICE, timing=PROMPT, **ports) as stream:
            await begin(stream)
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    watch.emit()
                    watch.items.append(await stream.receive())
                    exchange.strike_sockets(Reset(), trio.current_time())
                    watch.items.append(await stream.receive())
                    watch.emit()
                    watch.items.append(await stream.receive())
    assert scope.cancelled_caught
    watch.check()
    assert [type(item) is Gap for item in watch.items] == [False, True, False]


async def test_cancelled_block_is_left_at_once(ports: dict[str, Any], autojump_clock: MockClock) -> None:
    """A block that does nothing about its cancellation takes no time to leave."""
    with trio.move_on_after(100) as scope:
        async with open_user_stream(USDM, ALICE, **ports) as stream:
            await begin(stream)
            async for _ in stream:
                raise AssertionError
    assert scope.cancelled_caught
    assert trio.current_time() == 100


@pytest.mark.parametrize("strikes", ["PUT", "handshake", "half-open", "PUT and handshake"])
async def test_leaving_is_bounded_while_things_hang(
    strikes: str, exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """What hangs is not waited for: the key is closed within no time, where the exchange answers that."""
    async with open_user_stream(USDM, ALICE, timing=PROMPT, **ports) as stream:
        await begin(stream)
        exchange.add_faults(Fault(verb="keepalive", effect=Hang()), Fault(verb="connect", effect=Hang()))
        if "PUT" in strikes:
            await trio.sleep(65)  # the silence check hangs
        if strikes == "half-open":
            exchange.strike_sockets(HalfOpen(), trio.current_time())
        if "handshake" in strikes:
            exchange.strike_sockets(Reset(), trio.current_time())
            await trio.sleep(6)
            assert stream.statistics().state == "connecting"
        left_at = trio.current_time()
    assert trio.current_time() - left_at <= 0.5 + PROMPT.request_timeout
    assert trio.current_time() - left_at <= PROMPT.close_timeout + 0.5


@pytest.mark.parametrize("verb", ["keepalive", "create"])
async def test_answer_that_comes_while_leaving(
    verb: Any, exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """A key that is confirmed, or made, when the block is over already opens no socket any more, and is closed."""
    async with open_user_stream(USDM, ALICE, timing=PROMPT, **ports):
        exchange.add_faults(Fault(verb=verb, effect=Delay(3)))
        if verb == "create":
            exchange.kill_key("alice", trio.current_time())
        await trio.sleep(61)
    assert len(ports["connector"].made) == 1


async def test_leaving_is_bounded_while_the_close_hangs(exchange: Exchange, autojump_clock: MockClock) -> None:
    """The key may be left behind then, and that is told, not raised."""
    transport, connector = MemoryTransport(exchange), Connects(exchange)
    exchange.add_faults(Fault(verb="close", effect=Hang()))
    async with open_user_stream(USDM, ALICE, timing=PROMPT, transport=transport, connector=connector) as stream:
        await begin(stream)
        await trio.sleep(10)
        left_at = trio.current_time()
    assert trio.current_time() - left_at <= PROMPT.close_timeout + 0.5
    assert stream.key.statistics().closed is False


@pytest.mark.filterwarnings("ignore::trio.TrioDeprecationWarning")
@pytest.mark.parametrize("strict", [True, False])
def test_ctrl_c_while_leaving(strict: bool, exchange: Exchange) -> None:
    """It arrives bare and the key is closed, however the run groups exceptions."""
    transport = MemoryTransport(exchange)
    stubborn = Stubborn(exchange)

    async def main() -> None:
        async with open_user_stream(USDM, ALICE, transport=transport, connector=stubborn, timing=PROMPT):
            pass

    with pytest.raises(KeyboardInterrupt):
        trio.run(main, clock=MockClock(autojump_threshold=0), strict_exception_groups=strict)
    assert exchange.log[-1].verb == "close"


class Stubborn(Connects):
    """Its goodbye takes a moment, in which somebody presses Ctrl-C."""

    def connect(self, url: str) -> Any:
        return _Stubborn(super().connect(url))


class _Stubborn:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aenter__(self) -> Any:
        return await self._inner.__aenter__()

    async def __aexit__(self, *exc_info: object) -> None:
        signal.raise_signal(signal.SIGINT)
        await trio.sleep(0.2)  # noqa: ASYNC102 - its caller sets the limit
        await self._inner.__aexit__(*exc_info)  # noqa: ASYNC102


# --- What observers see


class Broken(Instrument):
    """Raises something at the first thing that it is told of a stream."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.calls = error, 0

    def connected(self, venue: str, generation: int) -> None:
        self.calls += 1
        raise self.error


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)], ids=["error", "exit"])
async def test_broken_instrument(
    error: BaseException,
    exchange: Exchange,
    ports: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    autojump_clock: MockClock,
) -> None:
    """It is logged and not called again, whatever it raises; the stream does not notice."""
    instrument = Broken(error)
    async with open_user_stream(USDM, ALICE, instrument=instrument, **ports) as stream:
        await begin(stream)
        exchange.strike_sockets(Reset(), trio.current_time())
        assert isinstance(await stream.receive(), Gap)
    assert instrument.calls == 1
    assert len([record for record in caplog.records if "Broken raised in connected" in record.getMessage()]) == 1


async def test_instrument_may_ask_for_statistics(
    exchange: Exchange, ports: dict[str, Any], autojump_clock: MockClock
) -> None:
    """To look at the stream from within its own news changes nothing."""
    seen: list[bool] = []

    class Asks(Diary):
        def _write(self, what: str) -> None:
            super()._write(what)
            seen.extend(each.statistics().is_live for each in streams)

    streams: list[UserStream] = []
    asks = Asks()
    async with open_user_stream(USDM, ALICE, instrument=asks, **ports) as stream:
        await begin(stream)
        streams.append(stream)
        exchange.strike_sockets(Reset(), trio.current_time())
        assert isinstance(await stream.receive(), Gap)
    assert [what for _, what in asks.entries] == ["connected", "opened", "dropped", "connected", "gap"]
    assert seen == [False, True, True]


async def test_what_is_logged(
    exchange: Exchange, ports: dict[str, Any], caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """Losses and gaps are warnings; the stream's own business is for who wants to know."""
    caplog.set_level(logging.DEBUG, "trio_listenkey")
    exchange.add_faults(Fault(verb="connect", effect=Status(503), nth=1))
    async with open_user_stream(USDM, ALICE, timing=PROMPT, **ports) as stream:
        await begin(stream)
        await trio.sleep(61)
        exchange.strike_sockets(Reset(), trio.current_time())
        assert isinstance(await stream.receive(), Gap)
    logged = [(record.levelname, record.getMessage().partition(": user stream")[2]) for record in caplog.records]
    lines = [f"{level}{text}" for level, text in logged if text]
    assert lines[0].startswith("WARNING: handshake refused with HTTP 503; next try in ")
    assert "INFO connected, listen key 1" in lines
    assert "DEBUG doubted" in lines
    assert any(line.startswith("WARNING: socket lost: ") for line in lines)
    assert any(line.startswith("WARNING: gap of ") and line.endswith("(disconnected)") for line in lines)
