"""A test against the exchange in memory: an hour and a half takes no time."""

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, open_user_stream, venues
from trio_listenkey.testing import (
    Exchange,
    Fault,
    MemoryConnector,
    MemoryTransport,
    Reset,
    Status,
)


@pytest.mark.trio
async def test_what_happens_during_an_outage_is_told(autojump_clock: MockClock) -> None:
    """A socket is reset after an hour, and an order filled before there is another."""
    outage = Fault(verb="connect", effect=Status(503), after=3600, until=5400)
    exchange = Exchange(seed=1, faults=[outage])
    exchange.add_account("test-api-key", name="alice")
    async with open_user_stream(
        venues.BINANCE_USDM,
        Credentials("test-api-key"),
        transport=MemoryTransport(exchange),
        connector=MemoryConnector(exchange),
    ) as stream:
        first = await stream.receive()
        assert isinstance(first, Gap)
        assert first.cause == "opened"
        await trio.sleep(3600)
        exchange.strike_sockets(Reset(), trio.current_time())
        exchange.emit("alice", trio.current_time())
        # Instead of this: your program, and what it made of it.
        item = await stream.receive()
        assert isinstance(item, Gap)
        assert item.cause == "disconnected"
        assert item.duration > 1800
