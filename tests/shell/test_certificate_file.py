"""The environment names whom to trust, and what it names is no good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from trio_listenkey import Credentials, UsageError, Venue, open_listen_key, open_user_stream, venues
from trio_listenkey._cli._doctor._network_steps import NetworkSteps, Problem
from trio_listenkey.connectors import WebSocketConnector
from trio_listenkey.testing import Exchange, MemoryTransport
from trio_listenkey.transports import AsksTransport, HTTPCore2Transport, Transport

ALICE = Credentials("the-api-key-of-alice")


@pytest.fixture(params=["missing", "garbage"])
def wrong_file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "ca.pem"
    if request.param == "garbage":
        path.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return str(path)


@pytest.mark.parametrize("make", [HTTPCore2Transport, AsksTransport])
async def test_a_request_names_the_file(make: Callable[[], Transport], wrong_file: str) -> None:
    """At once, and not as an exchange that does not answer (T4)."""
    transport = make()
    with trio.fail_after(5), pytest.raises(UsageError) as caught:
        async with open_listen_key(venues.BINANCE_USDM, ALICE, transport=transport):
            pass
    await transport.aclose()
    assert wrong_file in caught.value.problem
    assert "SSL_CERT_FILE" in caught.value.advice


async def _port(nursery: trio.Nursery) -> int:
    async def ignore(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    # No exchange of these tests is at this address: of those, the process may know a port for banned.
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.3")
    nursery.start_soon(trio.serve_listeners, ignore, [listener])
    return int(listener.socket.getsockname()[1])


async def test_a_socket_names_the_file(wrong_file: str) -> None:
    """The same for the connector."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key)
    async with trio.open_nursery() as nursery:
        port = await _port(nursery)
        venue: Venue = venues.BINANCE_USDM.at(venues.BINANCE_USDM.rest_url, f"wss://127.0.0.3:{port}")
        with trio.fail_after(5), pytest.raises(UsageError) as caught:
            async with open_user_stream(
                venue, ALICE, transport=MemoryTransport(exchange), connector=WebSocketConnector()
            ):
                pass
        nursery.cancel_scope.cancel()
    assert wrong_file in caught.value.problem


async def test_the_check_up_names_the_file(wrong_file: str) -> None:
    """As a step that failed."""
    async with trio.open_nursery() as nursery:
        reach = NetworkSteps(f"https://127.0.0.3:{await _port(nursery)}")
        await reach.connect()
        with pytest.raises(Problem) as caught:
            await reach.secure()
        reach.close()
        nursery.cancel_scope.cancel()
    assert wrong_file in str(caught.value)
