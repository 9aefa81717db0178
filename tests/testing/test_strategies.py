"""A program is walked through generated lives: one that is in order gets through, and what is wrong is found."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from math import inf
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, Phase, example, find, given, settings
from trio.testing import MockClock

from trio_listenkey import (
    Gap,
    RateLimitedError,
    Timing,
    UnavailableError,
    UsageError,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.testing import COINM, MEXC, SPOT, SPOT_CLASSIC, TOOBIT, Fault, event_number
from trio_listenkey.testing.strategies import (
    Environment,
    Life,
    fault_scripts,
    faults,
    live,
    lives,
    run_life,
)

QUICK = settings(
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=15,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
FEW = settings(QUICK, max_examples=4)
TIMING = Timing(suspend_check_every=900)


class Listener:
    """Knows the numbers of all events, or that some may be missing."""

    def __init__(self, **options: Any) -> None:
        self.received: list[int] = []
        self.gaps: list[Gap] = []
        self._options = {"timing": TIMING, **options}

    async def run(self, environment: Environment) -> None:
        async with open_user_stream(
            environment.venue,
            environment.credentials,
            transport=environment.transport,
            connector=environment.connector,
            **self._options,
        ) as stream:
            async for item in stream:
                if isinstance(item, Gap):
                    self.gaps.append(item)
                elif event_number_of(item.data):
                    self.received.append(event_number_of(item.data))


def event_number_of(event: Any) -> int:
    """Zero for what the exchange says of keys and sockets."""
    try:
        return event_number(event)
    except (KeyError, ValueError):
        return 0


async def hold_a_key(environment: Environment, on_exit: Any = "close") -> None:
    async with open_listen_key(
        venues.BINANCE_USDM, environment.credentials, transport=environment.transport, timing=TIMING, on_exit=on_exit
    ):
        await trio.sleep_forever()


# A program that is in order.


@QUICK
@given(lives(orders=False))
def test_a_listener_gets_through(life: Life) -> None:
    """No event is missing without a gap, and it is live in the end."""
    listener = Listener()
    looks = 0

    def look(environment: Environment) -> None:
        nonlocal looks
        looks += 1

    def check(environment: Environment) -> None:
        assert looks == len(life.steps)
        assert len(listener.received) == len(set(listener.received))
        assert len(listener.received) == environment.exchange.emitted("test") or len(listener.gaps) > 1
        (socket,) = environment.exchange.sockets(trio.current_time())
        assert socket.live_keys == 1
        now = environment.exchange.unix_time(trio.current_time())
        assert environment.unix_time() == pytest.approx(now - life.skew)

    run_life(life, listener.run, check, always=look)


@FEW
@given(lives())
def test_where_orders_are_in_whole_contracts(life: Life) -> None:
    """At COIN-M."""
    run_life(life, Listener().run, venue=venues.BINANCE_COINM, dialect=COINM)


@FEW
@given(lives(occasions=["api", "connect", "order"]))
def test_on_the_websocket_api(life: Life) -> None:
    """Where there is no key, and time is signed."""
    run_life(life, Listener().run, venue=venues.BINANCE_SPOT, dialect=SPOT)


@FEW
@given(lives(orders=False))
@example(Life("replace_key"))
def test_where_an_account_has_several_keys(life: Life) -> None:
    """At MEXC, where somebody else's key is none of the program's business."""
    run_life(life, Listener().run, venue=venues.MEXC, dialect=MEXC)


# What happens.


def test_orders_live() -> None:
    """Each line about orders does what it says, to the order that it means."""
    statuses: list[list[str]] = []

    def look(environment: Environment) -> None:
        statuses.append([order.status for order in environment.exchange.book.orders("test")])

    run_life(
        Life("place", "place", "place", "partly 2", "fill 5", "cancel 1", "expire 1", "fill 1", "partly 1"),
        Listener().run,
        always=look,
        venue=venues.BINANCE_SPOT_CLASSIC,
        dialect=SPOT_CLASSIC,
    )
    assert statuses[2:] == [
        ["NEW", "NEW", "NEW"],
        ["NEW", "PARTIALLY_FILLED", "NEW"],
        ["NEW", "FILLED", "NEW"],
        ["CANCELED", "FILLED", "NEW"],
        ["CANCELED", "FILLED", "EXPIRED"],
        ["CANCELED", "FILLED", "EXPIRED"],
        ["CANCELED", "FILLED", "EXPIRED"],
    ]


@pytest.mark.parametrize(
    ("line", "causes"),
    [
        ("wait 1", []),
        ("kill_key", ["key_lost"]),
        ("expire_key", ["key_lost"]),
        ("replace_key", ["key_lost"]),
        ("strike Reset", ["disconnected"]),
        ("strike HalfOpen", ["unresponsive"]),
        ("freeze 70", ["unresponsive"]),
        ("unplug cable 40", ["unresponsive"]),
    ],
)
def test_what_happens_is_noticed(line: str, causes: list[str]) -> None:
    """Each line is what it says to a stream."""
    listener = Listener()
    run_life(Life("events 1", "wait 1", line, "wait 100", "events 1"), listener.run)
    assert [gap.cause for gap in listener.gaps] == ["opened", *causes]
    assert listener.received == [1, 2]


def test_bans_and_restarts() -> None:
    """The ban is there; and each socket is closed a while later."""
    listener = Listener()
    bans: list[bool] = []

    async def bot(environment: Environment) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.run, environment)
            await trio.sleep(10)
            before = environment.exchange.requests_during_bans
            with suppress(RateLimitedError):
                await hold_a_key(environment)
            bans.append(environment.exchange.requests_during_bans > before)

    run_life(Life("restart 5", "ban banned:300", "wait 100"), bot)
    assert [gap.cause for gap in listener.gaps] == ["opened", "disconnected"]
    assert bans == [True]


@pytest.mark.parametrize(
    ("what", "seen"),
    [("requests", (False, True)), ("sockets", (True, False)), ("both", (False, False)), ("cable", (False, False))],
)
def test_what_is_unplugged(what: str, seen: tuple[bool, bool]) -> None:
    """For so long; or until the calm begins."""
    reachable = []

    def look(environment: Environment) -> None:
        reachable.append((environment.transport.reachable, environment.connector.reachable))

    run_life(
        Life(f"unplug {what} 40", "wait 39", "wait 2", f"unplug {what} 4000", "wait 1"), hold_a_key, look, always=look
    )
    assert reachable == [(True, True), seen, (True, True), (True, True), seen, (True, True)]


def test_an_order_where_none_is_taken() -> None:
    """It says so."""
    with pytest.raises(UsageError, match="orders are not taken at this exchange"):
        run_life(Life("place"), Listener().run, venue=venues.TOOBIT, dialect=TOOBIT)


# Programs that are not in order.


def failure_of(bot: Any, *lines: str, **options: Any) -> BaseException:
    with pytest.raises(Exception) as caught:
        run_life(Life(*lines), bot, **options)
    assert caught.value.__notes__[-1] == f"It came of this life:\n{Life(*lines)!r}"
    return caught.value


def test_a_program_that_ends_by_itself() -> None:
    """With an error, which comes out as it is; or without."""

    async def fails(environment: Environment) -> None:
        with trio.move_on_after(100):
            await hold_a_key(environment)
        raise ZeroDivisionError

    async def returns(environment: Environment) -> None:
        with trio.move_on_after(100):
            await hold_a_key(environment)

    assert isinstance(failure_of(fails, "wait 200"), ZeroDivisionError)
    assert "ended by itself" in str(failure_of(returns, "wait 200"))


def test_a_program_that_fails_when_it_is_cancelled() -> None:
    """That counts, too; but what a check found before counts more."""

    async def fails(environment: Environment) -> None:
        try:
            await hold_a_key(environment)
        finally:
            raise ZeroDivisionError

    def check(environment: Environment) -> None:
        raise LookupError("it is wrong")

    assert isinstance(failure_of(fails), ZeroDivisionError)
    assert isinstance(failure_of(fails, check=check), LookupError)
    assert isinstance(failure_of(fails, "wait 1", always=check), LookupError)


def test_a_program_that_reaches_nothing() -> None:
    """Nothing that is checked would mean anything."""

    async def sleeps(environment: Environment) -> None:
        await trio.sleep_forever()

    assert "no key and no socket within 60.0 s" in str(failure_of(sleeps))


def test_a_program_that_does_not_end() -> None:
    """It is told as soon as it is over."""

    async def lingers(environment: Environment) -> None:
        try:
            await hold_a_key(environment)
        finally:
            with trio.move_on_after(45, shield=True):
                await trio.sleep_forever()

    assert "did not end within 30.0 s" in str(failure_of(lingers))
    run_life(Life(), lingers, ends_within=50)


def test_a_program_that_leaves_something() -> None:
    """A key, unless that is what it is for."""

    async def leaves(environment: Environment) -> None:
        await hold_a_key(environment, on_exit="leave")

    assert "its key is open" in str(failure_of(leaves))
    run_life(Life(), leaves, leaves_key=True)


def test_the_shortest_life_is_found() -> None:
    """For somebody who takes a stream for one that never breaks."""

    def is_hurt(life: Life) -> bool:
        listener = Listener()
        run_life(life, listener.run)
        return len(listener.gaps) > 1

    found = find(lives(orders=False), is_hurt, settings=QUICK)
    assert len(found.lines) <= 2


# Under which clock.


@settings(FEW, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives(max_size=4))
async def test_with_pytest_trio(life: Life, autojump_clock: MockClock) -> None:
    """In an async test."""
    before = trio.current_time()
    await live(life, Listener().run)
    assert trio.current_time() - before > 600


async def test_not_under_the_real_clock() -> None:
    """It would take an hour."""
    with pytest.raises(UsageError, match="this is the real clock"):
        await live(Life(), hold_a_key)


# Faults.


@settings(max_examples=40)
@given(faults())
def test_faults_are_for_what_is_struck(fault: Fault) -> None:
    """None of requests about orders or on the WebSocket API, unless asked for."""
    assert fault.verb not in {"api", "order"}
    assert (fault.count or 1) <= 4


@settings(max_examples=20)
@given(faults("order"))
def test_faults_of_orders(fault: Fault) -> None:
    """If asked for, of nothing else."""
    assert fault.verb == "order"


def test_faults_of_nothing() -> None:
    """Are refused where they are asked for."""
    with pytest.raises(UsageError, match="not all occasions"):
        faults("connect", "sockets")  # type: ignore[arg-type]


@FEW
@given(fault_scripts("keepalive", "connect", max_size=3))
def test_scripts_are_for_an_exchange(script: list[Fault]) -> None:
    """It takes them from the beginning; some wait, and end again."""
    assert len(script) <= 3
    assert {fault.verb for fault in script} <= {"keepalive", "connect"}
    assert all(fault.until - fault.after in {60, 600, inf} for fault in script)
    listener = Listener()

    async def bot(environment: Environment) -> None:
        environment.exchange.add_faults(*script)
        while True:  # to open a stream may take longer than it is waited for
            with suppress(UnavailableError):
                await listener.run(environment)
            await trio.sleep(1)

    run_life(Life("wait 4000"), bot, opens_within=300)
    assert listener.gaps[0].cause == "opened"


def test_a_script_begins_late() -> None:
    """Among those that are generated."""
    late = find(fault_scripts(), lambda script: any(fault.after > 0 for fault in script), settings=QUICK)
    assert {fault.after for fault in late} <= {-inf, 60, 600, 3500, 7200}
    assert any(fault.until - fault.after <= 600 for fault in late)


def test_without_hypothesis_it_says_what_to_install() -> None:
    """The rest of the test exchange needs none."""
    code = "import sys; sys.modules['hypothesis'] = None; import trio_listenkey.testing.strategies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: trio_listenkey.testing.strategies needs Hypothesis: pip install" in done.stderr
