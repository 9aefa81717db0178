"""``open_listen_key`` over real sockets: the default transport, and each of the others, on a clock that is real."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import asks
import pytest
import trio

from trio_listenkey import (
    Credentials,
    RefusedError,
    Timing,
    UnavailableError,
    Venue,
    open_listen_key,
    open_user_stream,
    venues,
)
from trio_listenkey.connectors import TrioWebSocketConnector, WebSocketConnector, WebSocketsTrioConnector
from trio_listenkey.testing import (
    Exchange,
    Fault,
    Redirect,
    ServedExchange,
    gone,
    rate_limited,
    serve_exchange,
    service_unavailable,
)
from trio_listenkey.transports import AsksTransport, HTTPCore2Transport, Transport

ALICE = Credentials("the-api-key-of-alice")
QUICK = Timing(
    validity=2,
    keepalive_every=0.2,
    request_timeout=0.5,
    open_timeout=2,
    close_timeout=1,
    retry_base=0.05,
    retry_cap=0.2,
)

TRANSPORTS: dict[str, Callable[[ServedExchange], Transport]] = {
    "httpcore2": lambda served: HTTPCore2Transport(ssl_context=served.ssl_context()),
    "asks": lambda served: AsksTransport(asks.Session(connections=4, ssl_context=served.ssl_context())),
}
VENUES = [venues.BINANCE_SPOT_CLASSIC, venues.BINANCE_US, venues.BINANCE_USDM, venues.BINANCE_COINM]


@pytest.fixture(params=list(TRANSPORTS))
async def transport(request: pytest.FixtureRequest, served: ServedExchange) -> AsyncIterator[Transport]:
    transport = TRANSPORTS[request.param](served)
    yield transport
    await transport.aclose()


@pytest.fixture
async def served() -> AsyncIterator[ServedExchange]:
    exchange = Exchange(seed=1, validity=2)
    exchange.add_account(ALICE.api_key, name="alice")
    async with serve_exchange(exchange, tls=True) as served:
        yield served


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
async def test_whole_life_over_tls(venue: Venue, served: ServedExchange, transport: Transport) -> None:
    """Created, kept alive through a 503 and a rate limit, lost, replaced and closed: for each venue and transport."""
    exchange = served.exchange
    exchange.add_faults(
        Fault(verb="keepalive", nth=2, effect=service_unavailable()),
        Fault(verb="keepalive", nth=4, effect=rate_limited(0.3)),
    )
    async with open_listen_key(served.venue_at(venue), ALICE, transport=transport, timing=QUICK) as key:
        while key.statistics().waits == 0 or key.statistics().renewed < 4:
            await trio.sleep(0.02)
        assert exchange.open_keys(served.now()) == (key.value,)
        exchange.kill_key("alice", served.now())
        with trio.fail_after(2):
            await key.wait_replaced(1)
        assert exchange.open_keys(served.now()) == (key.value,)
    assert exchange.open_keys(served.now()) == ()
    assert exchange.requests_during_bans == 0
    assert key.statistics().closed is True


async def test_two_keys_share_the_default_transport_and_close_it() -> None:
    """Without a transport handed in, the last key closes the one that all shared: no socket is left."""
    exchange = Exchange(seed=1)
    exchange.add_account(ALICE.api_key)
    exchange.add_account("the-api-key-of-bob")
    async with serve_exchange(exchange) as served:
        venue = served.venue_at(venues.BINANCE_USDM)
        async with open_listen_key(venue, ALICE):
            async with open_listen_key(venue, Credentials("the-api-key-of-bob")):
                assert len(exchange.open_keys(served.now())) == 2
            assert len(exchange.open_keys(served.now())) == 1
        assert exchange.open_keys(served.now()) == ()
        async with open_listen_key(venue, ALICE):  # and another one is made when it is needed again
            assert len(exchange.open_keys(served.now())) == 1
    gc.collect()  # a socket that was left open is a ResourceWarning, and a warning is an error here


async def test_default_transport_does_not_trust_a_stranger(served: ServedExchange) -> None:
    """An unknown CA is refused before the API key is sent. It is final, and the error says what is wrong (T2, T4)."""
    began = trio.current_time()
    with pytest.raises(RefusedError, match=r"(?i)certificate.*SSL_CERT_FILE") as caught:
        async with open_listen_key(served.venue_at(venues.BINANCE_USDM), ALICE, timing=Timing(open_timeout=60)):
            raise AssertionError
    assert trio.current_time() - began < 20, "another try would not have helped"
    assert (caught.value.venue, caught.value.verb) == ("binance-usdm", "create")
    assert served.exchange.log == ()


@pytest.mark.parametrize("connector", [WebSocketConnector, WebSocketsTrioConnector, TrioWebSocketConnector])
async def test_no_connector_trusts_a_stranger(connector: Any, served: ServedExchange, transport: Transport) -> None:
    """The key was made; its socket's host is not trusted. That is as final, and the key is closed (L1)."""
    began = trio.current_time()
    with pytest.raises(RefusedError, match=r"(?i)certificate.*SSL_CERT_FILE") as caught:
        async with open_user_stream(
            served.venue_at(venues.BINANCE_USDM),
            ALICE,
            transport=transport,
            connector=connector(),
            timing=Timing(open_timeout=60),
        ):
            raise AssertionError
    assert trio.current_time() - began < 20, "another try would not have helped"
    assert caught.value.verb == "connect"
    assert served.exchange.open_keys(served.now()) == ()


async def test_redirect_is_refused_and_not_followed(served: ServedExchange, transport: Transport) -> None:
    """The API key stays with the host that it was meant for."""
    elsewhere = Exchange(seed=2)
    elsewhere.add_account(ALICE.api_key)
    async with serve_exchange(elsewhere) as other:
        served.exchange.add_faults(Fault(effect=Redirect(other.rest_url + "/fapi/v1/listenKey")))
        with pytest.raises(RefusedError, match="redirect"):
            async with open_listen_key(served.venue_at(venues.BINANCE_USDM), ALICE, transport=transport, timing=QUICK):
                raise AssertionError
    assert elsewhere.log == ()


async def test_nobody_listens(transport: Transport) -> None:
    """A refused connection ends in an error that says so."""
    venue = venues.BINANCE_USDM.at("https://127.0.0.1:9", "wss://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"(?i)refused"):
        async with open_listen_key(venue, ALICE, transport=transport, timing=Timing(open_timeout=0.3)):
            raise AssertionError


async def test_key_that_the_exchange_denies_is_made_anew(served: ServedExchange, transport: Transport) -> None:
    """-1125 although the key lives: the create returns the same key, and nobody is told of another."""
    served.exchange.add_faults(Fault(verb="keepalive", nth=1, effect=gone()))
    async with open_listen_key(served.venue_at(venues.BINANCE_USDM), ALICE, transport=transport, timing=QUICK) as key:
        while key.statistics().created < 2:
            await trio.sleep(0.02)
        assert key.generation == 1
