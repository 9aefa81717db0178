"""What the exchange answers in each dialect, literally, and how it verifies what is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from dataclasses import replace
from typing import Any

import pytest

from trio_listenkey import UsageError, testing as t
from trio_listenkey._http import Request
from trio_listenkey.testing import Dialect, Exchange, Reply, StreamRules
from trio_listenkey.testing._dialects._events import kinds_of
from trio_listenkey.testing._ws._key_connection import KeyConnection

API_KEY, SECRET = "an-api-key-of-alice", "the-secret-of-alice"
UNIX = 1_793_491_200  # the exchange's time at 0
FORM = ("Content-Type", "application/x-www-form-urlencoded")
HMAC = [t.BINGX, t.MEXC, t.TOOBIT, t.HASHKEY, t.TOOBIT_USDTM, t.HASHKEY_HK]


def named(dialects: list[Dialect]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dialect", dialects, ids=[each.name for each in dialects])


def an_exchange(dialect: Dialect, secret: str | None = SECRET) -> Exchange:
    exchange = Exchange(seed=1, dialects=[dialect], epoch=UNIX)
    exchange.add_account(API_KEY, name="alice", secret=secret)
    return exchange


def ask(
    exchange: Exchange,
    dialect: Dialect,
    method: str = "POST",
    query: str = "",
    *,
    path: str = "",
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    now: float = 0,
) -> Reply:
    url = f"https://exchange.test{dialect.path}{path}?{query}"
    return exchange.handle(Request(method, url, ((dialect.api_key_in, API_KEY), *headers), body), now)


def signed(params: str) -> str:
    return f"{params}&signature={hmac.new(SECRET.encode(), params.encode(), hashlib.sha256).hexdigest()}"


def gmo(method: str, milliseconds: int = UNIX * 1000) -> tuple[tuple[str, str], ...]:
    payload = f"{milliseconds}{method}/v1/ws-auth"
    signature = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return ("API-TIMESTAMP", str(milliseconds)), ("API-SIGN", signature)


class TestSignatures:
    @named(HMAC)
    @pytest.mark.parametrize("seconds", [-4.9, 0, 0.9])
    def test_what_is_signed_and_in_time_is_served(self, dialect: Dialect, seconds: float) -> None:
        """The query is signed without the signature, and its time may be off a little."""
        reply = ask(an_exchange(dialect), dialect, query=signed(f"timestamp={round((UNIX + seconds) * 1000)}"))
        assert (reply.status, reply.work) == (200, "created")

    @named(HMAC)
    @pytest.mark.parametrize("seconds", [-6, 2])
    def test_what_is_late_or_early_is_refused(self, dialect: Dialect, seconds: float) -> None:
        """A time too far from the exchange's is refused in its own words, and nothing is done."""
        reply = ask(an_exchange(dialect), dialect, query=signed(f"timestamp={round((UNIX + seconds) * 1000)}"))
        assert (reply.status, reply.body) == (dialect.refusals.clock.code, dialect.refusals.clock.body)
        assert reply.work is None

    @named(HMAC)
    @pytest.mark.parametrize(
        "query",
        [
            "",
            f"timestamp={UNIX * 1000}",
            f"timestamp={UNIX * 1000}&signature=",
            f"timestamp={UNIX * 1000}&signature=0000",
            "timestamp=today&signature=0000",
            signed(f"mytimestamp={UNIX * 1000}"),
            signed(f"timestamp={UNIX * 1000}") + "00",
        ],
    )
    def test_what_is_not_signed_is_refused(self, dialect: Dialect, query: str) -> None:
        """A signature that is missing or wrong is refused in the exchange's words; BingX has one for each."""
        reply = ask(an_exchange(dialect), dialect, query=query)
        is_missing = not query.partition("signature=")[2]
        refusal = (is_missing and dialect.refusals.unsigned) or dialect.refusals.signature
        assert (reply.status, reply.body) == (refusal.code, refusal.body)

    def test_a_form_is_signed_with_the_query(self) -> None:
        """Query and body are signed with nothing between (MEXC documentation, "SIGNED")."""
        whole = signed(f"recvWindow=5000timestamp={UNIX * 1000}")
        body = whole.removeprefix("recvWindow=5000").encode()
        # The time stands at the end of the one and the beginning of the other: only the signature is looked at here.
        exchange = an_exchange(t.MEXC)
        reply = ask(exchange, t.MEXC, query="recvWindow=5000", body=body, headers=(FORM,))
        assert reply.body == t.MEXC.refusals.signature.body
        whole = signed(f"timestamp={UNIX * 1000}")
        assert ask(exchange, t.MEXC, body=whole.encode(), headers=(FORM,)).work == "created"

    def test_without_a_secret_any_signature_does(self) -> None:
        """An account whose secret the exchange was not told is believed."""
        exchange = an_exchange(t.TOOBIT, secret=None)
        assert ask(exchange, t.TOOBIT, query=f"timestamp={UNIX * 1000}&signature=x").work == "created"

    def test_a_wallet_needs_a_nonce_in_microseconds(self) -> None:
        """Aster V3 takes the address for the API key, and the nonce for the time."""
        exchange = an_exchange(t.ASTER_SPOT_V3)
        good = f"nonce={UNIX * 1_000_000}&user={API_KEY}&signature=0x1"
        assert ask(exchange, t.ASTER_SPOT_V3, body=good.encode(), headers=(FORM,)).work == "created"
        late = f"nonce={UNIX * 1000}&user={API_KEY}&signature=0x1"
        assert b"-4225" in ask(exchange, t.ASTER_SPOT_V3, body=late.encode(), headers=(FORM,)).body

    def test_gmo_signs_in_headers(self) -> None:
        """Time, method and path, in two headers."""
        exchange = an_exchange(t.GMO_COIN)
        assert b"ERR-5012" in ask(exchange, t.GMO_COIN).body
        assert b"ERR-5012" in ask(exchange, t.GMO_COIN, headers=gmo("PUT")).body
        assert b"ERR-5008" in ask(exchange, t.GMO_COIN, headers=gmo("POST", (UNIX - 60) * 1000)).body
        assert ask(exchange, t.GMO_COIN, headers=gmo("POST")).work == "created"

    def test_bitrue_s_futures_sign_in_headers(self) -> None:
        """Time, method, the path with the key, and the body, in two headers of other names."""
        exchange = an_exchange(t.BITRUE_FUTURES)

        def headers(method: str, path: str = "", body: str = "") -> tuple[tuple[str, str], ...]:
            payload = f"{UNIX * 1000}{method}{t.BITRUE_FUTURES.path}{path}{body}"
            signature = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
            return ("X-CH-TS", str(UNIX * 1000)), ("X-CH-SIGN", signature)

        for wrong in ((), headers("PUT"), headers("POST", body="{}")):
            assert b"1022" in ask(exchange, t.BITRUE_FUTURES, headers=wrong).body
        assert ask(exchange, t.BITRUE_FUTURES, headers=headers("POST", body="{}"), body=b"{}").work == "created"
        path = f"/{exchange.keys_ever[0]}"
        assert b"1022" in ask(exchange, t.BITRUE_FUTURES, "PUT", path=path, headers=headers("PUT")).body
        kept = ask(exchange, t.BITRUE_FUTURES, "PUT", path=path, headers=headers("PUT", path))
        assert (kept.work, kept.body) == ("renewed", b'{"msg":"succ","code":200}')
        closed = ask(exchange, t.BITRUE_FUTURES, "DELETE", path=path, headers=headers("DELETE", path))
        assert closed.work == "closed"
        gone = ask(exchange, t.BITRUE_FUTURES, "PUT", path=path, headers=headers("PUT", path))
        assert b"-1150" in gone.body


class TestAnswers:
    def test_options_tell_when_the_key_ends(self) -> None:
        """The only one that does, in milliseconds."""
        reply = ask(an_exchange(t.OPTIONS), t.OPTIONS)
        assert reply.body.endswith(b'","expiration":%d}' % ((UNIX + 3600) * 1000))

    def test_a_key_may_live_for_ever(self) -> None:
        """Where the answer does not say until when."""
        exchange = Exchange(dialects=[t.USDM], validity=math.inf)
        exchange.add_account(API_KEY, name="alice")
        assert ask(exchange, t.USDM).work == "created"
        assert len(exchange.open_keys(1e12)) == 1

    def test_the_key_may_be_in_the_path(self) -> None:
        """At Bitrue, keepalive and close have it there; a code is a number on create and a text after that."""
        exchange = an_exchange(t.BITRUE)
        reply = ask(exchange, t.BITRUE)
        key = exchange.keys_ever[0]
        assert reply.body == b'{"msg":"succ","code":200,"data":{"listenKey":"%s"}}' % key.encode()
        kept = ask(exchange, t.BITRUE, "PUT", path=f"/{key}")
        assert (kept.work, kept.body) == ("renewed", b'{"msg":"succ","code":"200","data":null}')
        assert b"-1150" in ask(exchange, t.BITRUE, "PUT", path="/another").body
        assert ask(exchange, t.BITRUE, "DELETE", path=f"/{key}").work == "closed"
        assert all(key not in entry.path for entry in exchange.log)

    def test_hashkey_of_hong_kong_spells_its_key_otherwise(self) -> None:
        """In small letters, as its documents' sample has it."""
        exchange = an_exchange(t.HASHKEY_HK)
        reply = ask(exchange, t.HASHKEY_HK, query=signed(f"timestamp={UNIX * 1000}"))
        assert reply.body == b'{"listenkey":"%s"}' % exchange.keys_ever[0].encode()

    def test_tokocrypto_has_its_token_in_an_envelope(self) -> None:
        """As its documents' sample has it; each is another, and what is unsigned is refused."""
        exchange = an_exchange(t.TOKOCRYPTO)
        assert ask(exchange, t.TOKOCRYPTO).status == 400
        for number in range(2):
            reply = ask(exchange, t.TOKOCRYPTO, query=signed(f"timestamp={UNIX * 1000}"))
            token, ends = exchange.keys_ever[number].encode(), (UNIX + 86_400) * 1000
            assert reply.body == b'{"code":0,"data":{"token":"%s","expirationTime":%d}}' % (token, ends)
        assert len(set(exchange.keys_ever)) == 2

    def test_bingx_says_204_without_parameters(self) -> None:
        """A 2xx that means failure, and 404 for a key that is none."""
        exchange = an_exchange(t.BINGX)
        query = signed(f"timestamp={UNIX * 1000}")
        assert ask(exchange, t.BINGX, "PUT", query).status == 204
        assert ask(exchange, t.BINGX, "PUT", signed(f"listenKey=x&timestamp={UNIX * 1000}")).status == 404

    def test_the_risk_stream_needs_the_key_to_keep_it_alone(self) -> None:
        """PUT names the key, DELETE does not, and -3038 is for one that is gone."""
        exchange = an_exchange(t.MARGIN_RISK)
        ask(exchange, t.MARGIN_RISK)
        assert b"-1102" in ask(exchange, t.MARGIN_RISK, "PUT").body
        kept = ask(exchange, t.MARGIN_RISK, "PUT", f"listenKey={exchange.keys_ever[0]}")
        assert (kept.work, kept.body) == ("renewed", b"{}")
        assert ask(exchange, t.MARGIN_RISK, "DELETE").work == "closed"
        assert b"-3038" in ask(exchange, t.MARGIN_RISK, "DELETE").body

    def test_stocks_have_one_method(self) -> None:
        """POST creates and renews; there is no other."""
        exchange = an_exchange(t.STOCKS)
        first, again, put = (ask(exchange, t.STOCKS, method) for method in ("POST", "POST", "PUT"))
        assert (first.work, again.work, first.body) == ("created", "renewed", again.body)
        assert (put.status, dict(put.headers)["Allow"]) == (405, "POST")

    def test_thailand_has_two_keys(self) -> None:
        """One can be kept alive and closed; the other is refused for its length, and is made anew when it is dead."""
        exchange = an_exchange(t.THAILAND)
        ask(exchange, t.THAILAND)
        site, short = sorted(exchange.open_keys(0), key=len, reverse=True)
        assert (len(site), len(short)) == (64, 60)
        for method in ("PUT", "DELETE"):
            assert b"-1100" in ask(exchange, t.THAILAND, method, f"listenKey={site}").body
        assert ask(exchange, t.THAILAND, "PUT", f"listenKey={short}", now=3599).work == "renewed"
        assert exchange.open_keys(3600) == (short,)
        ask(exchange, t.THAILAND, now=3601)
        assert len(set(exchange.keys_ever)) == 3
        assert ask(exchange, t.THAILAND, "DELETE", f"listenKey={short}", now=3602).work == "closed"
        assert len(exchange.open_keys(3602)) == 1

    def test_mexc_makes_a_key_each_time(self) -> None:
        """Keys live beside each other, each is renewed and closed by its name, and PUT and DELETE echo it."""
        exchange = an_exchange(t.MEXC)
        query = signed(f"timestamp={UNIX * 1000}")
        ask(exchange, t.MEXC, query=query)
        ask(exchange, t.MEXC, query=query)
        first, second = exchange.keys_ever
        again = signed(f"listenKey={first}&timestamp={UNIX * 1000}")
        assert ask(exchange, t.MEXC, "PUT", again).body == b'{"listenKey":"%s"}' % first.encode()
        assert ask(exchange, t.MEXC, "DELETE", again).body == b'{"listenKey":"%s"}' % first.encode()
        assert exchange.open_keys(0) == (second,)
        assert b"730708" in ask(exchange, t.MEXC, "PUT", again).body

    def test_gmo_has_five(self) -> None:
        """A sixth ends the one that would have expired next; and keys are named in JSON."""
        exchange = an_exchange(t.GMO_COIN)
        for _ in range(6):
            ask(exchange, t.GMO_COIN, headers=gmo("POST"))
        assert set(exchange.open_keys(0)) == set(exchange.keys_ever[1:])
        body = b'{"token":"%s"}' % exchange.keys_ever[5].encode()
        assert ask(exchange, t.GMO_COIN, "PUT", headers=gmo("PUT"), body=body).work == "renewed"
        for bad in (b"", b"{", b"[]", b'{"token":5}'):
            assert b"ERR-5106" in ask(exchange, t.GMO_COIN, "PUT", headers=gmo("PUT"), body=bad).body


def own_form(rules: StreamRules) -> str:
    return rules.url or f"{rules.base}/ws/{{key}}{rules.suffix}"


@named([t.PM_PRO, t.PORTFOLIO_MARGIN, t.STOCKS, t.THAILAND, t.BINGX, t.MEXC, t.TOOBIT, t.BITRUE, t.GMO_COIN])
def test_a_stream_has_a_form_of_its_own(dialect: Dialect) -> None:
    """The exchange's own form delivers; any other is taken for one of Binance's, or is nowhere."""
    exchange = an_exchange(dialect)
    own = exchange.connect(own_form(dialect.stream).replace("{key}", "somekey"), 0)
    other = exchange.connect("/ws/somekey", 0)
    assert isinstance(own, KeyConnection)
    assert isinstance(other, KeyConnection)
    assert (own.form, other.form) == (dialect.stream.url or dialect.stream.base, "")
    assert "somekey" not in own.shown
    assert isinstance(exchange.connect("/nowhere", 0), Reply)


def test_an_event_reaches_the_own_form_alone() -> None:
    """A key of portfolio margin is silent on the plain path."""
    exchange = an_exchange(t.PORTFOLIO_MARGIN)
    ask(exchange, t.PORTFOLIO_MARGIN)
    own, other = (exchange.connect(path + exchange.keys_ever[0], 0) for path in ("/pm/ws/", "/ws/"))
    exchange.emit("alice", 1)
    assert isinstance(own, KeyConnection)
    assert isinstance(other, KeyConnection)
    assert (own.events, other.events) == (1, 0)


@named([t.MARGIN_RISK, t.STOCKS, t.PORTFOLIO_MARGIN])
def test_each_kind_has_its_number(dialect: Dialect) -> None:
    """Of the products whose events are no one else's, too."""
    exchange = an_exchange(dialect)
    ask(exchange, dialect)
    session = exchange.connect(own_form(dialect.stream).replace("{key}", exchange.keys_ever[0]), 0)
    assert isinstance(session, t.Session)
    kinds = kinds_of(dialect.stream.account_events)
    for number, kind in enumerate(kinds, 1):
        assert exchange.emit("alice", number, kind=kind) == (number,)
        (text,) = said(session, number)
        assert (json.loads(text)["e"], t.event_number(json.loads(text))) == (kind, number)


class Sockets:
    """Alice at one exchange, with a key, and sockets for it."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.exchange = an_exchange(dialect, secret=None)
        self.key = self.exchange.replace_key("alice", 0, dialect=dialect)

    def open(self, now: float = 0) -> t.Session:
        session = self.exchange.connect(self.dialect.stream.url.replace("{key}", self.key), now)
        assert isinstance(session, t.Session)
        return session

    def subscribed(self, now: float = 0) -> t.Session:
        """One that has subscribed to everything, where that is wanted, and has the answers behind it."""
        session = self.open(now)
        for channel, _ in self.dialect.stream.channels:
            session.receive_text(SUBSCRIBE[self.dialect.stream.words].replace("CHANNEL", channel), now)
        session.due(now)
        return session


def said(session: t.Session, now: float) -> list[str]:
    """What the exchange says until then, as text."""
    return [getattr(frame, "data", type(frame).__name__) for frame in session.due(now)]


# What a client says to be known alive, and what is answered to that.
CLIENT_PINGS = {
    "none": ("", []),
    "json": ('{"ping":1691473283965}', ['{"pong":1691473283965}']),
    "method": ('{"method":"PING"}', ['{"id":0,"code":0,"msg":"PONG"}']),
    "event": ('{"event":"pong","ts":"1635221621062"}', []),
}
SUBSCRIBE = {
    "bingx": '{"id":"id1","reqType":"sub","dataType":"CHANNEL"}',
    "bitrue": '{"event":"sub","params":{"channel":"CHANNEL"}}',
    "bitrue-futures": '{"event":"sub","params":{"channel":"CHANNEL"}}',
    "gmo": '{"command":"subscribe","channel":"CHANNEL"}',
    "mexc": '{"method":"SUBSCRIPTION","params":["CHANNEL"]}',
}


class TestChatter:
    @pytest.mark.parametrize(
        ("dialect", "ping", "pong"),
        [
            (t.BINGX, "Ping", "Pong"),
            (t.BINGX_COINM, "Ping", "Pong"),
            (
                t.BINGX_SPOT,
                '{"ping":"0000000000000000000001a19467fb88","time":"2026-11-01T08:00:05.000+0800"}',
                '{"pong":"0000000000000000000001a19467fb88","time":"2026-11-01T08:00:05.000+0800"}',
            ),
            (t.BITRUE_FUTURES, '{"event":"ping","ts":"1793491215000"}', '{"event":"pong","ts":"1793491215000"}'),
            (
                t.HASHKEY,
                '{"ping":1793491230000,"channelId":"0242acfffe120002"}',
                '{"pong":1793491230000,"channelId":"0242acfffe120002"}',
            ),
            (t.BITRUE, '{"ping":1793491215000}', '{"pong":1793491215000}'),
        ],
        ids=lambda each: getattr(each, "name", ""),
    )
    def test_the_exchange_pings(self, dialect: Dialect, ping: str, pong: str) -> None:
        """A pong brings back what the ping has; who misses it is closed."""
        rules = replace(dialect.stream, messages_per_second=None)
        here = Sockets(replace(dialect, stream=rules))
        polite, rude = here.open(), here.open()
        assert said(polite, rules.ping_every) == said(rude, rules.ping_every) == [ping]
        polite.receive_text(pong, rules.ping_every)
        rude.receive_text(pong.replace("on", "no"), rules.ping_every)
        for number in range(2, 1 + math.ceil((rules.ping_every + rules.pong_within) / rules.ping_every)):
            now = number * rules.ping_every
            assert (polite.state, rude.state) == ("open", "open")
            for session in (polite, rude):
                session.receive_text(CLIENT_PINGS[rules.client_pings][0], now)
            (again, *_) = said(polite, now)
            polite.receive_text(again.replace("ing", "ong"), now)
        assert (polite.state, said(rude, now)[-1]) == ("open", "Goodbye")

    def test_either_pong_of_bingx_will_do(self) -> None:
        """The documents of 2022 answer in JSON, those of 2026 by the word."""
        session = Sockets(t.BINGX_SPOT).open()
        for now in range(5, 100, 5):
            assert "Goodbye" not in said(session, now)
            session.receive_text("Pong", now)

    @named([t.MEXC, t.TOOBIT, t.HASHKEY, t.BITRUE, t.COINS_PH])
    def test_the_client_has_to_speak(self, dialect: Dialect) -> None:
        """Who says nothing in the exchange's own words is closed, although it answers every ping."""
        ping, answer = CLIENT_PINGS[dialect.stream.client_pings]
        wrong = [each for each, _ in CLIENT_PINGS.values() if each not in {"", ping}]
        rules = replace(dialect.stream, ping_every=math.inf, messages_per_second=None)
        here = Sockets(replace(dialect, stream=rules))
        polite, rude = here.subscribed(), here.subscribed()
        for number in range(1, 9):
            now = number * rules.silence_within / 4
            assert polite.state == "open"
            polite.receive_text(ping, now)
            assert said(polite, now) == answer
            for each in wrong if rules.words != "binance" else wrong[:0]:
                rude.receive_text(each, now)
        assert rude.state == "open" or rules.words != "binance"
        assert "Goodbye" in said(rude, now)

    def test_an_event_is_traffic_at_mexc(self) -> None:
        """There a minute without any ends a connection, whosever it is."""
        here = Sockets(t.MEXC)
        session = here.subscribed()
        here.exchange.emit("alice", 50)
        assert "Goodbye" not in said(session, 109)
        assert "Goodbye" in said(session, 110)

    def test_commands_are_heard_between(self) -> None:
        """What is neither ping nor pong is a command, or none."""
        here = Sockets(t.TOOBIT)
        session = here.open()
        session.receive_text('{"method":"LIST_SUBSCRIPTIONS","id":1}', 1)
        assert said(session, 1) == [f'{{"result":["{here.key}"],"id":1}}']
        session.receive_text("[]", 2)
        assert "Invalid request" in said(session, 2)[0]
        session.receive_text("Pong", 3)
        assert "Goodbye" in said(session, 3)


class TestSubscribing:
    @pytest.mark.parametrize(
        ("dialect", "subscribe", "granted", "unsubscribe", "ended"),
        [
            (
                t.BINGX_SPOT,
                '{"id":"id1","dataType":"spot.executionReport"}',
                ['{"id":"id1","code":0,"msg":""}'],
                '{"id":"id2","reqType":"unsub","dataType":"spot.executionReport"}',
                ['{"id":"id2","code":0,"msg":""}'],
            ),
            (
                t.BITRUE,
                '{"event":"sub","params":{"channel":"user_order_update"}}',
                ['{"channel":"user_order_update","event_rep":"subed","status":"ok","ts":1793491201000}'],
                '{"event":"unsub","params":{"channel":"user_order_update"}}',
                ['{"channel":"user_order_update","status":"ok","ts":1793491203000}'],
            ),
            (
                t.GMO_COIN,
                '{"command":"subscribe","channel":"executionEvents"}',
                [],
                '{"command":"unsubscribe","channel":"executionEvents"}',
                [],
            ),
            (
                t.MEXC,
                '{"method":"SUBSCRIPTION","params":["spot@private.orders.v3.api.pb"]}',
                ['{"id":0,"code":0,"msg":"spot@private.orders.v3.api.pb"}'],
                '{"method":"UNSUBSCRIPTION","params":["spot@private.orders.v3.api.pb"]}',
                ['{"id":0,"code":0,"msg":"spot@private.orders.v3.api.pb"}'],
            ),
        ],
        ids=lambda each: getattr(each, "name", ""),
    )
    def test_nothing_comes_without(
        self, dialect: Dialect, subscribe: str, granted: list[str], unsubscribe: str, ended: list[str]
    ) -> None:
        """Not before a subscription, not after it, and not what comes on another channel."""
        here = Sockets(dialect)
        session = here.open()
        here.exchange.emit("alice", 0.5)
        session.receive_text(subscribe, 1)
        assert said(session, 1) == granted
        assert here.exchange.sockets(1)[0].channels == session.channels != ()
        here.exchange.emit("alice", 1.5)
        here.exchange.emit("alice", 1.5, kind=kinds_of(dialect.stream.account_events)[1])
        here.exchange.emit("alice", 1.5, kind="of no channel", data={})
        assert len(said(session, 2)) == session.events == 2
        session.receive_text(unsubscribe, 3)
        assert said(session, 3) == ended
        here.exchange.emit("alice", 3.5)
        here.exchange.emit("alice", 3.5, kind="of no channel", data={})
        assert said(session, 4) == []
        assert session.channels == ()

    def test_bitrue_s_futures_have_one_channel(self) -> None:
        """All kinds come on it, and nothing without; the answer has its name where spot's has a word."""
        here = Sockets(t.BITRUE_FUTURES)
        session = here.open()
        here.exchange.emit("alice", 0.5)
        session.receive_text('{"event":"sub","params":{"channel":"user_account_update"}}', 1)
        assert said(session, 1) == ['{"event":"user_account_update","status":"ok","ts":1793491201000}']
        for kind in kinds_of("bitrue-futures"):
            here.exchange.emit("alice", 1.5, kind=kind)
        assert len(said(session, 2)) == session.events == 2

    @pytest.mark.parametrize(
        ("dialect", "refused"),
        [
            (t.BINGX_SPOT, '{"id":"id1","code":100400,"msg":"ILLEGAL_ARGUMENT"}'),
            (t.BITRUE, None),
            (t.BITRUE_FUTURES, None),
            (t.GMO_COIN, '{"error":"ERR-5106 Invalid request parameter."}'),
            (t.MEXC, '{"id":0,"code":0,"msg":"Not Subscribed successfully! [nothing].  Reason: Blocked!"}'),
        ],
        ids=lambda each: getattr(each, "name", ""),
    )
    def test_what_there_is_not(self, dialect: Dialect, refused: str | None) -> None:
        """A channel that is none is refused, as far as anybody knows how; and so is what is no subscription."""
        session = Sockets(dialect).open()
        session.receive_text(SUBSCRIBE[dialect.stream.words].replace("CHANNEL", "nothing"), 1)
        assert said(session, 1) == ([] if refused is None else [refused])
        for number, nonsense in enumerate(["", "[]", "{", "{}", "7", SUBSCRIBE["bitrue"].replace("sub", "x")]):
            now = 1.5 + number / 2
            session.receive_text(nonsense, now)
            assert all("error" in each or "ILLEGAL" in each for each in said(session, now))
        assert (session.channels, session.state) == ((), "open")

    @pytest.mark.parametrize(
        "text",
        [
            '{"method":"SUBSCRIPTION","params":[]}',
            '{"method":"SUBSCRIPTION","params":[5]}',
            '{"method":"SUBSCRIPTION","params":"spot@private.orders.v3.api.pb"}',
            '{"method":["SUBSCRIPTION"],"params":["spot@private.orders.v3.api.pb"]}',
        ],
    )
    def test_half_a_subscription_is_none(self, text: str) -> None:
        """MEXC's answer to it is not known."""
        session = Sockets(t.MEXC).open()
        session.receive_text(text, 1)
        assert (said(session, 1), session.channels) == ([], ())

    def test_who_does_not_subscribe_is_closed_by_mexc(self) -> None:
        """After 30 seconds, pings or not, unless something that there is was subscribed to."""
        here = Sockets(t.MEXC)
        silent, wrong, good = here.open(), here.open(), here.subscribed()
        for session in (silent, wrong, good):
            session.receive_text('{"method":"PING"}', 20)
        wrong.receive_text(SUBSCRIBE["mexc"].replace("CHANNEL", "nothing"), 20)
        assert ["Goodbye" in said(session, 30) for session in (silent, wrong, good)] == [True, True, False]

    def test_mexc_says_that_a_key_is_none(self) -> None:
        """On a socket that is opened with one that is dead, or never was; nothing when it dies later."""
        here = Sockets(t.MEXC)
        good = here.open()
        here.exchange.kill_key("alice", 1)
        dead = here.open(2)
        assert (said(good, 2), said(dead, 2)) == ([], ["Invalid listen key"])

    def test_there_is_a_limit(self) -> None:
        """30 at MEXC: one more is refused."""
        here = Sockets(replace(t.MEXC, stream=replace(t.MEXC.stream, max_streams=2)))
        assert len(here.subscribed().channels) == 2

    def test_gmo_takes_one_in_a_second(self) -> None:
        """From one address, whatever the socket."""
        here = Sockets(t.GMO_COIN)
        first, second = here.open(), here.open()
        subscribe = SUBSCRIBE["gmo"].replace("CHANNEL", "orderEvents")
        first.receive_text(subscribe, 1)
        second.receive_text(subscribe, 1.9)
        assert (said(first, 2), said(second, 2)) == ([], ['{"error":"ERR-5003 Request too many."}'])
        second.receive_text(subscribe, 2)
        assert (first.channels, second.channels) == (("orderEvents",), ("orderEvents",))

    @pytest.mark.parametrize(
        "rules",
        [
            {"channels": (("a", ()),)},
            {"subscribe_every": -1.0},
            {"subscribe_every": math.inf},
            {"subscribe_within": 0.0},
            {"silence_within": 0.0},
        ],
    )
    def test_rules_that_are_none(self, rules: dict[str, Any]) -> None:
        """Channels without words for them, and times that are none."""
        with pytest.raises(UsageError):
            StreamRules(**rules)


def test_no_two_dialects_have_a_name() -> None:
    """Each is found by its name at the command line."""
    dialects = [each for name in t.__all__ if isinstance(each := getattr(t, name), Dialect)]
    assert len({each.name for each in dialects}) == len(dialects) == 33


def test_emitting_where_an_account_has_no_key_yet() -> None:
    """An event of an account that nobody listens to is counted."""
    exchange = an_exchange(t.MEXC)
    assert exchange.emit("alice", 0) == (1,)
