"""One of all that wait looks whether the machine has slept, and wakes the others if it has (K2, E2)."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, ListenKey, Timing, open_listen_key, venues
from trio_listenkey.testing import Exchange, MemoryTransport

HOUR = 3600.0
KEYS = 50


async def open_keys(stack: AsyncExitStack, exchange: Exchange, *timings: Timing, first: int = 0) -> list[ListenKey]:
    transport = MemoryTransport(exchange)
    keys = []
    for number, timing in enumerate(timings, first):
        credentials = Credentials(f"the-api-key-of-account-{number}")
        exchange.add_account(credentials.api_key, name=f"account-{number}")
        block = open_listen_key(venues.BINANCE_USDM, credentials, transport=transport, timing=timing)
        keys.append(await stack.enter_async_context(block))
    return keys


async def test_looking_costs_no_more_with_more_keys(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """E2: in a quiet quarter of an hour each ten seconds see a handful of looks at the clock, not 50 times as many."""
    exchange, looks, real = Exchange(seed=1), 0, time.time

    def counted() -> float:
        nonlocal looks
        looks += 1
        return real()

    monkeypatch.setattr(time, "time", counted)
    async with AsyncExitStack() as stack:
        await open_keys(stack, exchange, *[Timing()] * KEYS)
        await trio.sleep(1)
        looks = 0
        await trio.sleep(HOUR / 4)
        assert HOUR / 4 / 10 - 1 <= looks <= 5 * HOUR / 4 / 10


async def test_all_are_woken_after_a_leap(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: every key that died in a sleep of two hours is replaced within ten seconds of waking up."""
    exchange, slept, real = Exchange(seed=1), 0.0, time.time
    monkeypatch.setattr(time, "time", lambda: real() + slept)
    # Those who look less often are woken by those who look more often; those who look at once have no need of it.
    timings = [Timing(suspend_check_every=every) for every in (600, 10, 10, 7, 600)]
    async with AsyncExitStack() as stack:
        keys = await open_keys(stack, exchange, *timings)
        await trio.sleep(101.25)
        assert [key.generation for key in keys] == [1] * 5
        slept = 2 * HOUR
        for number in range(5):
            exchange.kill_key(f"account-{number}", trio.current_time())
        await trio.sleep(10.1)
        assert [key.generation for key in keys] == [2] * 5


async def test_who_looked_may_leave(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the next of those who wait looks."""
    exchange, slept, real = Exchange(seed=1), 0.0, time.time
    monkeypatch.setattr(time, "time", lambda: real() + slept)
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:

        async def look_first() -> None:
            async with AsyncExitStack() as inner:
                await open_keys(inner, exchange, Timing(), first=9)
                await trio.sleep(15)

        nursery.start_soon(look_first)
        await trio.sleep(1)
        _, second, third = await open_keys(stack, exchange, Timing(), Timing(), Timing())
        await trio.sleep(15)
        slept = 2 * HOUR
        for number in range(3):
            exchange.kill_key(f"account-{number}", trio.current_time())
        await trio.sleep(10.1)
        assert (second.generation, third.generation) == (2, 2)
