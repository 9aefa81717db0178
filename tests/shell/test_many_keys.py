"""Three blocks on one account of an exchange that makes a key each time, through two days of faults."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Venue, open_listen_key, testing as t, venues
from trio_listenkey.testing import Exchange, Fault, MemoryTransport, Reset, service_unavailable

ALICE = Credentials("the-api-key-of-alice")
# Signatures have the time of day in them, which does not pass under a virtual clock.
NEW = replace(venues.MEXC, signing=None)
UNKNOWN = replace(NEW, sharing=venues.Sharing(second_create="unknown"))


@pytest.mark.no_cover
@pytest.mark.parametrize("venue", [NEW, UNKNOWN], ids=["new", "unknown"])
@pytest.mark.parametrize("seed", range(6))
async def test_no_key_that_was_told_is_left_behind(venue: Venue, seed: int, autojump_clock: MockClock) -> None:
    """Every key that a block was told is dead in the end (L1): closes are answered here."""
    faults = [
        Fault(verb="create", probability=0.2, effect=Reset(after_work=True)),
        Fault(verb="keepalive", probability=0.3, effect=service_unavailable(after_work=True)),
        Fault(verb="keepalive", after=7200, until=14400, effect=service_unavailable()),  # longer than a key lives
        Fault(verb="keepalive", after=20000, until=24000, effect=service_unavailable(after_work=True)),
    ]
    exchange = Exchange(seed=seed, dialects=[replace(t.MEXC, signed="no")], faults=faults)
    exchange.add_account(ALICE.api_key, name="alice")
    transport = MemoryTransport(exchange)
    told: set[str] = set()

    async def live(start: float, end: float) -> None:
        await trio.sleep(start)
        async with open_listen_key(venue, ALICE, transport=transport) as key:
            while trio.current_time() < end:
                told.add(key.value)
                with trio.move_on_at(end):
                    await key.wait_replaced(key.generation)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(live, seed * 97 + number * 3500, 24_000 + number * 3000 + seed * 31)
    left = told.intersection(exchange.open_keys(trio.current_time()))
    assert left == set()
    assert len(told) >= 3
