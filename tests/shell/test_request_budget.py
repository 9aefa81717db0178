"""All requests of this process to a host stay within one budget, and what goes first is what would be lost (E1)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_listenkey import Credentials, ListenKey, Timing, UserStream, Venue, open_listen_key, open_user_stream, venues
from trio_listenkey._core._budget import RequestBudget, Ticket, Urgency
from trio_listenkey._shell._gate import BudgetGate
from trio_listenkey._shell._shared_hosts import SharedHosts, clock_and_hosts
from trio_listenkey.testing import Exchange, Fault, MemoryConnector, MemoryTransport, rate_limited

MINUTE, HOUR = 60.0, 3600.0
STEADY = Timing(jitter=0)


def usdm(budget: int | None) -> Venue:
    return replace(venues.BINANCE_USDM, weight_budget=budget)


def account(number: int) -> Credentials:
    return Credentials(f"the-api-key-of-account-{number}")


def an_exchange(accounts: int) -> Exchange:
    exchange = Exchange(seed=1)
    for number in range(accounts):
        exchange.add_account(account(number).api_key, name=f"account-{number}")
    return exchange


def busiest_minute(times: Iterable[float]) -> int:
    """How many of ``times`` lie in any 60 seconds."""
    ordered = sorted(times)
    first = most = 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - MINUTE:
            first += 1
        most = max(most, last - first + 1)
    return most


def sent(exchange: Exchange) -> list[float]:
    return [entry.when for entry in exchange.log if entry.verb in {"create", "keepalive"}]


async def open_all(
    stack: AsyncExitStack, exchange: Exchange, venue: Venue, number: int, timing: Timing
) -> list[ListenKey]:
    """One key for each account, all at once."""
    transport, keys = MemoryTransport(exchange), []
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)

    async def hold(credentials: Credentials) -> None:
        async with open_listen_key(venue, credentials, transport=transport, timing=timing) as key:
            keys.append(key)
            await trio.sleep_forever()

    for index in range(number):
        nursery.start_soon(hold, account(index))
    while len(keys) < number:
        await trio.sleep(1)
    return keys


async def test_known_venues_have_half_of_what_is_documented() -> None:
    """The other half is left to whatever else trades from this address."""
    assert venues.BINANCE_USDM.weight_budget == 1200
    assert venues.BINANCE_SPOT_CLASSIC.weight_budget == 3000


async def test_opening_more_than_a_minute_allows(autojump_clock: MockClock) -> None:
    """They are opened one minute after another: that takes nothing of their time for opening away."""
    exchange = an_exchange(150)
    async with AsyncExitStack() as stack:
        keys = await open_all(stack, exchange, usdm(60), 150, Timing(open_timeout=5))
        opened_in = trio.current_time()
        assert busiest_minute(sent(exchange)) == 60
        assert 2 * MINUTE < opened_in < 2.2 * MINUTE
        waited = [key.statistics() for key in keys if key.statistics().throttled]
        assert len(waited) == 90
        assert max(one.throttled_for for one in waited) == pytest.approx(2 * MINUTE, abs=5)


async def test_streams_may_be_opened_late_too(autojump_clock: MockClock) -> None:
    """What their keys waited for the budget is no part of the time for the first socket."""
    exchange = an_exchange(3)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    async with AsyncExitStack() as stack:
        for number in range(3):
            stream = open_user_stream(
                usdm(1), account(number), transport=transport, connector=connector, timing=Timing(open_timeout=5)
            )
            await stack.enter_async_context(stream)
        assert trio.current_time() > 2 * MINUTE


async def test_keepalives_are_stretched_and_no_key_is_lost(autojump_clock: MockClock) -> None:
    """100 keys need 3.33 requests a minute to be kept alive every half hour; 3 are enough to lose none of them."""
    exchange = an_exchange(100)
    async with AsyncExitStack() as stack:
        keys = await open_all(stack, exchange, usdm(3), 100, STEADY)
        await trio.sleep(12 * HOUR)
        assert all(key.generation == 1 and key.statistics().losses == 0 for key in keys)
        assert all(key.expires_at - trio.current_time() > 9.9 * MINUTE for key in keys)
        assert busiest_minute(sent(exchange)) == 3
        assert any(key.statistics().throttled_for > 2 * MINUTE for key in keys)


async def test_what_cannot_fit_is_said_at_opening(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """49 keys of an hour fit into one request a minute, 60 in 61 of it counted; the next one is too much."""
    exchange = an_exchange(52)
    with caplog.at_level(logging.WARNING, "trio_listenkey"):
        async with AsyncExitStack() as stack:
            await open_all(stack, exchange, usdm(1), 49, STEADY)
            assert caplog.messages == []
            for number in (49, 50, 51):
                scope = trio.CancelScope()
                with scope, trio.move_on_after(1):
                    await open_listen_key(
                        usdm(1), account(number), transport=MemoryTransport(exchange), timing=STEADY
                    ).__aenter__()
            (message,) = {text for text in caplog.messages if "weight" in text}
    assert message.startswith("binance-usdm: more keys are open than a budget of 1 weight a minute can keep alive")


async def test_leaving_waits_for_no_budget(autojump_clock: MockClock) -> None:
    """L1 and L2: whatever was spent, each key is closed at once."""
    exchange = an_exchange(20)
    async with AsyncExitStack() as stack:
        await open_all(stack, exchange, usdm(20), 20, STEADY)
        left_at = trio.current_time()
    assert trio.current_time() - left_at < 1
    assert exchange.open_keys(trio.current_time()) == ()


async def test_who_gives_up_waiting_leaves_the_place(autojump_clock: MockClock) -> None:
    """Of three that wait the first is cancelled: it has sent nothing, and the others go on."""
    exchange, venue = an_exchange(4), usdm(1)
    transport = MemoryTransport(exchange)
    opened: dict[int, float] = {}

    async def hold(number: int) -> None:
        async with open_listen_key(venue, account(number), transport=transport, timing=STEADY):
            opened[number] = trio.current_time()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold, 0)
        await wait_all_tasks_blocked()
        with trio.move_on_after(10) as impatient:
            nursery.start_soon(hold, 2)
            await hold(1)
        await wait_all_tasks_blocked()
        assert impatient.cancelled_caught
        assert trio.current_time() == 10
        nursery.start_soon(hold, 3)
        await trio.sleep(3 * MINUTE)
        assert list(opened) == [0, 2, 3]
        assert busiest_minute(sent(exchange)) == 1
        nursery.cancel_scope.cancel()


async def test_a_ban_that_comes_while_a_request_waits(autojump_clock: MockClock) -> None:
    """K3: there is room in the budget again before the ban is over, and nothing is sent all the same."""
    exchange, venue = an_exchange(2), usdm(1)
    exchange.add_faults(Fault(verb="create", nth=1, effect=rate_limited(100)))
    transport = MemoryTransport(exchange, latency=1.0)  # the second one waits before the first is answered

    async def hold(number: int) -> None:
        timing = Timing(jitter=0, open_timeout=400)
        async with open_listen_key(venue, account(number), transport=transport, timing=timing):
            await trio.sleep(300)

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(hold, number)
            await trio.sleep(0.1)
    first, *rest = sent(exchange)
    assert min(rest) - first >= 100
    assert len(rest) == 2


async def test_without_a_budget_nobody_waits(autojump_clock: MockClock) -> None:
    """Where an exchange documents no limit, or the user says so."""
    exchange = an_exchange(500)
    async with AsyncExitStack() as stack:
        await open_all(stack, exchange, usdm(None), 500, STEADY)
        assert trio.current_time() < 2


# --- One account is asked once


@pytest.mark.parametrize("contexts", [1, 5])
async def test_one_silence_check_for_all_streams_of_an_account(contexts: int, autojump_clock: MockClock) -> None:
    """However many streams share it: a quiet hour costs what that of one does."""
    exchange = an_exchange(1)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    async with AsyncExitStack() as stack:
        streams = []
        for number in range(contexts):
            await trio.sleep(7 * number)
            streams.append(
                await stack.enter_async_context(
                    open_user_stream(usdm(None), account(0), transport=transport, connector=connector, timing=STEADY)
                )
            )
        before = len(sent(exchange))
        await trio.sleep(HOUR)
        assert len(sent(exchange)) - before <= 61
        assert all(stream.statistics().is_live for stream in streams)


async def test_quiet_streams_beyond_the_budget(autojump_clock: MockClock) -> None:
    """Silence checks go last and are stretched evenly; a key that dies silently is found within what is told."""
    number, budget = 24, 12
    exchange = an_exchange(number)
    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    streams: dict[int, UserStream] = {}

    async def hold(index: int) -> None:
        async with open_user_stream(
            usdm(budget), account(index), transport=transport, connector=connector, timing=STEADY
        ) as streams[index]:
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for index in range(number):
            nursery.start_soon(hold, index)
        await trio.sleep(20 * MINUTE)
        # 24 checks a minute are wanted, and 9 are to be had.
        waits = [key.throttled_for for stream in streams.values() if (key := stream.statistics().key)]
        assert len(waits) == number
        bound = STEADY.silence_check_every + max(waits)
        assert bound < 4 * MINUTE
        for index in range(0, number, 10):
            exchange.kill_key(f"account-{index}", trio.current_time())
        await trio.sleep(bound + 10)
        for index, stream in streams.items():
            assert stream.statistics().generation == (1 if index % 10 else 2)
        assert busiest_minute(sent(exchange)) <= budget
        nursery.cancel_scope.cancel()


# --- Threads


async def test_one_budget_for_all_threads() -> None:
    """Of two threads that wait the first keeps the time for both."""
    clock, _ = clock_and_hosts()
    budget, lock = RequestBudget(2), SharedHosts().lock
    gate = BudgetGate(budget, lock)
    for _ in range(2):
        assert budget.admit(Ticket(Urgency.CREATE, 1), clock.now() - 60.5)  # there will be room in half a second
    passed: list[bool] = []

    def wait() -> None:
        async def main() -> None:
            own, _ = clock_and_hosts()
            passed.append(await gate.pass_through(Ticket(Urgency.CREATE, 1), own, own.now() + 10))

        trio.run(main)

    start = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(trio.to_thread.run_sync, wait)
    assert passed == [True, True]
    assert 0.3 < time.perf_counter() - start < 5


async def test_time_that_is_over_while_waiting(autojump_clock: MockClock) -> None:
    """Nothing is sent, and nothing stays behind."""
    clock, hosts = clock_and_hosts()
    budget = RequestBudget(1)
    gate = BudgetGate(budget, hosts.lock)
    assert await gate.pass_through(Ticket(Urgency.CREATE, 1), clock, 5.0)
    assert not await gate.pass_through(Ticket(Urgency.CREATE, 1), clock, 5.0)
    assert trio.current_time() == 5
    assert await gate.pass_through(Ticket(Urgency.CREATE, 1), clock, 100.0)


async def test_a_request_that_need_not_wait_is_not_throttled() -> None:
    """By a clock that goes on between two lines, too."""
    exchange = an_exchange(1)
    async with open_listen_key(usdm(60), account(0), transport=MemoryTransport(exchange), timing=STEADY) as key:
        assert key.statistics().throttled == 0
        assert key.statistics().throttled_for == 0
