"""One process with several runs of trio, one after another or in threads: to an exchange it is one address (L5, E1)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from math import inf

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_listenkey import Credentials, ListenKey, RateLimitedError, Timing, Venue, open_listen_key, venues
from trio_listenkey._shell._shared_hosts import SharedHosts, clock_and_hosts
from trio_listenkey._shell._turn import Turn
from trio_listenkey.testing import Delay, Exchange, Fault, MemoryTransport, rate_limited, serve_exchange

ALICE = Credentials("the-api-key-of-alice")
QUICK = Timing(open_timeout=2, close_timeout=1, request_timeout=2)


def an_exchange(*faults: Fault) -> Exchange:
    exchange = Exchange(seed=1, faults=faults)
    exchange.add_account(ALICE.api_key, name="alice")
    return exchange


def verbs(exchange: Exchange) -> list[str | None]:
    return [entry.verb for entry in exchange.log]


def run_in(clock: trio.abc.Clock | None, venue: Venue, body: Callable[[ListenKey], object]) -> None:
    """A run of its own, in whatever thread."""

    async def main() -> None:
        async with open_listen_key(venue, ALICE, timing=QUICK) as key:
            await trio.to_thread.run_sync(body, key)

    trio.run(main, clock=clock)


def _meet(barrier: threading.Barrier, _key: ListenKey) -> None:
    barrier.wait(5)


# --- Accounts


async def test_who_leaves_silences_no_other_thread() -> None:
    """Of two threads with one account, the first to leave closes nothing; the second does."""
    exchange = an_exchange()
    leave = [threading.Event(), threading.Event()]
    entered = [threading.Event(), threading.Event()]

    def stay(number: int, _key: ListenKey) -> None:
        entered[number].set()
        leave[number].wait(5)

    async with serve_exchange(exchange) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        async with trio.open_nursery() as nursery:
            for number in (0, 1):
                nursery.start_soon(trio.to_thread.run_sync, run_in, None, venue, partial(stay, number))
                await trio.to_thread.run_sync(entered[number].wait, 5)
            leave[0].set()
            await trio.sleep(0.2)
            assert len(exchange.open_keys(served.now())) == 1
            assert "close" not in verbs(exchange)
            leave[1].set()
        assert exchange.open_keys(served.now()) == ()
    assert verbs(exchange) == ["create", "create", "close"]


async def test_of_many_that_leave_at_once_one_closes() -> None:
    """However close together they come: the key is closed, and closed once."""
    threads, rounds = 6, 5
    for _ in range(rounds):
        exchange = an_exchange()
        meet = partial(_meet, threading.Barrier(threads))
        async with serve_exchange(exchange) as served:
            venue = served.venue_at(venues.BINANCE_USDM)
            async with trio.open_nursery() as nursery:
                for _ in range(threads):
                    nursery.start_soon(trio.to_thread.run_sync, run_in, None, venue, meet)
            assert exchange.open_keys(served.now()) == ()
        assert verbs(exchange) == ["create"] * threads + ["close"]


async def test_one_request_at_a_time_in_all_threads() -> None:
    """Requests for one account wait for each other, and no loop of trio is stopped by that (K1)."""
    exchange = an_exchange(Fault(verb="create", nth=1, effect=Delay(0.3)))
    meet = partial(_meet, threading.Barrier(2))
    async with serve_exchange(exchange) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        longest, last = 0.0, trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(trio.to_thread.run_sync, run_in, None, venue, meet)
            while not exchange.open_keys(served.now()):
                await trio.sleep(0.01)
                longest, last = max(longest, trio.current_time() - last), trio.current_time()
    assert longest < 0.2
    first, second, _ = exchange.log
    assert second.when - first.when >= 0.3


# --- Bans


async def test_a_ban_holds_for_the_next_run_and_for_threads() -> None:
    """What one run was told to wait for, others wait for, too; nothing is sent meanwhile."""
    exchange = an_exchange(Fault(verb="create", nth=1, effect=rate_limited(60)))
    async with serve_exchange(exchange) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        for _ in range(3):
            with pytest.raises(RateLimitedError) as caught:
                await trio.to_thread.run_sync(run_in, None, venue, print)
            assert 55 < caught.value.retry_after <= 60
        with pytest.raises(RateLimitedError):
            async with open_listen_key(venue, ALICE, timing=QUICK):
                pass
    assert verbs(exchange) == ["create"]
    assert exchange.requests_during_bans == 0


@pytest.mark.parametrize("clock", [lambda: MockClock(autojump_threshold=0), lambda: None], ids=["virtual", "real"])
def test_what_happens_in_memory_stays_there(clock: Callable[[], MockClock | None]) -> None:
    """A test's ban is none of the next test's, whichever clock they go by."""

    async def main() -> None:
        exchange = an_exchange(Fault(verb="create", nth=1, effect=rate_limited(60)))
        with pytest.raises(RateLimitedError) as caught:
            async with open_listen_key(
                venues.BINANCE_USDM, ALICE, transport=MemoryTransport(exchange), timing=Timing(open_timeout=5)
            ):
                pass
        assert caught.value.retry_after == pytest.approx(60, abs=1)
        assert verbs(exchange) == ["create"]

    for _ in range(2):
        trio.run(main, clock=clock())


# --- The clock


def test_real_runs_have_one_axis_and_virtual_ones_their_own() -> None:
    """Times of one run mean the same in another, though trio's own clocks start anywhere."""

    async def look() -> tuple[float, float, float, SharedHosts]:
        clock, hosts = clock_and_hosts()
        now = clock.now()
        return now, now - clock.slept - trio.current_time(), clock.unix(), hosts

    (one, off, unix, hosts), (two, off2, unix2, hosts2) = trio.run(look), trio.run(look)
    assert 0 <= two - one < 1
    assert 0 <= unix2 - unix < 1
    assert (off, off2) == pytest.approx((0, 0), abs=0.1)
    assert hosts is hosts2
    assert trio.run(look, clock=MockClock())[3] is not hosts


# --- What is remembered


class User:
    """Of a host."""


class TestSharedHosts:
    def test_a_host_is_kept_while_it_is_used(self) -> None:
        """Who comes later finds the same one."""
        hosts, user = SharedHosts(), User()
        known = hosts.host(("a", 1), user, 0.0)
        assert hosts.host(("b", 1), User(), 0.0) is not known
        assert hosts.host(("a", 1), User(), 0.0) is known

    def test_what_nobody_uses_is_dropped(self) -> None:
        """It leaves nothing behind, once its ban is over."""
        hosts = SharedHosts()
        hosts.host(("a", 1), User(), 0.0).block(10.0)
        banned = hosts.host(("a", 1), User(), 9.0)
        assert banned.allowed_at == 10
        assert hosts.host(("a", 1), User(), 11.0).allowed_at == -inf

    def test_a_wrong_clock_is_remembered(self) -> None:
        """It goes on being wrong when nobody looks."""
        hosts = SharedHosts()
        hosts.host(("a", 1), User(), 0.0).clock = 3.0
        assert hosts.host(("a", 1), User(), 11.0).clock == 3

    def test_attempts_to_connect_are_counted_for_all(self) -> None:
        """A stream that has ended counts for five minutes still, and then no more."""
        hosts = SharedHosts()
        for attempt in range(240):
            hosts.connect_limiter(("a", 1), User(), float(attempt)).record_attempt(float(attempt))
        assert hosts.connect_limiter(("a", 1), User(), 240.0).allowed_at == 300
        first = hosts.connect_limiter(("a", 1), User(), 240.0)
        assert hosts.connect_limiter(("a", 1), User(), 600.0) is not first

    def test_a_refusal_is_remembered(self) -> None:
        """However long ago the last attempt was."""
        hosts = SharedHosts()
        hosts.connect_limiter(("a", 1), User(), 0.0).refused(429, 1000.0, 0.0)
        assert hosts.connect_limiter(("a", 1), User(), 999.0).allowed_at == 1000
        assert hosts.connect_limiter(("a", 1), User(), 1001.0).allowed_at == -inf

    def test_a_child_of_a_fork_begins_anew(self) -> None:
        """The parent's blocks do not go on in it: their keys are not its to spare."""

        async def process() -> SharedHosts:
            return clock_and_hosts()[1]

        hosts, user = trio.run(process), User()
        hosts.host(("a", 1), user, inf).register("/path", "A")
        read, write = os.pipe()
        with hosts.lock:  # which no thread of the child's will ever give back
            pid = os.fork()
        if not pid:  # pragma: no branch
            with hosts.lock:
                os.write(write, bytes([len(hosts.host(("a", 1), User(), 0.0).accounts)]))
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read, 2) == b"\0"
        os.close(read)
        os.close(write)


# --- Turns


class TestTurn:
    async def test_first_come_first_served(self) -> None:
        """Within a run it is a lock as trio's own."""
        turn, order = Turn(threading.RLock()), []

        async def take(number: int) -> None:
            await turn.acquire()
            order.append(number)
            await trio.lowlevel.checkpoint()
            turn.release()

        assert turn.acquire_nowait()
        assert not turn.acquire_nowait()
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(take, number)
                await wait_all_tasks_blocked()
            turn.release()
        assert order == [0, 1, 2]
        await turn.acquire()

    async def test_who_is_cancelled_has_not_got_it(self) -> None:
        """It goes to the next one."""
        turn = Turn(threading.RLock())
        turn.acquire_nowait()
        with trio.move_on_after(0) as scope:
            await turn.acquire()
        assert scope.cancelled_caught
        with trio.move_on_after(0.01):
            await turn.acquire()
        turn.release()
        assert turn.acquire_nowait()

    def test_it_is_passed_between_threads(self) -> None:
        """One at a time has it, whatever comes between, and nobody waits for ever."""
        turn, inside, most, taken = Turn(threading.RLock()), 0, 0, 0

        async def take_often(times: int) -> None:
            nonlocal inside, most, taken
            for number in range(times):
                with trio.move_on_after(0.0005 if number % 3 else inf):
                    if not turn.acquire_nowait():
                        await turn.acquire()
                    inside, taken = inside + 1, taken + 1
                    most = max(most, inside)
                    try:
                        await trio.lowlevel.checkpoint()
                    finally:
                        inside -= 1
                        turn.release()

        threads = [threading.Thread(target=trio.run, args=(take_often, 300)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)
        assert most == 1
        assert taken >= 400
        assert turn.acquire_nowait()

    async def test_it_was_given_and_the_taker_is_cancelled(self) -> None:
        """Another thread gives it in the very moment of a cancellation: then it is passed on."""
        turn = Turn(threading.RLock())
        turn.acquire_nowait()

        async def give() -> None:
            turn.release()

        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(turn.acquire)
                await wait_all_tasks_blocked()
                thread = threading.Thread(target=trio.run, args=(give,))
                thread.start()
                thread.join()  # this loop stands still, so the taker has not heard of it
                scope.cancel()
        assert turn.acquire_nowait()

    def test_a_run_that_is_over_takes_nothing(self) -> None:
        """A run that broke down leaves a waiter behind; the next one has its turn."""
        turn = Turn(threading.RLock())

        async def leave_a_waiter() -> object:
            turn.acquire_nowait()
            waiter = turn.acquire()
            waiter.send(None)
            return waiter

        async def release() -> bool:
            turn.release()
            return turn.acquire_nowait()

        waiter = trio.run(leave_a_waiter)
        assert trio.run(release)
        waiter.close()  # type: ignore[attr-defined]
        assert not turn.acquire_nowait()
