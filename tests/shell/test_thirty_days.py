"""Thirty days of faults, in seconds."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, Venue, open_listen_key, venues
from trio_listenkey.testing import (
    Delay,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Huge,
    MemoryTransport,
    Reset,
    Truncate,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    gone,
    rate_limited,
    service_unavailable,
    waf_403_html,
)

DAY = 86400.0

ONE_PERCENT_OF_EACH: list[Effect] = [
    Delay(9),
    Garbage(),
    Hang(),
    Hang(after_work=True),
    Huge(None),
    Reset(after_work=False),
    Reset(after_work=True),
    Truncate(30),
    WrongShape(b"[]"),
    api_error(408, -1007, "Timeout waiting for response from backend server."),
    bad_gateway_html(),
    banned(300),
    banned(120, header=True),
    gone(),
    rate_limited(60),
    rate_limited(30, header=False),
    service_unavailable(),
    service_unavailable(after_work=True),
    waf_403_html(),
]


@pytest.mark.no_cover
@pytest.mark.parametrize("venue", [venues.BINANCE_USDM, venues.BINANCE_US], ids=lambda venue: venue.name)
@pytest.mark.parametrize("seed", range(3))
def test_thirty_days_of_faults(venue: Venue, seed: int) -> None:
    """With one percent of every kind of fault, no second passes without a key, and no ban is broken."""
    faults = [Fault(verb="keepalive", probability=0.01, effect=effect) for effect in ONE_PERCENT_OF_EACH]
    exchange = Exchange(seed=seed, faults=faults)
    exchange.add_account("the-api-key-of-alice", name="alice")

    async def main() -> None:
        async with open_listen_key(
            venue,
            Credentials("the-api-key-of-alice"),
            transport=MemoryTransport(exchange),
            timing=Timing(suspend_check_every=600),
        ) as key:
            for _ in range(30 * 24):
                await trio.sleep(3600)
                assert trio.current_time() < key.expires_at
                assert exchange.key_of("alice", trio.current_time()) == key.value
            statistics = key.statistics()
        assert exchange.seconds_without_key("alice", trio.current_time()) == 0
        assert exchange.open_keys(trio.current_time()) == ()
        # It was no walk in the park:
        assert statistics.renewed > 30 * 48
        assert statistics.retries > 100
        assert statistics.waits > 20
        assert statistics.losses > 0

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert exchange.requests_during_bans == 0
