"""What the exchange answers in each dialect, literally, and how it verifies what is signed."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from trio_listenkey import testing as t
from trio_listenkey._http import Request
from trio_listenkey.testing import Dialect, Exchange, Reply
from trio_listenkey.testing._key_session import KeySession

API_KEY, SECRET = "an-api-key-of-alice", "the-secret-of-alice"
UNIX = 1_793_491_200  # the exchange's time at 0
FORM = ("Content-Type", "application/x-www-form-urlencoded")
HMAC = [t.BINGX, t.MEXC, t.TOOBIT, t.HASHKEY]


def named(dialects: list[Dialect]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dialect", dialects, ids=[each.name for each in dialects])


def an_exchange(dialect: Dialect, secret: str | None = SECRET) -> Exchange:
    exchange = Exchange(seed=1, dialects=[dialect])
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
        """A signature that is missing or wrong is refused in the exchange's words."""
        reply = ask(an_exchange(dialect), dialect, query=query)
        assert (reply.status, reply.body) == (dialect.refusals.signature.code, dialect.refusals.signature.body)

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
        assert b"-1021" in ask(exchange, t.ASTER_SPOT_V3, body=late.encode(), headers=(FORM,)).body

    def test_gmo_signs_in_headers(self) -> None:
        """Time, method and path, in two headers."""
        exchange = an_exchange(t.GMO_COIN)
        assert b"ERR-5012" in ask(exchange, t.GMO_COIN).body
        assert b"ERR-5012" in ask(exchange, t.GMO_COIN, headers=gmo("PUT")).body
        assert b"ERR-5008" in ask(exchange, t.GMO_COIN, headers=gmo("POST", (UNIX - 60) * 1000)).body
        assert ask(exchange, t.GMO_COIN, headers=gmo("POST")).work == "created"


class TestAnswers:
    def test_options_tell_when_the_key_ends(self) -> None:
        """The only one that does, in milliseconds."""
        reply = ask(an_exchange(t.OPTIONS), t.OPTIONS)
        assert reply.body.endswith(b'","expiration":%d}' % ((UNIX + 3600) * 1000))

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
        assert (kept.work, kept.body) == ("renewed", b"")
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


@named([t.PM_PRO, t.PORTFOLIO_MARGIN, t.STOCKS, t.THAILAND, t.BINGX, t.MEXC, t.TOOBIT, t.BITRUE, t.GMO_COIN])
def test_a_stream_has_a_form_of_its_own(dialect: Dialect) -> None:
    """The exchange's own form delivers; any other is taken for one of Binance's, or is nowhere."""
    exchange = an_exchange(dialect)
    own = exchange.connect(dialect.stream.url.replace("{key}", "somekey"), 0)
    other = exchange.connect("/ws/somekey", 0)
    assert isinstance(own, KeySession)
    assert isinstance(other, KeySession)
    assert (own.form, other.form) == (dialect.stream.url, "")
    assert "somekey" not in own.shown
    assert isinstance(exchange.connect("/nowhere", 0), Reply)


def test_an_event_reaches_the_own_form_alone() -> None:
    """A key of portfolio margin is silent on the plain path."""
    exchange = an_exchange(t.PORTFOLIO_MARGIN)
    ask(exchange, t.PORTFOLIO_MARGIN)
    own, other = (exchange.connect(path + exchange.keys_ever[0], 0) for path in ("/pm/ws/", "/ws/"))
    exchange.emit("alice", 1)
    assert isinstance(own, KeySession)
    assert isinstance(other, KeySession)
    assert (own.events, other.events) == (1, 0)


class TestChatter:
    def open(self, dialect: Dialect) -> t.Session:
        session = an_exchange(dialect).connect(dialect.stream.url.replace("{key}", "somekey"), 0)
        assert isinstance(session, t.Session)
        return session

    def said(self, session: t.Session, now: float) -> list[str]:
        """What the exchange says until then, as text."""
        return [getattr(frame, "data", type(frame).__name__) for frame in session.due(now)]

    def test_bingx_pings_in_a_word(self) -> None:
        """``Ping`` wants ``Pong``; who misses it is closed."""
        polite, rude = self.open(t.BINGX), self.open(t.BINGX)
        assert self.said(polite, 5) == self.said(rude, 5) == ["Ping"]
        polite.receive_text("Pong", 6)
        for now in range(10, 40, 5):
            assert "Goodbye" not in self.said(polite, now)
            polite.receive_text("Pong", now)
        assert "Goodbye" in self.said(rude, 40)

    @named([t.TOOBIT, t.HASHKEY, t.COINS_PH, t.BITRUE, t.MEXC])
    def test_others_ping_in_json(self, dialect: Dialect) -> None:
        """The pong has the ping's time, and a client may ping, too."""
        session = self.open(dialect)
        every = dialect.stream.ping_every
        (ping,) = self.said(session, every)
        assert ping == f'{{"ping":{round((UNIX + every) * 1000)}}}'
        session.receive_text(ping.replace("ping", "pong"), every)
        session.receive_text('{"ping":1691473283965}', every)
        assert self.said(session, every) == ['{"pong":1691473283965}']
        session.receive_text('{"method":"PING"}', every)
        assert self.said(session, every) == ['{"id":0,"code":0,"msg":"PONG"}']

    def test_commands_are_heard_between(self) -> None:
        """What is neither ping nor pong is a command, or none."""
        session = self.open(t.TOOBIT)
        session.receive_text('{"method":"LIST_SUBSCRIPTIONS","id":1}', 1)
        assert self.said(session, 1) == ['{"result":["somekey"],"id":1}']
        session.receive_text("[]", 2)
        assert "Invalid request" in self.said(session, 2)[0]
        session.receive_text("Pong", 3)
        assert "Goodbye" in self.said(session, 3)


def test_no_two_dialects_have_a_name() -> None:
    """Each is found by its name at the command line."""
    dialects = [each for name in t.__all__ if isinstance(each := getattr(t, name), Dialect)]
    assert len({each.name for each in dialects}) == len(dialects) == 23


def test_emitting_where_an_account_has_no_key_yet() -> None:
    """An event of an account that nobody listens to is counted."""
    exchange = an_exchange(t.MEXC)
    assert exchange.emit("alice", 0) == (1,)
