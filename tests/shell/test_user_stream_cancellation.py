"""Something comes between at every single moment of a stream's life, for every path through it."""

from __future__ import annotations

import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
import trio
import trio._core._run as trio_run
from injection import Act, _AtStep
from stream_watch import ALICE, USDM, Connects, Watch, an_exchange, what_is_left
from trio.testing import MockClock

from trio_listenkey import Gap, Timing, UserStream, open_user_stream
from trio_listenkey.testing import USDM as USDM_DIALECT, Delay, Exchange, Fault, Hang, KillKey, MemoryTransport, Reset

# Few looks at the other clocks, and few pings, make for few moments.
QUIET = Timing(suspend_check_every=600, jitter=0, retry_base=0.5)

BodyScope = Callable[[UserStream, Watch], Awaitable[None]]


class BodyError(Exception):
    """What a block raises."""


@dataclass(frozen=True)
class Course:
    """What goes on while the something comes between."""

    name: str
    body: BodyScope
    faults: tuple[Fault, ...] = ()
    timing: Timing = QUIET
    ends_with: type[BaseException] | None = None
    may_leave_key: bool = False
    cleans_up_for: float = 0.0
    lifetime: float = 86_400.0


@dataclass
class Result:
    """What one run showed."""

    k: int
    fired: bool = False
    raised: BaseException | None = None
    is_the_bodys: bool = True
    interrupted: bool = False
    absorbed: bool = False
    exit_seconds: float = 0.0
    left: list[str] = field(default_factory=list)


async def _comes_and_goes(stream: UserStream, watch: Watch) -> None:
    await trio.lowlevel.checkpoint()


async def _takes_events(stream: UserStream, watch: Watch) -> None:
    for _ in range(3):
        watch.emit(2)
        await trio.sleep(1)
        watch.items.append(await stream.receive())
    watch.items += await stream.receive_batch()


async def _waits_in_receive(stream: UserStream, watch: Watch) -> None:
    watch.emit(2)  # they come late
    async for item in stream:
        watch.items.append(item)
        if len(watch.items) == 2:
            break


async def _sees_it_through_a_gap(stream: UserStream, watch: Watch) -> None:
    watch.emit()
    while not watch.gaps:
        watch.items.append(await stream.receive())
    watch.emit()
    watch.items.append(await stream.receive())


async def _sees_it_through_a_handover(stream: UserStream, watch: Watch) -> None:
    while not stream.statistics().moves:
        watch.emit()
        watch.items.append(await stream.receive())
        await trio.sleep(8.5 if trio.current_time() < 8 else 0.8)


async def _raises(stream: UserStream, watch: Watch) -> None:
    await trio.sleep(5)
    raise BodyError


async def _leaves_during_a_put(stream: UserStream, watch: Watch) -> None:
    await trio.sleep(63)


async def _cleans_up(stream: UserStream, watch: Watch) -> None:
    try:
        await trio.sleep(5)
    finally:
        with trio.CancelScope(shield=True):
            watch.emit()
            watch.items.append(await stream.receive())
            await trio.sleep(1)


async def _closes_it(stream: UserStream, watch: Watch) -> None:
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive()


COURSES = [
    Course("open and leave", _comes_and_goes),
    Course("slow handshake", _comes_and_goes, faults=(Fault(verb="connect", effect=Delay(4)),)),
    Course("events", _takes_events),
    Course("in receive", _waits_in_receive, faults=(Fault(verb="event", effect=Delay(5)),)),
    Course("body raises", _raises, ends_with=BodyError),
    Course("closed by hand", _closes_it),
    Course(
        "reconnect",
        _sees_it_through_a_gap,
        faults=(
            Fault(verb="socket", nth=1, effect=Delay(3, then=Reset())),
            Fault(verb="connect", nth=2, effect=Reset()),
        ),
    ),
    Course(
        "key replaced",
        _sees_it_through_a_gap,
        faults=(Fault(verb="socket", nth=1, effect=Delay(3, then=KillKey(announced=True))),),
    ),
    Course(
        "key replaced slowly after its socket ended",
        _sees_it_through_a_gap,
        faults=(
            Fault(verb="event", nth=1, effect=KillKey()),
            Fault(verb="socket", nth=1, effect=Delay(3, then=Reset())),
            Fault(verb="create", nth=2, effect=Delay(2)),
        ),
    ),
    Course(
        "handover",
        _sees_it_through_a_handover,
        timing=replace(QUIET, socket_lifetime=10),
        lifetime=20,
        faults=(Fault(verb="connect", nth=2, effect=Delay(1)),),
    ),
    Course("leaving while PUT hangs", _leaves_during_a_put, faults=(Fault(verb="keepalive", effect=Hang()),)),
    Course(
        "leaving while DELETE hangs", _comes_and_goes, faults=(Fault(verb="close", effect=Hang()),), may_leave_key=True
    ),
    Course("cleanup", _cleans_up, cleans_up_for=1),
]


def run_once(course: Course, act: Act, k: int, seed: int) -> Result:
    """Run ``course``; at its ``k``-th step, do ``act``."""
    result = Result(k)
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # no public way
    trio_run._r.seed(seed)
    random.seed(seed)
    try:
        trio.run(_main, course, act, result, clock=MockClock(autojump_threshold=0))
    except KeyboardInterrupt:
        result.interrupted = True
    return result


async def _main(course: Course, act: Act, result: Result) -> None:
    exchange = an_exchange(
        faults=course.faults,
        dialects=[replace(USDM_DIALECT, stream=replace(USDM_DIALECT.stream, lifetime=course.lifetime))],
    )
    transport, connector, watch = MemoryTransport(exchange), Connects(exchange), Watch(exchange)
    scope, acted_at = trio.CancelScope(), trio.current_time()
    bodys: BaseException | None = None

    def do() -> None:
        nonlocal acted_at
        acted_at = trio.current_time()
        if act == "cancel":
            scope.cancel()
        else:
            signal.raise_signal(signal.SIGINT)

    at_step = _AtStep(result.k, do)
    trio.lowlevel.add_instrument(at_step)
    interrupt = None
    try:
        with scope:
            at_step.armed = True
            try:
                async with open_user_stream(
                    USDM, ALICE, transport=transport, connector=connector, timing=course.timing
                ) as stream:
                    try:
                        await course.body(stream, watch)
                    except BaseException as error:
                        bodys = error
                        raise
            except BaseException as error:
                result.raised = error
                raise
            finally:
                at_step.armed = False
                result.fired = at_step.fired
                result.exit_seconds = trio.current_time() - acted_at
    except KeyboardInterrupt as error:
        interrupt = error
    except BodyError:
        pass
    result.is_the_bodys = bodys is None or result.raised is bodys or isinstance(result.raised, KeyboardInterrupt)
    result.absorbed = scope.cancelled_caught
    interrupt = await _look_around(exchange, result) or interrupt
    assert all(alive for _, alive in connector.made)
    assert watch.numbers == sorted(set(watch.numbers))
    if interrupt is not None:
        raise interrupt


async def _look_around(exchange: Exchange, result: Result) -> KeyboardInterrupt | None:
    """See what is left when all that was sent has arrived. A Ctrl-C that came too late for the block arrives here."""
    interrupt = None
    while True:  # noqa: ASYNC913 - it sleeps
        try:
            with trio.CancelScope(shield=True):
                await trio.sleep(60)
                result.left = await what_is_left(exchange)
        except KeyboardInterrupt as error:
            interrupt = error
        else:
            return interrupt


def every_moment(course: Course, act: Act, seed: int) -> Iterator[Result]:
    """One result for every moment; the last is the undisturbed run."""
    k = 0
    while True:
        result = run_once(course, act, k, seed)
        yield result
        if not result.fired:
            return
        k += 1


@pytest.mark.no_cover
@pytest.mark.parametrize("act", ["cancel", "interrupt"])
@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name.replace(" ", "-"))
def test_at_every_moment(course: Course, act: Act) -> None:
    """Whenever it comes: nothing is left, leaving is quick, and the caller sees the exact exception."""
    moments = 0
    for seed in range(2):
        for result in every_moment(course, act, seed):
            moments += result.fired
            _check(course, act, result)
    print(f"{moments} moments tried: {course.name}, {act}")  # noqa: T201 - shown by `pytest -rP`
    assert moments > 40


def _check(course: Course, act: Act, result: Result) -> None:
    where = f"moment {result.k}: {result}"
    assert course.may_leave_key or result.left == [], where
    assert not [each for each in result.left if not each.startswith("key")], where
    assert result.is_the_bodys, where
    raised = None if result.raised is None else type(result.raised)
    if result.fired:
        # L2, and a goodbye: what is left of a create, then the close, each within the limit.
        assert result.exit_seconds <= course.timing.close_timeout + 0.5 + course.cleans_up_for + 1e-6, where
    if not result.fired:
        assert raised is course.ends_with, where
        assert not result.interrupted
    elif act == "cancel":
        # Either it came in time, and then it is bare; or the block had already gone its own way.
        assert raised in {course.ends_with, None, trio.Cancelled}, where
        assert result.absorbed == (raised is trio.Cancelled), where
    else:
        assert result.interrupted, where
        assert raised in {course.ends_with, None, KeyboardInterrupt}, where


def test_gaps_are_seen() -> None:
    """The courses above go where their names say: each that ends in a gap has one, and the handover has none."""
    for course in COURSES:
        seen: list[Gap] = []

        async def body(stream: UserStream, watch: Watch, course: Course = course, seen: list[Gap] = seen) -> None:
            await course.body(stream, watch)
            seen += watch.gaps
            if "handover" in course.name:
                assert stream.statistics().moves == 1

        result = run_once(replace(course, body=body), "cancel", 10**9, 0)
        assert not result.fired
        assert len(seen) == (1 if course.body is _sees_it_through_a_gap else 0), course.name
