"""When a socket is tried again whose handshake was refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Timing, open_user_stream, venues
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
