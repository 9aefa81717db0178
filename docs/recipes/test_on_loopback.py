"""A test over real sockets and TLS, with faults from a file."""

import json
from pathlib import Path

import pytest
import trio

from trio_listenkey import Credentials, Gap, Timing, open_user_stream, venues
from trio_listenkey.connectors import WebSocketConnector
from trio_listenkey.testing import Exchange, serve_exchange
from trio_listenkey.testing.control import faults_from_json
from trio_listenkey.transports import HTTPCore2Transport

FAULTS = Path(__file__).with_name("faults.json")
QUICK = Timing(retry_base=0.05, retry_cap=0.2, ping_every=0.5, silence_check_every=0.5)


@pytest.mark.trio
async def test_it_comes_back() -> None:
    exchange = Exchange(validity=60)
    exchange.add_account("test-api-key", name="test")
    exchange.add_faults(*faults_from_json(json.loads(FAULTS.read_text())))
    async with serve_exchange(exchange, tls=True) as served:
        transport = HTTPCore2Transport(ssl_context=served.ssl_context())
        async with open_user_stream(
            served.venue_at(venues.BINANCE_USDM),
            Credentials("test-api-key"),
            transport=transport,
            connector=WebSocketConnector(ssl_context=served.ssl_context()),
            timing=QUICK,
        ) as stream:
            with trio.fail_after(10):
                first, gap = await stream.receive(), await stream.receive()
            assert isinstance(first, Gap)
            assert first.cause == "opened"
            assert isinstance(gap, Gap)
            assert gap.cause == "disconnected"
        await transport.aclose()
        assert exchange.open_keys(served.now()) == ()
