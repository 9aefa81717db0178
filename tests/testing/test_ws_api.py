"""The WebSocket API in memory: requests, answers and events, as Binance's documents have them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from asking import API_KEY
from hypothesis import given, settings, strategies as st
from trio.testing import MockClock
from websocket_peer import EPOCH, Peer, closed, joined, open_exchange, shake
from wsproto.events import Ping, Pong

from trio_listenkey._http import Request
from trio_listenkey.testing import MARGIN, SPOT, USDM, Exchange, Session, event_number, rate_limited
from trio_listenkey.testing._ws._ws_api_connection import WsApiConnection

UNIX = int(EPOCH * 1000)  # the exchange's time at 0, in milliseconds
URL = "/ws-api/v3?returnRateLimits=false&timeUnit=MILLISECOND"
SECRET = "the-secret-of-alice"

# The key pair of Binance's own examples (web-socket-api.md, "SIGNED request example (HMAC)").
SAMPLE_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SAMPLE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def signed(api_key: str = API_KEY, secret: str = SECRET, **params: Any) -> dict[str, Any]:
    """Parameters with their signature, written out by hand."""
    told = {"apiKey": api_key, "timestamp": UNIX + round(trio.current_time() * 1000), **params}
    payload = "&".join(f"{name}={told[name]}" for name in sorted(told))
    return {**told, "signature": hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()}


async def call(peer: Peer, method: str, params: Any = None, **more: Any) -> Any:
    """The answer to a request, without its id."""
    await peer.say({"id": 1, "method": method, **({} if params is None else {"params": params}), **more})
    answer = await peer.next()
    assert answer.pop("id") == 1, answer
    return answer


def error(status: int, code: int, message: str) -> dict[str, Any]:
    return {"status": status, "error": {"code": code, "msg": message}}


def missing(name: str) -> dict[str, Any]:
    return error(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def good(result: Any) -> dict[str, Any]:
    return {"status": 200, "result": result}


BAD_KEY = error(401, -2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = error(400, -1022, "Signature for this request is not valid.")
TERMINATED = {"e": "eventStreamTerminated", "E": UNIX}


@asynccontextmanager
async def subscribed(exchange: Exchange, url: str = URL) -> AsyncIterator[Peer]:
    """A client that gets alice's events."""
    async with joined(exchange, url) as peer:
        assert await call(peer, "userDataStream.subscribe.signature", signed()) == good({"subscriptionId": 0})
        yield peer


def get_token(exchange: Exchange, query: str = "", api_key: str = API_KEY) -> Any:
    """What is answered to somebody who wants a token, now."""
    url = f"https://exchange.test{MARGIN.path}?{query}"
    reply = exchange.handle(Request("POST", url, (("X-MBX-APIKEY", api_key),)), trio.current_time())
    return json.loads(reply.body)


class TestRequests:
    async def test_ping_and_time(self, autojump_clock: MockClock) -> None:
        """They need nobody to be known, and rate limits are shown unless they are declined."""
        limits = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
        async with joined(open_exchange(), "/ws-api/v3") as peer:
            assert await call(peer, "ping") == {**good({}), "rateLimits": [{**limits, "count": 3}]}
            told = await call(peer, "v3/time", {"returnRateLimits": False})
            assert told == good({"serverTime": UNIX})
        async with joined(open_exchange(weight_limit=50), URL) as peer:
            assert await call(peer, "ping") == good({})
            told = await call(peer, "ping", {"returnRateLimits": True})
            assert told["rateLimits"] == [{**limits, "limit": 50, "count": 4}]

    @pytest.mark.parametrize("request_id", [None, 0, "e2a85d9f-07a5-4f94-8d5f-789dc3deb097"])
    async def test_an_id_comes_back_as_it_was(self, request_id: Any, autojump_clock: MockClock) -> None:
        """A number, a text or null."""
        async with joined(open_exchange(), URL) as peer:
            await peer.say({"id": request_id, "method": "ping"})
            assert await peer.next() == {"id": request_id, **good({})}

    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("{", {"id": None, **error(400, -1135, "Invalid JSON Request")}),
            ("[" * 30_000, {"id": None, **error(400, -1135, "Invalid JSON Request")}),
            ("[]", {"id": None, **error(400, -1135, "Invalid JSON Request")}),
            ('{"method":"ping"}', {"id": None, **missing("id")}),
            ('{"id":[1],"method":"ping"}', {"id": None, **missing("id")}),
            ('{"id":1}', {"id": 1, **missing("method")}),
            ('{"id":1,"method":"ping","params":[]}', {"id": 1, **missing("params")}),
            ('{"id":1,"method":"order.place"}', {"id": 1, **error(400, -1020, "This operation is not supported.")}),
        ],
    )
    async def test_what_is_no_request_is_answered_too(self, text: str, answer: Any, autojump_clock: MockClock) -> None:
        """By an error, and the connection stays open."""
        async with joined(open_exchange(), URL) as peer:
            await peer.say(text)
            assert await peer.next() == answer
            assert await call(peer, "ping") == good({})

    @pytest.mark.parametrize(
        "method",
        ["ping", "time", "session.status", "session.logout", "session.subscriptions", "userDataStream.subscribe"],
    )
    async def test_what_takes_no_parameters_takes_none(self, method: str, autojump_clock: MockClock) -> None:
        """One that was not read is an error."""
        message = "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."
        async with joined(open_exchange(), URL) as peer:
            assert await call(peer, method, {"apiKey": API_KEY}) == error(400, -1104, message)

    async def test_it_is_there_only_where_it_is_served(self, autojump_clock: MockClock) -> None:
        """Other exchanges have no such path, and this one has no other."""
        assert (await shake(open_exchange(dialects=[USDM]), URL)).status == 404
        assert (await shake(open_exchange(dialects=[SPOT]), "/ws/key")).status == 404
        assert (await shake(open_exchange(dialects=[MARGIN]), URL)).status == 101

    @settings(derandomize=True, deadline=None)
    @given(
        texts=st.lists(
            st.text(max_size=50)
            | st.builds(
                lambda **request: json.dumps(request),
                id=st.none() | st.integers() | st.text(max_size=5),
                method=st.sampled_from(
                    [
                        *("ping", "time", "session.logon", "session.status", "session.logout"),
                        *("userDataStream.subscribe.signature", "userDataStream.unsubscribe"),
                        "userDataStream.subscribe.listenToken",
                    ]
                ),
                params=st.dictionaries(
                    st.sampled_from(
                        ["apiKey", "timestamp", "signature", "recvWindow", "listenToken", "subscriptionId"]
                    ),
                    st.sampled_from([API_KEY, "x", "", "é\ud800", UNIX, UNIX * 1000, -1, 0, 1e999, 2.5, None, True])
                    | st.lists(st.none() | st.lists(st.none(), max_size=1), max_size=2),
                ),
            ),
            max_size=5,
        )
    )
    def test_anything_is_answered(self, texts: list[str]) -> None:
        """Whatever is said, there is one answer or more, and the log has no secret."""
        exchange = open_exchange()
        exchange.emit_rate("alice", 0, 0, dialect=SPOT)
        session = exchange.connect(URL, 0)
        assert isinstance(session, Session)
        for text in texts:
            session.receive_text(text, 0)
            assert session.due(0)
        assert len(exchange.log) == 1 + len(texts)
        assert API_KEY not in repr(exchange.log) + repr(session) + repr(exchange.sockets(0))


class TestSigned:
    async def test_the_documents_own_key_pair(self, autojump_clock: MockClock) -> None:
        """HMAC in hexadecimal of either case, of the parameters by name; a window is a part of it."""
        exchange = Exchange(epoch=1645423376.532)
        exchange.add_account(SAMPLE_KEY, secret=SAMPLE_SECRET)
        for more in ({}, {"recvWindow": 100}, {"recvWindow": 6000.346}):
            params = signed(SAMPLE_KEY, SAMPLE_SECRET, timestamp=1645423376532, **more)
            for signature in (params["signature"], params["signature"].upper()):
                async with joined(exchange, URL) as peer:
                    answer = await call(peer, "userDataStream.subscribe.signature", {**params, "signature": signature})
                    assert answer == good({"subscriptionId": 0})

    async def test_only_its_own_signature_is_valid(self, autojump_clock: MockClock) -> None:
        """Another secret's, another request's, or none that could be one."""
        exchange = Exchange(epoch=EPOCH)
        exchange.add_account(API_KEY, name="alice", secret=SECRET)
        wrong = [signed(secret="another"), {**signed(), "recvWindow": 1}, {**signed(), "signature": "\ud800é"}]
        async with joined(exchange, URL) as peer:
            for params in wrong:
                assert await call(peer, "userDataStream.subscribe.signature", params) == BAD_SIGNATURE
            told = await call(peer, "userDataStream.subscribe.signature", signed(flag="x"))
            assert told == good({"subscriptionId": 0})

    @pytest.mark.parametrize("scale", [1, 1000], ids=["ms", "us"])
    @pytest.mark.parametrize(
        ("behind", "window", "message"),
        [
            (-999, None, None),
            (-1000, None, "Timestamp for this request was 1000ms ahead of the server's time."),
            (5000, None, None),
            (5001, None, "Timestamp for this request is outside of the recvWindow."),
            (101, 100, "Timestamp for this request is outside of the recvWindow."),
            (60_000, 60_000, None),
        ],
    )
    async def test_time(
        self, scale: int, behind: int, window: int | None, message: str | None, autojump_clock: MockClock
    ) -> None:
        """In milliseconds or microseconds, up to a second ahead, and no longer ago than the window says."""
        params: dict[str, Any] = {
            "timestamp": (UNIX - behind) * scale,
            **({} if window is None else {"recvWindow": window}),
        }
        async with joined(open_exchange(), URL) as peer:
            told = await call(peer, "userDataStream.subscribe.signature", signed(**params))
            assert told == (good({"subscriptionId": 0}) if message is None else error(400, -1021, message))

    @pytest.mark.parametrize(
        ("change", "answer"),
        [
            ({"apiKey": None}, missing("apiKey")),
            ({"timestamp": ""}, missing("timestamp")),
            ({"signature": None}, missing("signature")),
            ({"signature": 5}, missing("signature")),
            ({"apiKey": 5}, error(400, -2014, "API-key format invalid.")),
            ({"apiKey": "with space"}, error(400, -2014, "API-key format invalid.")),
            ({"apiKey": "of-nobody"}, BAD_KEY),
            ({"timestamp": "now"}, error(400, -1130, "Data sent for parameter 'timestamp' is not valid.")),
            ({"timestamp": True}, error(400, -1130, "Data sent for parameter 'timestamp' is not valid.")),
            ({"recvWindow": 0}, error(400, -1130, "Data sent for parameter 'recvWindow' is not valid.")),
            (
                {"recvWindow": 60_001},
                error(400, -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000."),
            ),
        ],
    )
    async def test_what_is_wrong_with_a_request(self, change: Any, answer: Any, autojump_clock: MockClock) -> None:
        """Each mistake has the documents' error."""
        async with joined(open_exchange(), URL) as peer:
            assert await call(peer, "userDataStream.subscribe.signature", {**signed(), **change}) == answer


class TestSubscriptions:
    async def test_events_come_with_their_subscription(self, autojump_clock: MockClock) -> None:
        """In order and numbered, of every kind, with and without a rate; and of nobody else."""
        exchange = open_exchange()
        exchange.add_account("bobs", name="bob")
        async with subscribed(exchange) as peer:
            for kind in ("executionReport", "outboundAccountPosition", "balanceUpdate"):
                exchange.emit("alice", trio.current_time(), dialect=SPOT, kind=kind)
            exchange.emit("alice", trio.current_time(), kind="listStatus", data={"g": 2})
            exchange.emit("bob", trio.current_time(), dialect=SPOT)
            exchange.emit("alice", trio.current_time(), dialect=USDM)
            got = [await peer.next() for _ in range(4)]
            assert [each["subscriptionId"] for each in got] == [0] * 4
            assert [event_number(each["event"]) for each in got[:3]] == [1, 2, 3]
            assert got[3]["event"] == {"e": "listStatus", "E": UNIX, "g": 2}
            exchange.emit_rate("alice", 2, trio.current_time(), dialect=SPOT)
            assert [event_number((await peer.next())["event"]) for _ in range(4)] == [5, 6, 7, 8]
            assert trio.current_time() == 2
            (info,) = exchange.sockets(2)
            assert (info.path, info.accounts, info.live_keys, info.events) == ("/ws-api/v3", ("alice",), 1, 8)
        await trio.testing.wait_all_tasks_blocked()
        assert exchange.sockets(2) == ()
        assert exchange.emitted("alice", dialect=SPOT) == 8

    async def test_one_for_each_account(self, autojump_clock: MockClock) -> None:
        """A second of the same account is refused; another account's has the next number."""
        exchange = open_exchange()
        exchange.add_account("bobs", name="bob")
        async with subscribed(exchange) as peer:
            again = await call(peer, "userDataStream.subscribe.signature", signed())
            assert again == error(400, -2035, "User Data Stream subscription already active.")
            told = await call(peer, "userDataStream.subscribe.signature", signed("bobs"))
            assert told == good({"subscriptionId": 1})
            listed = await call(peer, "session.subscriptions", {})
            assert listed == good([{"subscriptionId": 0}, {"subscriptionId": 1}])
            exchange.emit("bob", trio.current_time())
            assert (await peer.next())["subscriptionId"] == 1

    async def test_unsubscribing(self, autojump_clock: MockClock) -> None:
        """By number, or all at once; each end is an event, and numbers are not given twice."""
        exchange = open_exchange()
        exchange.add_account("bobs", name="bob")
        async with subscribed(exchange) as peer:
            assert await call(peer, "userDataStream.unsubscribe", {"subscriptionId": 0}) == good({})
            assert await peer.next() == {"subscriptionId": 0, "event": TERMINATED}
            gone = error(400, -2036, "User Data Stream subscription not active.")
            assert await call(peer, "userDataStream.unsubscribe", {"subscriptionId": 0}) == gone
            wrong = error(400, -1130, "Data sent for parameter 'subscriptionId' is not valid.")
            assert await call(peer, "userDataStream.unsubscribe", {"subscriptionId": "0"}) == wrong
            exchange.emit("alice", trio.current_time())
            for number, api_key in enumerate((API_KEY, "bobs"), 1):
                told = await call(peer, "userDataStream.subscribe.signature", signed(api_key))
                assert told == good({"subscriptionId": number})
            assert await call(peer, "userDataStream.unsubscribe") == good({})
            assert [(await peer.next())["subscriptionId"] for _ in range(2)] == [1, 2]
            assert await call(peer, "session.subscriptions") == good([])

    async def test_how_many_there_may_be(self, autojump_clock: MockClock) -> None:
        """1,000 at a time, and 65,535 ever."""
        exchange = Exchange(epoch=EPOCH)
        names = [f"key-{number}" for number in range(1001)]
        for name in names:
            exchange.add_account(name)
        async with joined(exchange, URL) as peer:
            for name in names[:1000]:
                told = await call(peer, "userDataStream.subscribe.signature", signed(name))
                assert told["status"] == 200
            told = await call(peer, "userDataStream.subscribe.signature", signed(names[1000]))
            assert told["error"]["code"] == -1191
            await call(peer, "userDataStream.unsubscribe", {"subscriptionId": 0})
            await peer.next()
        session = exchange.connect(URL, trio.current_time())
        assert isinstance(session, WsApiConnection)
        session._next_id = 65_534  # counted to, it would take a quarter of a minute
        subscribe = json.dumps({"id": 1, "method": "userDataStream.subscribe.signature", "params": signed(names[0])})
        session.receive_text(subscribe, trio.current_time())
        (answer,) = session.due(trio.current_time())
        assert json.loads(answer.data)["result"]["subscriptionId"] == 65_534  # type: ignore[union-attr]
        session.receive_text('{"id":1,"method":"userDataStream.unsubscribe"}', trio.current_time())
        session.due(trio.current_time())
        session.receive_text(subscribe, trio.current_time())
        (answer,) = session.due(trio.current_time())
        assert "-2042" in answer.data  # type: ignore[union-attr]

    @pytest.mark.parametrize("announced", [True, False])
    async def test_it_may_die_behind_a_clients_back(self, announced: bool, autojump_clock: MockClock) -> None:
        """It is not listed any more, gets nothing more, and its end is told or not."""
        exchange = open_exchange()
        async with subscribed(exchange) as peer:
            exchange.kill_key("alice", trio.current_time(), announced=announced)
            if announced:
                assert await peer.next() == {"subscriptionId": 0, "event": TERMINATED}
            exchange.emit("alice", trio.current_time(), dialect=SPOT)
            assert await call(peer, "session.subscriptions") == good([])


class TestTokens:
    async def test_a_token_is_asked_for_by_http(self, autojump_clock: MockClock) -> None:
        """Each request makes another; the old ones live on; it may have letters that no listen key has."""
        exchange = open_exchange()
        tokens = [get_token(exchange) for _ in range(20)]
        assert {each["expirationTime"] for each in tokens} == {UNIX + 86_400_000}
        letters = set("".join(each["token"] for each in tokens))
        assert {"+", "/"} < letters
        assert len(exchange.open_keys(0)) == 20
        assert exchange.log[0].work == "created"

    @pytest.mark.parametrize(
        ("query", "answer"),
        [
            ("validity=60000", {"expirationTime": UNIX + 60_000}),
            ("isIsolated=TRUE&symbol=BTCUSDT", {"expirationTime": UNIX + 86_400_000}),
            ("isIsolated=false", {"expirationTime": UNIX + 86_400_000}),
            ("isIsolated=true", missing("symbol")["error"]),
            ("isIsolated=true&symbol=b/c", missing("symbol")["error"]),
            ("validity=86400001", {"code": -1130, "msg": "Data sent for parameter 'validity' is not valid."}),
            ("validity=-1", {"code": -1130, "msg": "Data sent for parameter 'validity' is not valid."}),
        ],
    )
    async def test_its_terms(self, query: str, answer: Any, autojump_clock: MockClock) -> None:
        """How long, and for which isolated pair."""
        told = get_token(open_exchange(), query)
        assert {name: told[name] for name in answer} == answer

    async def test_it_needs_nothing_else(self, autojump_clock: MockClock) -> None:
        """Its events come until it expires, and that is told; the end is in microseconds, as in the documents."""
        exchange = open_exchange()
        token = get_token(exchange, "validity=60000")["token"]
        async with joined(exchange, URL) as peer:
            told = await call(peer, "userDataStream.subscribe.listenToken", {"listenToken": token})
            assert told == good({"subscriptionId": 0, "expirationTime": (UNIX + 60_000) * 1000})
            exchange.emit("alice", trio.current_time(), dialect=MARGIN)
            assert event_number((await peer.next())["event"]) == 1
            exchange.emit("alice", trio.current_time(), dialect=SPOT)
            got = [await peer.next(patience=61) for _ in range(4)]
            assert [isinstance(each, Ping) for each in got] == [True, True, False, True]
            assert got[2] == {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": UNIX + 60_000}}
            told = await call(peer, "userDataStream.subscribe.listenToken", {"listenToken": token})
            assert told == error(400, -1209, "Invalid listenToken.")

    async def test_another_one_extends_it(self, autojump_clock: MockClock) -> None:
        """On the same socket, without an end between; one that ends earlier changes nothing."""
        exchange = open_exchange()
        tokens = [get_token(exchange, f"validity={seconds}000")["token"] for seconds in (10, 15, 5)]
        async with joined(exchange, URL) as peer:
            ends = []
            for token in tokens:
                told = await call(peer, "userDataStream.subscribe.listenToken", {"listenToken": token})
                assert told["result"]["subscriptionId"] == 0
                ends.append(told["result"]["expirationTime"] - UNIX * 1000)
            assert ends == [10_000_000, 15_000_000, 15_000_000]
            exchange.emit("alice", trio.current_time(), dialect=MARGIN)
            assert (await peer.next())["event"]["e"] == "executionReport"
            assert (await peer.next(patience=16))["event"]["e"] == "eventStreamTerminated"
            assert trio.current_time() == 15

    async def test_isolated_pairs_are_apart(self, autojump_clock: MockClock) -> None:
        """Each is a subscription of its own, with events of its own, beside spot and cross margin."""
        from dataclasses import replace

        exchange = open_exchange()
        pair = replace(MARGIN, path=f"{MARGIN.path}?symbol=BTCUSDT")
        async with subscribed(exchange) as peer:
            for query in ("", "isIsolated=true&symbol=BTCUSDT"):
                params = {"listenToken": get_token(exchange, query)["token"]}
                await call(peer, "userDataStream.subscribe.listenToken", params)
            exchange.emit("alice", trio.current_time(), dialect=pair)
            exchange.emit("alice", trio.current_time(), dialect=MARGIN)
            assert [(await peer.next())["subscriptionId"] for _ in range(2)] == [2, 1]
            exchange.kill_key("alice", trio.current_time(), dialect=pair, announced=True)
            assert await peer.next() == {"subscriptionId": 2, "event": TERMINATED}

    @pytest.mark.parametrize("token", [None, "", 5])
    async def test_no_token(self, token: Any, autojump_clock: MockClock) -> None:
        """It has to be there, and be one of those."""
        exchange = open_exchange()
        key = exchange.replace_key("alice", 0, dialect=USDM)
        async with joined(exchange, URL) as peer:
            told = await call(peer, "userDataStream.subscribe.listenToken", {"listenToken": token})
            assert told == missing("listenToken")
            told = await call(peer, "userDataStream.subscribe.listenToken", {"listenToken": key})
            assert told["error"]["code"] == -1209

    async def test_a_token_is_no_listen_key(self, autojump_clock: MockClock) -> None:
        """In a URL it gets nothing."""
        exchange = open_exchange()
        token = get_token(exchange)["token"]
        async with joined(exchange, f"/stream?streams={token.replace('+', '%2B')}") as peer:
            exchange.emit("alice", trio.current_time(), dialect=MARGIN)
            assert await peer.next(patience=1) == "silence"


class TestLife:
    async def test_pings(self, autojump_clock: MockClock) -> None:
        """Every 20 seconds; who does not answer within a minute is closed."""
        async with joined(open_exchange(), URL, answers_pings=False) as peer:
            got = [await peer.next(patience=100) for _ in range(4)]
            assert [isinstance(each, Ping) for each in got] == [True, True, True, False]
            assert closed(got[3]) == (1008, "Pong timeout")
            assert trio.current_time() == 80

    async def test_a_day(self, autojump_clock: MockClock) -> None:
        """A client's own pings are answered, and a day is the limit."""
        async with subscribed(open_exchange()) as peer:
            await peer.send(Ping(b"hello"))
            assert await peer.next() == Pong(b"hello")
            while isinstance(got := await peer.next(patience=21), Ping):
                pass
            assert (closed(got)[0], trio.current_time()) == (1001, 86_400)

    async def test_a_shutdown_is_told(self, autojump_clock: MockClock) -> None:
        """It belongs to no subscription."""
        exchange = open_exchange()
        async with subscribed(exchange) as peer:
            exchange.shut_down_sockets(trio.current_time(), after=10)
            assert await peer.next() == {"event": {"e": "serverShutdown", "E": UNIX}}
            assert closed(await peer.next(patience=11))[0] == 1001

    async def test_a_revoked_api_key(self, autojump_clock: MockClock) -> None:
        """Events come until the next request, which is answered; then there is an error that nobody asked for."""
        exchange = open_exchange()
        async with subscribed(exchange) as peer:
            exchange.revoke(API_KEY)
            exchange.emit("alice", trio.current_time(), dialect=SPOT)
            assert (await peer.next())["event"]["e"] == "executionReport"
            assert await call(peer, "ping") == good({})
            assert await peer.next() == {"id": None, **BAD_KEY}
            assert await call(peer, "session.subscriptions") == good([])
            assert await call(peer, "userDataStream.subscribe.signature", signed()) == BAD_KEY
            assert await peer.next(patience=1) == "silence"

    async def test_too_much_weight(self, autojump_clock: MockClock) -> None:
        """Connecting costs two; beyond the limit there is an error with the instant at which it is over."""
        exchange = open_exchange(weight_limit=5)
        async with joined(exchange, URL) as peer:
            assert await call(peer, "session.status") != {}
            told = await call(peer, "session.status")
            assert (told["status"], told["error"]["code"]) == (429, -1003)
            assert told["error"]["data"] == {"serverTime": UNIX, "retryAfter": UNIX + 60_000}
            assert (await shake(exchange, URL)).status == 429
            assert (await call(peer, "ping"))["status"] == 429
            assert exchange.requests_during_bans == 2
            assert [entry.during_ban for entry in exchange.log] == [False, False, False, True, True]
            await trio.sleep(60)
            exchange.weight_limit = 1
            assert exchange.weight_limit == 1
            assert (await shake(exchange, URL)).status == 429
            assert exchange.requests_during_bans == 2

    async def test_a_ban_without_its_end(self, autojump_clock: MockClock) -> None:
        """It holds for HTTP and the sockets alike."""
        exchange = open_exchange()
        async with joined(exchange, URL) as peer:
            exchange.ban(rate_limited(30, header=False), trio.current_time())
            told = await call(peer, "ping")
            assert (told["status"], told["error"].keys()) == (429, {"code", "msg"})

    async def test_handshakes_have_their_faults_and_limits(self, autojump_clock: MockClock) -> None:
        """As all sockets' have; and a frozen exchange answers late."""
        exchange = open_exchange(connect_limit=1)
        exchange.freeze(3, 0)
        async with joined(exchange, URL):
            assert trio.current_time() == 3
        assert (await shake(exchange, URL)).status == 429
        assert [(each.path, each.status) for each in exchange.log] == [("/ws-api/v3", 101), ("/ws-api/v3", 429)]
        assert (await shake(exchange, "//[ws-api/v3")).status == 429
