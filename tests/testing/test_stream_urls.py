"""Which URL gets what, in memory: every form of the exchanges' documents."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock
from websocket_peer import closed, joined, new_key, open_exchange, shake

from trio_listenkey.testing import (
    COINM,
    PORTFOLIO_MARGIN,
    SPOT_CLASSIC,
    SPOT_US,
    STOCKS,
    USDM,
    Dialect,
    Exchange,
    Reply,
)
from trio_listenkey.testing._dialects._events import kinds_of

RAW, COMBINED, SILENT = "raw", "combined", "silent"


@pytest.mark.parametrize(
    ("dialect", "form", "how"),
    [
        (SPOT_CLASSIC, "/ws/{key}", RAW),
        (SPOT_CLASSIC, "/ws/{key}?timeUnit=MICROSECOND", RAW),
        (SPOT_CLASSIC, "/ws/btcusdt@trade/{key}", RAW),
        (SPOT_CLASSIC, "/stream?streams={key}", COMBINED),
        (SPOT_CLASSIC, "/stream?streams=btcusdt@trade/{key}", COMBINED),
        (SPOT_US, "/ws/{key}", RAW),
        (SPOT_US, "/stream?streams={key}", COMBINED),
        (COINM, "/ws/{key}", RAW),
        (COINM, "/stream?streams={key}", COMBINED),
        (COINM, "/private/ws/{key}", SILENT),
        (USDM, "/private/ws/{key}", RAW),
        (USDM, "/private/ws?listenKey={key}", RAW),
        (USDM, "/private/ws?listenKey={key}&events={kind}/listenKeyExpired", RAW),
        (USDM, "/private/stream?streams={key}", COMBINED),
        (USDM, "/private/stream?listenKey={key}", COMBINED),
        (USDM, "/private/stream?listenKey=another&events=X&listenKey={key}&events=X/{kind}", COMBINED),
        # A name that is none is no error. It matches nothing.
        (USDM, "/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATES", SILENT),
        (USDM, "/private/ws?events={kind}&listenKey={key}", RAW),
        (USDM, "/private/stream?listenKey={key}&events=ALGO_ORDER_UPDATE&listenKey=another&events={kind}", SILENT),
        (PORTFOLIO_MARGIN, "/pm/ws/{key}", RAW),
        (PORTFOLIO_MARGIN, "/pm/stream?streams={key}", COMBINED),
        (PORTFOLIO_MARGIN, "/stream?streams={key}", SILENT),
        (PORTFOLIO_MARGIN, "/ws/{key}", SILENT),
        (STOCKS, "/equity/ws/{key}@orderReport", RAW),
        (STOCKS, "/equity/stream?streams={key}@orderReport", COMBINED),
        (STOCKS, "/equity/ws/{key}", SILENT),
        (STOCKS, "/ws/{key}@orderReport", SILENT),
        # Unrouted, or routed elsewhere: accepted, and nothing comes.
        (USDM, "/ws/{key}", SILENT),
        (USDM, "/stream?streams={key}", SILENT),
        (USDM, "/public/ws/{key}", SILENT),
        (USDM, "/market/stream?streams={key}", SILENT),
        (SPOT_CLASSIC, "/ws/{key}x", SILENT),
        (SPOT_CLASSIC, "/ws", SILENT),
        (SPOT_CLASSIC, "/stream", SILENT),
    ],
)
async def test_a_form_delivers_raw_or_combined_or_nothing(
    dialect: Dialect, form: str, how: str, autojump_clock: MockClock
) -> None:
    """The handshake always succeeds, pings are answered, and events come in the form that the URL asks for."""
    exchange = open_exchange(dialects=[dialect])
    key = new_key(exchange, dialect, trio.current_time())
    kind = kinds_of(dialect.stream.account_events)[0]
    async with joined(exchange, form.format(key=key, kind=kind)) as peer:
        exchange.emit("alice", trio.current_time(), count=2)
        got = await peer.next()
        if how == SILENT:
            assert got == "silence"
            return
        assert got.get("stream") == (key + dialect.stream.suffix if how == COMBINED else None)
        assert got.get("data", got)["e"] == kind
        assert await peer.numbers() == [2]


NOWHERE = ["/", "/elsewhere/key", "/private", "/private/else", "/stream/key", "/ws-api/v2", "//[", "", "*"]


@pytest.mark.parametrize("target", [*NOWHERE, "/ws?" + "a&" * 5000], ids=lambda target: target[:20])
def test_what_is_no_stream_is_not_found(target: str) -> None:
    """HTTP 404, as for any other request, and a line in the log without what might be a key."""
    exchange = open_exchange()
    reply = exchange.connect(target, 0)
    assert isinstance(reply, Reply)
    assert reply.status == exchange.log[0].status == 404


async def test_subscribing_is_another_way(autojump_clock: MockClock) -> None:
    """A connection without a key gets one by SUBSCRIBE, and loses it by UNSUBSCRIBE."""
    exchange = open_exchange()
    key = new_key(exchange, USDM, trio.current_time())
    async with joined(exchange, "/private/stream") as peer:
        exchange.emit("alice", trio.current_time(), dialect=USDM)
        await peer.say({"method": "SUBSCRIBE", "params": [key], "id": 1})
        assert await peer.next() == {"result": None, "id": 1}
        exchange.emit("alice", trio.current_time(), dialect=USDM)
        assert (await peer.next())["stream"] == key
        await peer.say({"method": "LIST_SUBSCRIPTIONS", "id": "two"})
        assert await peer.next() == {"result": [key], "id": "two"}
        await peer.say({"method": "UNSUBSCRIBE", "params": [key, "never"], "id": None})
        assert await peer.next() == {"result": None, "id": None}
        exchange.emit("alice", trio.current_time(), dialect=USDM)
        await peer.say({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        assert await peer.next() == {"result": [], "id": 3}
    assert exchange.emitted("alice") == 3


@pytest.mark.parametrize(
    ("dialect", "base", "suffix"), [(PORTFOLIO_MARGIN, "/pm", ""), (STOCKS, "/equity", "@orderReport")]
)
@pytest.mark.parametrize("mode", ["ws", "stream"])
async def test_subscribing_below_a_base(
    dialect: Dialect, base: str, suffix: str, mode: str, autojump_clock: MockClock
) -> None:
    """As the exchange's own SDKs do it at portfolio margin and stocks; and a death is told under the stream's name."""
    exchange = open_exchange(dialects=[dialect])
    key = new_key(exchange, dialect, trio.current_time())
    async with joined(exchange, f"{base}/{mode}") as peer:
        await peer.say({"method": "SUBSCRIBE", "params": [key + suffix], "id": 1})
        assert await peer.next() == {"result": None, "id": 1}
        assert exchange.sockets(trio.current_time())[0].path == f"{base}/{mode}"
        exchange.emit("alice", trio.current_time())
        assert (await peer.next()).get("stream") == (key + suffix if mode == "stream" else None)
        if dialect.stream.announces_expiry:
            exchange.kill_key("alice", trio.current_time(), announced=True)
            assert (await peer.next()).get("stream") == (key + suffix if mode == "stream" else None)


async def test_a_connection_may_change_its_form(autojump_clock: MockClock) -> None:
    """The property "combined" can be set and read."""
    exchange = open_exchange()
    key = new_key(exchange, SPOT_CLASSIC, trio.current_time())
    async with joined(exchange, f"/ws/{key}") as peer:
        await peer.say({"method": "GET_PROPERTY", "params": ["combined"], "id": 1})
        assert await peer.next() == {"result": False, "id": 1}
        await peer.say({"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
        assert await peer.next() == {"result": None, "id": 2}
        exchange.emit("alice", trio.current_time())
        assert (await peer.next())["stream"] == key


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([], 2),
        ({}, 2),
        ({"method": "REQUEST"}, 2),
        ({"method": "SUBSCRIBE", "id": 1.5}, 2),
        ({"method": "SUBSCRIBE", "params": "key"}, 2),
        ({"method": "SUBSCRIBE", "params": [1]}, 2),
        ({"method": "SET_PROPERTY", "params": []}, 0),
        ({"method": "GET_PROPERTY", "params": ["colour"]}, 0),
        ({"method": "SET_PROPERTY", "params": ["combined"]}, 1),
    ],
)
async def test_a_command_that_is_none_gets_an_error(said: object, code: int, autojump_clock: MockClock) -> None:
    """The answer has the exchange's code, and the connection goes on."""
    async with joined(open_exchange(), "/ws") as peer:
        await peer.say(said)
        assert (await peer.next())["error"]["code"] == code
        await peer.say({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        assert await peer.next() == {"result": [], "id": 1}


@pytest.mark.parametrize("text", ["", "{", "[" * 30_000, "1" * 5000, "\ud7ff"])
async def test_what_is_no_json_ends_the_connection(text: str, autojump_clock: MockClock) -> None:
    """Error 3, and a close frame."""
    async with joined(open_exchange(), "/ws") as peer:
        await peer.say(text)
        error = (await peer.next())["error"]
        assert (error["code"], error["msg"][:13]) == (3, "Invalid JSON:")
        assert closed(await peer.next())[0] == 1008


async def test_a_bogus_key_may_be_refused(autojump_clock: MockClock) -> None:
    """That the handshake succeeds with any key is a rule of the dialect's, and can be changed."""
    strict = replace(COINM, stream=replace(COINM.stream, accepts_unknown_keys=False))
    exchange = Exchange(dialects=[strict])
    exchange.add_account("k", name="alice")
    key = new_key(exchange, strict, 0)
    assert (await shake(exchange, "/ws/bogus")).status == 401
    assert (await shake(exchange, f"/ws/{key}")).status == 101
    exchange.kill_key("alice", trio.current_time())
    assert (await shake(exchange, f"/ws/{key}")).status == 401
    assert [entry.status for entry in exchange.log] == [401, 101, 401]


async def test_streams_on_one_connection_are_limited(autojump_clock: MockClock) -> None:
    """Too many in the URL are refused, and too many by SUBSCRIBE end the connection."""
    tight = replace(COINM, stream=replace(COINM.stream, max_streams=2))
    exchange = Exchange(dialects=[tight])
    assert (await shake(exchange, "/ws/a/b/c")).status == 400
    async with joined(exchange, "/ws/a/b") as peer:
        await peer.say({"method": "SUBSCRIBE", "params": ["a", "b"], "id": 1})
        assert await peer.next() == {"result": None, "id": 1}
        await peer.say({"method": "SUBSCRIBE", "params": ["c"], "id": 2})
        assert (await peer.next()).reason == "Too many streams"
