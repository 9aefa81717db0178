"""The extra ``testing``: the exchange over TLS on loopback, and its sockets in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from trio_listenkey import Credentials, Gap, Venue, open_user_stream, venues
from trio_listenkey.connectors import WebSocketConnector
from trio_listenkey.testing import Exchange, MemoryConnector, MemoryTransport, event_number, serve_exchange
from trio_listenkey.transports import HTTPCore2Transport

exchange = Exchange()
exchange.add_account("the-api-key-of-alice", name="alice")


async def receive_one(venue: Venue, now: Callable[[], float], **ports: Any) -> int:
    async with open_user_stream(venue, Credentials("the-api-key-of-alice"), **ports) as stream:
        exchange.emit("alice", now())
        assert isinstance(await stream.receive(), Gap)  # as each stream begins
        item: Any = await stream.receive()
        return event_number(item.data)


async def main() -> None:
    in_memory = {"transport": MemoryTransport(exchange), "connector": MemoryConnector(exchange)}
    assert await receive_one(venues.BINANCE_USDM, trio.current_time, **in_memory) == 1
    async with serve_exchange(exchange, tls=True) as served:
        trusting = served.ssl_context()
        transport = HTTPCore2Transport(ssl_context=trusting)
        over_tls = {"transport": transport, "connector": WebSocketConnector(ssl_context=trusting)}
        assert await receive_one(served.venue_at(venues.BINANCE_USDM), served.now, **over_tls) == 2
        await transport.aclose()
        assert exchange.open_keys(served.now()) == ()


trio.run(main)
