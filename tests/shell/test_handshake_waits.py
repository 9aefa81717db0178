"""When a socket is tried again whose handshake was refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, UserStream, open_user_stream, venues
from trio_listenkey.testing import CloseSocket, Exchange, Fault, MemoryConnector, MemoryTransport, Status

ALICE = Credentials("the-api-key-of-alice")


@pytest.mark.parametrize("status", [429, 403, 418, 503])
@pytest.mark.parametrize(("said", "late"), [("5", 0.5), ("30", 3.0), ("180.5", 5.0)])
@pytest.mark.parametrize("in_a_row", [1, 3])
async def test_what_the_exchange_says_is_kept_to(
    status: int, said: str, late: float, in_a_row: int, autojump_clock: MockClock
) -> None:
    """Not earlier, and only a little later, whatever the status, and however often it is said (K3)."""
    tried_at: list[float] = []

    class Connector(MemoryConnector):
        def connect(self, url: str) -> Any:
            tried_at.append(trio.current_time())
            return super().connect(url)

    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key, name="alice")
    async with open_user_stream(
        venues.BINANCE_USDM,
        ALICE,
        transport=MemoryTransport(exchange),
        connector=Connector(exchange),
        timing=Timing(jitter=0, retry_cap=1.0),
    ) as stream:
        await trio.sleep(60)
        exchange.add_faults(
            Fault(verb="connect", count=in_a_row, effect=Status(status, headers=(("Retry-After", said),)))
        )
        exchange.strike_sockets(CloseSocket(1001), trio.current_time())
        while len(tried_at) < 2 + in_a_row or not stream.statistics().is_live:
            await trio.sleep(0.5)
    waits = [after - before for before, after in pairwise(tried_at[1:])]
    assert len(waits) == in_a_row
    for wait in waits:
        assert float(said) <= wait <= float(said) + late + 0.01


@pytest.mark.parametrize("streams", [1, 20])
async def test_a_firewall_that_names_no_time_is_not_hammered(streams: int, autojump_clock: MockClock) -> None:
    """However many streams it refuses: it is tried after 15, 30 and 60 s, and a little later; and then all is well."""
    exchange = Exchange(seed=1)
    keys = [Credentials(f"the-api-key-of-number-{number}") for number in range(streams)]
    for number, key in enumerate(keys):
        exchange.add_account(key.api_key, name=f"number {number}")
    opened: list[UserStream] = []

    async def hold(key: Credentials) -> None:
        async with open_user_stream(
            venues.BINANCE_USDM, key, transport=transport, connector=connector, timing=Timing(jitter=0)
        ) as stream:
            opened.append(stream)
            await trio.sleep_forever()

    transport, connector = MemoryTransport(exchange), MemoryConnector(exchange)
    async with trio.open_nursery() as nursery:
        for key in keys:
            nursery.start_soon(hold, key)
        await trio.sleep(60)
        fell_at = trio.current_time()
        exchange.add_faults(Fault(verb="connect", count=1000, effect=Status(403)))
        exchange.strike_sockets(CloseSocket(1001), fell_at)
        await trio.sleep(15 + 30 + 10)
        exchange.clear_faults()
        await trio.sleep(60)
        assert len(opened) == streams
        assert all(stream.statistics().is_live for stream in opened)
        nursery.cancel_scope.cancel()
    tries = [entry.when - fell_at for entry in exchange.log if entry.verb == "connect" and entry.when >= fell_at]
    refused = [entry for entry in exchange.log if entry.status == 403]
    assert len(refused) <= 3 + 4  # five may be under way when the first of them is refused
    for silence_from, until in [(0.1, 15.0), (16.6, 45.0), (49.6, 105.0)]:
        assert not any(silence_from < at < until for at in tries), tries
    assert max(tries) < 115
