"""A machine that sleeps now and then, under a virtual clock: every wait ends, and no wait ends twice."""

from __future__ import annotations

import random
import time

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, open_listen_key, open_user_stream, venues
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport

ALICE = Credentials("the-api-key-of-alice")
LIFE = 600.0
MOST_LOOKS = 20_000  # at the clock, in ten minutes; a loop that waits for nothing looks as often in a second


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(75))
@pytest.mark.parametrize("what", ["key", "stream"])
def test_no_wait_depends_on_the_last_bit(what: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes in which the other clocks leap by some odd number of seconds now and then."""
    draw = random.Random(seed)
    leapt, looks = 0.0, 0

    def since_boot(which: int) -> float:  # small, and hence fine-grained: its last bits are not those of trio's clock
        nonlocal looks
        looks += 1
        assert looks < MOST_LOOKS, "someone waits for a time that has come and has not"
        return trio.current_time() + leapt

    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", since_boot, raising=False)
    exchange = Exchange(seed=seed)
    exchange.add_account(ALICE.api_key, name="alice")
    timing = Timing(
        keepalive_every=20 + draw.random(), validity=60 + draw.random(), silence_check_every=10, suspend_check_every=60
    )
    ports = {"transport": MemoryTransport(exchange), "timing": timing}

    async def leap() -> None:
        nonlocal leapt
        end = trio.current_time() + LIFE
        while trio.current_time() < end:
            await trio.sleep(draw.uniform(0, 40))
            leapt += draw.uniform(5, 90)

    async def main() -> None:
        if what == "key":
            async with open_listen_key(venues.BINANCE_USDM, ALICE, **ports):  # type: ignore[arg-type]
                await leap()
        else:
            connector = MemoryConnector(exchange)
            async with open_user_stream(venues.BINANCE_USDM, ALICE, connector=connector, **ports):  # type: ignore[arg-type]
                await leap()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert exchange.open_keys(1e9) == ()
