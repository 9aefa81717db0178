"""Tests in memory, with the fixtures of the pytest plugin."""

import pytest
import trio
from trio.testing import MockClock

from trio_listenkey import Credentials, Gap, UserEvent, Venue, open_user_stream
from trio_listenkey.testing import (
    Exchange,
    HalfOpen,
    MemoryConnector,
    MemoryTransport,
    event_number,
)


@pytest.mark.trio
@pytest.mark.listen_key_faults("connect@3600..5400=service_unavailable")
async def test_a_peer_that_is_gone_during_an_outage(
    autojump_clock: MockClock,
    listen_key_exchange: Exchange,
    listen_key_transport: MemoryTransport,
    listen_key_venue: Venue,
    listen_key_credentials: Credentials,
) -> None:
    exchange = listen_key_exchange
    async with open_user_stream(
        listen_key_venue,
        listen_key_credentials,
        transport=listen_key_transport,
        connector=MemoryConnector(exchange),
    ) as stream:
        first = await stream.receive()
        assert isinstance(first, Gap)
        assert first.cause == "opened"
        await trio.sleep(3650)
        exchange.strike_sockets(HalfOpen(), trio.current_time())
        exchange.emit("test", trio.current_time())  # lost, and told as a gap
        await trio.sleep(2000)
        exchange.emit("test", trio.current_time())
        # Instead of this: your bot, and what it made of it.
        gap, event = await stream.receive(), await stream.receive()
        assert isinstance(gap, Gap)
        assert gap.cause == "unresponsive"
        assert gap.duration > 1700
        assert isinstance(event, UserEvent)
        assert event_number(event.data) == 2
    assert exchange.open_keys(trio.current_time()) == ()
