"""The WebSocket API of the futures, where listen keys are managed: it is REST in other words."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from asking import API_KEY
from test_ws_api import call, error, good, missing
from trio.testing import MockClock
from websocket_peer import joined, open_exchange

from trio_listenkey.testing import COINM, USDM, Dialect, Fault, api_error, rate_limited

QUIET = "?returnRateLimits=false"
BOTH = pytest.mark.parametrize(
    ("dialect", "path"), [(USDM, "/ws-fapi/v1" + QUIET), (COINM, "/ws-dapi/v1" + QUIET)], ids=["usdm", "coinm"]
)
GONE = error(400, -1125, "This listenKey does not exist.")


@BOTH
async def test_a_key_s_life(dialect: Dialect, path: str, autojump_clock: MockClock) -> None:
    """Start makes a key, and returns it while it lives; ping keeps it alive; stop ends it."""
    exchange = open_exchange(validity=50)
    alice = {"apiKey": API_KEY}
    async with joined(exchange, path) as peer:
        assert await call(peer, "userDataStream.ping", alice) == GONE
        answer = await call(peer, "userDataStream.start", alice)
        key = exchange.key_of("alice", trio.current_time(), dialect=dialect)
        assert answer == good({"listenKey": key})
        await trio.sleep(30)
        assert await call(peer, "userDataStream.start", alice) == good({"listenKey": key})
        await trio.sleep(30)
        assert await call(peer, "userDataStream.ping", alice) == good({"listenKey": key})
        await trio.sleep(30)
        assert exchange.key_of("alice", trio.current_time(), dialect=dialect) == key
        assert await call(peer, "userDataStream.stop", alice) == good({})
        assert exchange.key_of("alice", trio.current_time(), dialect=dialect) is None
        assert await call(peer, "userDataStream.stop", alice) == GONE


@BOTH
@pytest.mark.parametrize(
    ("params", "answer"),
    [
        ({}, missing("apiKey")),
        ({"apiKey": 5}, missing("apiKey")),
        ({"apiKey": "a-stranger's"}, error(401, -2015, "Invalid API-key, IP, or permissions for action.")),
        (
            {"apiKey": API_KEY, "listenKey": "x"},
            error(400, -1104, "Not all sent parameters were read; read '1' parameter(s) but was sent '2'."),
        ),
    ],
)
async def test_who_may_ask(dialect: Dialect, path: str, params: Any, answer: Any, autojump_clock: MockClock) -> None:
    """The API key says whose key is meant, and nothing else is taken."""
    exchange = open_exchange()
    async with joined(exchange, path) as peer:
        for verb in ("start", "ping", "stop"):
            assert await call(peer, f"userDataStream.{verb}", params) == answer
    assert exchange.key_of("alice", trio.current_time(), dialect=dialect) is None


async def test_events_do_not_come_there(autojump_clock: MockClock) -> None:
    """They come on a stream of the key's; a subscription is no method here."""
    exchange = open_exchange()
    async with joined(exchange, "/ws-fapi/v1" + QUIET) as peer:
        refused = await call(peer, "userDataStream.subscribe.signature", {"apiKey": API_KEY})
        assert refused == error(400, -1020, "This operation is not supported.")
        await call(peer, "userDataStream.start", {"apiKey": API_KEY})
        exchange.emit("alice", trio.current_time(), dialect=USDM)
        assert await call(peer, "ping") == good({})


async def test_what_goes_wrong_there_and_what_it_costs(autojump_clock: MockClock) -> None:
    """Faults strike it as the other one, and requests count with those of REST."""
    exchange = open_exchange(
        faults=[
            Fault(verb="api", nth=1, effect=api_error(503, -1001, "no")),
            Fault(verb="api", nth=3, effect=rate_limited(30)),
        ]
    )
    alice = {"apiKey": API_KEY}
    async with joined(exchange, "/ws-fapi/v1" + QUIET) as peer:
        assert (await call(peer, "userDataStream.start", alice))["status"] == 503
        assert (await call(peer, "userDataStream.start", alice))["status"] == 200
        assert (await call(peer, "userDataStream.ping", alice))["status"] == 429
        assert (await call(peer, "userDataStream.ping", alice))["status"] == 429
    assert exchange.requests_during_bans == 1


async def test_what_is_left_is_told(autojump_clock: MockClock) -> None:
    """The handshake costs five, each request on keys one; and the limit is that of the futures."""
    async with joined(open_exchange(), "/ws-dapi/v1") as peer:
        answer = await call(peer, "userDataStream.start", {"apiKey": API_KEY})
    assert [(each["limit"], each["count"]) for each in answer["rateLimits"]] == [(2400, 6)]
