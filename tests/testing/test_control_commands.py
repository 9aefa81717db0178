"""What the control API does, command by command, without sockets and at times that are told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from asking import API_KEY, ask, told
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st

from trio_listenkey._http import Request
from trio_listenkey.testing import (
    COINM,
    MARGIN,
    SPOT,
    SPOT_CLASSIC,
    TOOBIT,
    USDM,
    Exchange,
    Fault,
    Hang,
    Session,
    bad_gateway_html,
)
from trio_listenkey.testing._control._control import ENDPOINTS
from trio_listenkey.testing._control._log_reader import LogReader, log_line
from trio_listenkey.testing._ws._frames import Text
from trio_listenkey.testing.control import Control

SUBSCRIBE = "userDataStream.subscribe.signature"
PAIRS = ["margin", "margin:BTCUSDT", "margin:ETHUSDT"]


def open_exchange(**kwargs: Any) -> Exchange:
    exchange = Exchange(**kwargs)
    exchange.add_account(API_KEY, name="alice")
    return exchange


def as_bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body).encode()


def command(exchange: Exchange, line: str, body: Any = None, now: float = 0.0, **kwargs: Any) -> Any:
    """The answer to a command that succeeds."""
    method, target = line.split()
    status, answer = Control(exchange, **kwargs).handle(method, target, as_bytes(body), now)
    assert status == 200, answer
    json.dumps(answer, allow_nan=False)
    return answer


def refusal(exchange: Exchange, line: str, body: Any = None) -> tuple[int, str]:
    """Status and text of the answer to a command that is refused."""
    method, target = line.split()
    status, answer = Control(exchange).handle(method, target, as_bytes(body), 0.0)
    assert answer.keys() == {"error", "advice"}
    return status, f"{answer['error']}. {answer['advice']}"


def signed_by(secret: str) -> Request:
    """A request to Toobit, five seconds after its epoch."""
    payload = "timestamp=5000"
    signature = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    url = f"https://exchange.test{TOOBIT.path}?{payload}&signature={signature}"
    return Request("POST", url, (("X-BB-APIKEY", API_KEY),))


class TestDescription:
    def test_it_lists_every_endpoint(self) -> None:
        """GET / has the addresses, and each endpoint with what it does and how it is called."""
        answer = command(open_exchange(), "GET /", urls={"rest": "http://127.0.0.1:1"})
        assert answer["urls"] == {"rest": "http://127.0.0.1:1"}
        listed = {(each["method"], each["path"]) for each in answer["endpoints"]}
        assert {("GET", "/state"), ("POST", "/faults"), ("DELETE", "/faults"), ("POST", "/shutdown")} <= listed
        assert all(each["what"].endswith(".") for each in answer["endpoints"])

    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
    def test_every_example_works(self, endpoint: Any) -> None:
        """Each command can be sent as its example shows it."""
        exchange = Exchange()
        exchange.add_account("test-api-key", name="account-1")
        exchange.book.place("account-1", "BTCUSDT", "BUY", "0.01", 0, price=50_000, dialect=USDM)  # number 1
        line = f"{endpoint.method} {endpoint.path}"
        command(exchange, line, endpoint.example, shut_down=lambda: None)


class TestState:
    def test_it_tells_who_has_which_key(self) -> None:
        """Accounts with their open keys per dialect, masked; times and counters."""
        exchange = open_exchange(validity=60)
        key = told(exchange.handle(ask(dialect=USDM), 1))["listenKey"]
        exchange.handle(ask("PUT", COINM), 2)
        state = command(exchange, "GET /state", now=3)
        assert state["accounts"] == [
            {"account": "alice", "keys": {"usdm": f"{key[:4]}***"}, "seconds_without_key": 0, "events": 0}
        ]
        assert (state["now"], state["validity"], state["requests"]) == (3, 60, 2)
        assert (state["open_keys"], state["keys_ever"], state["ban"]) == (1, 1, None)
        assert key not in str(state)

    def test_it_shows_keys_to_who_asks_for_secrets(self) -> None:
        """With secrets=1 the keys are whole; an expired one is not there."""
        exchange = open_exchange(validity=60)
        key = told(exchange.handle(ask(), 0))["listenKey"]
        assert command(exchange, "GET /state?secrets=1", now=59)["accounts"][0]["keys"] == {"usdm": key}
        late = command(exchange, "GET /state?secrets=1", now=70)["accounts"][0]
        assert (late["keys"], late["seconds_without_key"]) == ({}, 10)

    def test_it_tells_of_a_ban_until_it_is_over(self) -> None:
        """When it ends, and with which status requests are refused."""
        exchange = open_exchange()
        assert command(exchange, "POST /ban", {"banned": 120}, now=5) == {"until": 125}
        assert command(exchange, "GET /state", now=124)["ban"] == {"until": 125, "status": 418}
        assert command(exchange, "GET /state", now=125)["ban"] is None


class TestLog:
    def test_who_comes_back_gets_what_is_new(self) -> None:
        """Requests are numbered from 0, and next says where to go on."""
        exchange = open_exchange(faults=[Fault(verb="keepalive", effect=bad_gateway_html())])
        exchange.handle(ask(), 1.5)
        first = command(exchange, "GET /log", now=2)
        exchange.handle(ask("PUT"), 3)
        second = command(exchange, f"GET /log?since={first['next']}", now=4)
        assert [each["n"] for each in first["entries"] + second["entries"]] == [0, 1]
        assert first["entries"][0]["work"] == "created"
        assert second["entries"][0]["effect"] == {"effect": "Status", "code": 502}
        assert second["entries"][0]["when"] == 3
        assert command(exchange, f"GET /log?since={second['next']}", now=4) == {"entries": [], "next": 2, "missed": 0}

    def test_it_comes_in_pages(self) -> None:
        """A long log takes several answers."""
        exchange = open_exchange()
        for _ in range(1001):
            exchange.handle(ask("PUT"), 0)
        page = command(exchange, "GET /log?since=0")
        assert (len(page["entries"]), page["next"]) == (1000, 1000)
        assert [each["n"] for each in command(exchange, "GET /log?since=1000")["entries"]] == [1000]

    def test_it_says_how_many_it_has_forgotten(self) -> None:
        """Where the log forgets the oldest, the numbers go on, and missed says how many are not there."""
        exchange = open_exchange(log_size=2)
        control = Control(exchange)
        for now in range(5):
            exchange.handle(ask("PUT"), now)
            assert control.log.count() == now + 1
        _, answer = control.handle("GET", "/log?since=1", b"", 5)
        assert [(each["n"], each["when"]) for each in answer["entries"]] == [(3, 3), (4, 4)]
        assert (answer["missed"], answer["next"]) == (2, 5)

    def test_a_number_from_another_life_is_no_harm(self) -> None:
        """Who asks for what is not there yet gets nothing, and the number to go on with."""
        assert command(open_exchange(), "GET /log?since=99") == {"entries": [], "next": 0, "missed": 0}

    @pytest.mark.parametrize("number", ["x", "-1", "1" * 16, "²", ""])
    def test_what_is_no_number_is_refused(self, number: str) -> None:
        """Only decimal digits count."""
        assert refusal(open_exchange(), f"GET /log?since={number}")[0] == 400

    def test_lines_for_people(self) -> None:
        """A line has the time, the status, who and what, what struck, and nothing secret."""
        exchange = open_exchange(
            faults=[Fault(verb="keepalive", effect=bad_gateway_html()), Fault(verb="close", effect=Hang())]
        )
        exchange.handle(ask(), 0)
        exchange.handle(ask("PUT"), 1800)
        exchange.handle(ask("GET", api_key="stranger"), 1801)
        command(exchange, "POST /ban", {"rate_limited": {"retry_after": 9}}, now=1802)
        exchange.handle(ask("DELETE"), 1803)
        assert [log_line(entry) for entry in exchange.log] == [
            "     0.000  200  alice        create     created",
            "  1800.000  502  alice        keepalive  struck by Status(code=502)",
            "  1801.000  405  -            GET /fapi/v1/listenKey",
            "  1803.000  429  alice        close      during a ban",
        ]

    def test_a_line_shows_what_follows_a_delay(self) -> None:
        """An effect within an effect is shown, too."""
        exchange = open_exchange()
        command(exchange, "POST /faults", {"effect": {"Delay": {"seconds": 5, "then": "bad_gateway_html"}}})
        exchange.handle(ask(), 0)
        assert "struck by Delay(seconds=5.0, then=Status(code=502))" in log_line(exchange.log[0])

    def test_a_reader_of_an_empty_log(self) -> None:
        """There is nothing, and nothing is wrong."""
        assert LogReader(Exchange()).since(0) == (0, ())


class TestCommands:
    def test_accounts(self) -> None:
        """An API key is let in, for a new account or one that there is."""
        exchange = open_exchange()
        assert command(exchange, "POST /accounts", {"api_key": "b"}) == {"account": "account-2"}
        assert command(exchange, "POST /accounts", {"api_key": "c", "name": "alice"}) == {"account": "alice"}
        assert exchange.handle(ask(api_key="b"), 0).status == 200
        assert refusal(exchange, "POST /accounts", {"api_key": "b"})[0] == 400
        assert refusal(exchange, "POST /accounts", {"name": "b"}) == (
            400,
            "body.api_key is missing. The fields are: api_key, name, secret, public_key",
        )

    def test_an_account_is_added_with_its_secret(self) -> None:
        """Signatures are verified by it from then on; it is shown nowhere."""
        exchange = Exchange(dialects=[TOOBIT], epoch=0)
        command(exchange, "POST /accounts", {"api_key": API_KEY, "name": "alice", "secret": "a-secret"})
        statuses = [exchange.handle(signed_by(secret), 5).status for secret in ("another", "a-secret")]
        assert statuses == [400, 200]
        assert "a-secret" not in str(command(exchange, "GET /state?secrets=1", now=5)) + str(
            command(exchange, "GET /log", now=5)
        )

    @pytest.mark.parametrize(
        "kind", [ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 2048)]
    )
    def test_an_account_is_added_with_its_public_key(self, kind: Callable[[], Any]) -> None:
        """As PEM, of either kind; what is no such key is refused, and so is one of two kinds."""
        key = kind()
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        exchange = Exchange(epoch=0)
        command(exchange, "POST /accounts", {"api_key": API_KEY, "public_key": pem})
        payload = "timestamp=5000"
        how = () if isinstance(key, ed25519.Ed25519PrivateKey) else (padding.PKCS1v15(), hashes.SHA256())
        good = quote(base64.b64encode(key.sign(payload.encode(), *how)).decode(), safe="")
        url = f"https://exchange.test/fapi/v1/openOrders?{payload}&signature="
        headers = (("X-MBX-APIKEY", API_KEY),)
        statuses = [exchange.handle(Request("GET", url + each, headers), 5).status for each in ("AAAA", good)]
        assert statuses == [400, 200]
        assert "no Ed25519 or RSA" in refusal(exchange, "POST /accounts", {"api_key": "b", "public_key": "x"})[1]
        assert "one kind" in refusal(exchange, "POST /accounts", {"api_key": "b", "secret": "s", "public_key": pem})[1]

    def test_an_api_key_is_revoked(self) -> None:
        """Every later request gets what the exchange documents, the account's other keys are left alone."""
        exchange = open_exchange()
        exchange.add_account("another", name="alice")
        key = told(exchange.handle(ask(), 0))["listenKey"]
        assert command(exchange, "POST /accounts/revoke", {"api_key": API_KEY}) == {}
        for method in ("POST", "PUT", "DELETE"):
            reply = exchange.handle(ask(method), 1)
            assert (reply.status, told(reply)["code"]) == (401, -2015)
        assert exchange.open_keys(1) == (key,)
        assert exchange.handle(ask("PUT", api_key="another"), 2).status == 200
        status, text = refusal(exchange, "POST /accounts/revoke", {"api_key": API_KEY})
        assert status == 400
        assert API_KEY not in text
        assert refusal(exchange, "POST /accounts/revoke", {})[1].startswith("body.api_key is missing")

    def test_a_socket_of_a_revoked_key_is_told(self) -> None:
        """After its next request on the WebSocket API, which the documents say; it gets no events from then on."""
        exchange = Exchange(dialects=[SPOT], epoch=0)
        exchange.add_account(API_KEY, name="alice")
        session = exchange.connect("/ws-api/v3", 0)
        assert isinstance(session, Session)
        params = {"apiKey": API_KEY, "timestamp": 0, "signature": "any"}
        session.receive_text(json.dumps({"id": 1, "method": SUBSCRIBE, "params": params}), 0)
        command(exchange, "POST /accounts/revoke", {"api_key": API_KEY})
        session.receive_text(json.dumps({"id": 2, "method": "ping"}), 1)
        command(exchange, "POST /events", {"account": "alice", "dialect": "spot"}, now=1)
        frames = [json.loads(each.data) for each in session.due(1) if isinstance(each, Text)]
        assert [(each["id"], each["status"]) for each in frames] == [(1, 200), (2, 200), (None, 401)]
        assert frames[-1]["error"]["code"] == -2015

    def test_a_dialect_is_retired_and_comes_back(self) -> None:
        """Its listen keys get HTTP 410 as a web page, those of others do not; one that is not served is a mistake."""
        exchange = open_exchange()
        assert exchange.handle(ask(dialect=SPOT_CLASSIC), 0).status == 200
        assert command(exchange, "POST /dialects/retire", {"dialect": "spot-classic"}) == {"retired": ["spot-classic"]}
        for method in ("POST", "PUT", "DELETE"):
            assert exchange.handle(ask(method, SPOT_CLASSIC), 1).status == 410
        assert exchange.handle(ask(dialect=USDM), 1).status == 200
        body = {"dialect": "spot-classic", "retired": False}
        assert command(exchange, "POST /dialects/retire", body) == {"retired": []}
        assert exchange.handle(ask(dialect=SPOT_CLASSIC), 2).status == 200
        assert "mexc is not served" in refusal(exchange, "POST /dialects/retire", {"dialect": "mexc"})[1]

    def test_an_isolated_pair_is_named_after_a_colon(self) -> None:
        """Its token and its events are its own, and it can be killed by itself; no other dialect has pairs."""
        exchange = Exchange(dialects=[MARGIN], epoch=0)
        exchange.add_account(API_KEY, name="alice")
        session = exchange.connect("/ws-api/v3", 0)
        assert isinstance(session, Session)
        for name in PAIRS:
            pair = name.partition(":")[2]
            url = f"https://exchange.test{MARGIN.path}" + (f"?isIsolated=TRUE&symbol={pair}" if pair else "")
            token = told(exchange.handle(Request("POST", url, (("X-MBX-APIKEY", API_KEY),)), 0))["token"]
            asked = {"id": name, "method": "userDataStream.subscribe.listenToken", "params": {"listenToken": token}}
            session.receive_text(json.dumps(asked), 0)
        session.due(0)
        for name in PAIRS:
            assert command(exchange, "POST /events", {"dialect": name}) == {"numbers": [1]}
        assert len(session.due(0)) == 3
        command(exchange, "POST /keys/kill", {"dialect": "margin:BTCUSDT"}, now=1)
        for name in PAIRS:
            command(exchange, "POST /events", {"dialect": name}, now=1)
        assert len(session.due(1)) == 2
        for wrong in ("usdm:BTCUSDT", "margin:btc", "margin:"):
            assert "has no pair" in refusal(exchange, "POST /events", {"dialect": wrong})[1]

    def test_faults_come_and_go(self) -> None:
        """What is posted goes wrong until it is deleted."""
        exchange = open_exchange()
        assert command(exchange, "POST /faults", ["any=Status:503", {"verb": "close", "effect": "Hang"}]) == {
            "added": 2
        }
        assert exchange.handle(ask(), 0).status == 503
        assert command(exchange, "DELETE /faults") == {}
        assert exchange.handle(ask(), 0).status == 200

    def test_a_mistake_among_faults_adds_none(self) -> None:
        """The answer names the one that is wrong, and the others are not added either."""
        exchange = open_exchange()
        status, text = refusal(exchange, "POST /faults", ["any=Hang", "any=Hangg"])
        assert (status, text.partition(". ")[0]) == (400, "faults[1].effect: there is no 'Hangg'")
        assert exchange.handle(ask(), 0).wire is None

    def test_killing_a_key(self) -> None:
        """The only account there is need not be named; of several, it must."""
        exchange = open_exchange()
        for dialect in (USDM, COINM):
            exchange.handle(ask(dialect=dialect), 0)
        command(exchange, "POST /keys/kill", {"dialect": "usdm"}, now=1)
        assert command(exchange, "GET /state", now=1)["accounts"][0]["keys"].keys() == {"coinm"}
        command(exchange, "POST /keys/kill", now=1)
        assert exchange.open_keys(1) == ()
        exchange = open_exchange()
        exchange.add_account("b")
        assert refusal(exchange, "POST /keys/kill")[1].startswith("body.account is missing")
        assert refusal(exchange, "POST /keys/kill", {"account": "carol"})[1].startswith("no account is named 'carol'")
        assert refusal(exchange, "POST /keys/kill", [])[1].startswith("body: [] is not a JSON object")

    def test_replacing_a_key(self) -> None:
        """The new one is masked, unless secrets are asked for."""
        exchange = open_exchange()
        exchange.handle(ask(), 0)
        masked = command(exchange, "POST /keys/replace", {"dialect": "usdm"}, now=1)["key"]
        assert re.fullmatch(r"\w{4}\*\*\*", masked)
        assert exchange.open_keys(1)[0].startswith(masked[:4])
        shown = command(exchange, "POST /keys/replace?secrets=1", {"dialect": "usdm"}, now=1)["key"]
        assert exchange.open_keys(1) == (shown,)

    def test_a_ban_is_a_limit(self) -> None:
        """In the words of the fault language, and nothing else is one."""
        exchange = open_exchange()
        command(exchange, "POST /ban", {"effect": "Limit", "seconds": 10, "status": 418}, now=1)
        assert exchange.handle(ask(), 10).status == 418
        assert refusal(exchange, "POST /ban", "Hang")[0] == 400

    def test_shutting_down(self) -> None:
        """Only where there is a process to end."""
        calls: list[None] = []
        assert command(open_exchange(), "POST /shutdown", shut_down=lambda: calls.append(None)) == {}
        assert calls == [None]
        assert refusal(open_exchange(), "POST /shutdown")[0] == 404


class TestEvents:
    """The fields of the command are the exchange's own."""

    def test_one_or_many(self) -> None:
        """The answer has the events' numbers."""
        exchange = open_exchange()
        assert command(exchange, "POST /events", {"dialect": "usdm"}, now=1) == {"numbers": [1]}
        body = {"count": 3, "dialect": "usdm", "kind": "MARGIN_CALL", "data": {"cw": "3.1"}}
        assert command(exchange, "POST /events", body, now=2) == {"numbers": [2, 3, 4]}
        assert command(exchange, "GET /state", now=2)["accounts"][0]["events"] == 4

    def test_data_is_merged_at_every_depth(self) -> None:
        """Objects field by field; a list, a null and what is no object take the place of what was there."""
        exchange = open_exchange(epoch=0)
        key = told(exchange.handle(ask(), 0))["listenKey"]
        session = exchange.connect(f"/private/ws/{key}", 0)
        assert isinstance(session, Session)

        def emitted(kind: str, data: Any) -> Any:
            command(exchange, "POST /events", {"kind": kind, "data": data}, now=1)
            (frame,) = session.due(1)
            assert isinstance(frame, Text)
            return json.loads(frame.data)

        plain = emitted("ORDER_TRADE_UPDATE", {})
        data = {"T": 5, "o": {"X": "CANCELED", "c": plain["o"]["c"], "deep": {"is": "new"}, "N": None}}
        changed = emitted("ORDER_TRADE_UPDATE", data)
        assert changed["o"].keys() - plain["o"].keys() == {"deep"}
        different = {name for name in plain["o"] if changed["o"][name] != plain["o"][name]}
        assert different == {"X", "N", "i", "t"}  # the order's and the trade's numbers are the event's own
        assert changed["o"]["deep"] == {"is": "new"}
        assert (changed["T"], changed["o"]["N"], changed["E"]) == (5, None, 1000)

        account = emitted("ACCOUNT_UPDATE", {"a": {"B": [{"a": "BNB"}]}})
        assert account["a"]["B"] == [{"a": "BNB"}]
        assert account["a"].keys() == {"m", "B", "P"}
        assert emitted("ACCOUNT_UPDATE", {"a": "no object"})["a"] == "no object"
        assert emitted("MARGIN_CALL", {"p": [{}]}) == {"e": "MARGIN_CALL", "E": 1000, "p": [{}]}

    def test_a_rate(self) -> None:
        """So many per second, from now on, until the rate is zero."""
        exchange = open_exchange()
        assert command(exchange, "POST /events", {"per_second": 2, "dialect": "usdm"}, now=2) == {"numbers": None}
        exchange.handle(ask(), 12)
        assert 19 <= exchange.emitted("alice") <= 20
        command(exchange, "POST /events", {"per_second": 0, "dialect": "usdm"}, now=12)
        before = exchange.emitted("alice")
        exchange.handle(ask(), 20)
        assert exchange.emitted("alice") == before

    @pytest.mark.parametrize("field", ["count", "per_second"])
    def test_there_is_a_bound(self, field: str) -> None:
        """More than the exchange could do at once is refused."""
        status, text = refusal(open_exchange(), "POST /events", {field: 100_001})
        assert (status, text) == (400, f"body.{field}: 100001 is too much. Pass up to 100000")

    @pytest.mark.parametrize("body", [[], {"count": "1"}, {"per_second": "1"}, {"colour": 1}])
    def test_mistakes(self, body: Any) -> None:
        """What is no number, and what is no field."""
        assert refusal(open_exchange(), "POST /events", body)[0] == 400


class TestSockets:
    def test_they_are_listed_struck_and_shut_down(self) -> None:
        """Open ones are in the state; an effect or a restart reaches those that are open."""
        exchange = open_exchange()
        key = told(exchange.handle(ask(), 0))["listenKey"]
        exchange.connect(f"/private/ws/{key}", 1.0)
        (socket,) = command(exchange, "GET /state", now=2)["sockets"]
        assert (socket["accounts"], socket["opened_at"], socket["state"]) == (["alice"], 1, "open")
        assert key not in str(socket)
        assert command(exchange, "POST /sockets/strike", {"effect": "HalfOpen", "account": "bob"}, now=2) == {
            "struck": 0
        }
        assert command(exchange, "POST /sockets/strike", {"effect": "HalfOpen"}, now=2) == {"struck": 1}
        assert command(exchange, "GET /state", now=2)["sockets"][0]["half_open"] is True
        assert command(exchange, "POST /sockets/shutdown", now=3) == {}
        assert command(exchange, "POST /freeze", {"seconds": 5}, now=4) == {}
        assert exchange.handle(ask(), 5).delay == 4

    def test_what_no_socket_can_have_is_refused(self) -> None:
        """An effect of requests."""
        assert refusal(open_exchange(), "POST /sockets/strike", {"effect": "KillKeys"})[0] == 400
        assert refusal(open_exchange(), "POST /sockets/strike", {"effect": "bad_gateway_html"})[0] == 400

    def test_handshakes_are_in_the_log(self) -> None:
        """As lines, too, without the key."""
        exchange = open_exchange()
        key = told(exchange.handle(ask(), 0))["listenKey"]
        exchange.connect(f"/private/ws/{key}", 1.0)
        assert log_line(exchange.log[1]).split()[:4] == ["1.000", "101", "alice", "connect"]
        assert key not in str(command(exchange, "GET /log", now=2))


class TestRefusals:
    @pytest.mark.parametrize(
        ("line", "body", "answer"),
        [
            ("GET /faultss", None, (404, "there is no /faultss. GET / shows what there is")),
            ("GET /faults", None, (405, "/faults does not take GET. Use POST, DELETE")),
            ("GET /state?secret=1", None, (400, "there is no parameter 'secret' here. There are: secrets")),
            ("GET /?a=1", None, (400, "there is no parameter 'a' here. There are: none")),
            (f"GET /?{'&' * 20}", None, (400, "there are too many parameters. Send fewer")),
            ("POST /faults", None, (400, "faults: None is not a JSON object. Pass one")),
            ("POST /faults", {}, (400, "faults.effect is missing")),
        ],
    )
    def test_what_is_wrong_is_told(self, line: str, body: Any, answer: tuple[int, str]) -> None:
        """Each mistake has its status and a text that says what to do."""
        status, text = refusal(open_exchange(), line, body)
        assert (status, text[: len(answer[1])]) == answer

    @pytest.mark.parametrize(
        "body", [b"{", b"\xff", b"NaN", b"[" * 200_000, b"1" * 5000, b'{"effect": "Hang", "nth": 1e999}']
    )
    def test_what_is_no_json_is_refused(self, body: bytes) -> None:
        """Halves, other encodings, numbers that are none or without end, and abysses."""
        assert refusal(open_exchange(), "POST /faults", body)[0] == 400

    def test_what_was_not_foreseen_ends_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error of the exchange's own is answered with 500, and no more is told of it than its kind."""
        exchange = open_exchange()
        monkeypatch.setattr(exchange, "clear_faults", lambda: 1 / 0)
        assert refusal(exchange, "DELETE /faults") == (
            500,
            "this command failed: ZeroDivisionError. Nothing else is affected",
        )

    @given(
        line=st.sampled_from([(each.method, each.path) for each in ENDPOINTS]),
        query=st.text(max_size=20) | st.sampled_from(["", "?secrets=1", "?since=1"]),
        body=st.binary(max_size=50)
        | st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["account", "count", "dialect", "effect", "seconds", "rate_limited"]), inner
                )
            ),
        ).map(lambda value: json.dumps(value).encode()),
    )
    def test_no_command_breaks_it(self, line: tuple[str, str], query: str, body: bytes) -> None:
        """Whatever is sent, the answer is JSON with 200 or 4xx, and the exchange goes on."""
        exchange = open_exchange()
        status, answer = Control(exchange).handle(line[0], line[1] + query, body, 1.0)
        assert status == 200 or 400 <= status < 500
        json.dumps(answer, allow_nan=False)
        assert Control(exchange).handle("GET", "/state", b"", 2.0)[0] == 200


class TestOrders:
    def test_a_whole_life(self) -> None:
        """Placed, filled in part, cancelled; numbers are texts, as the exchange sends them."""
        exchange = open_exchange()
        command(exchange, "POST /deposits", {"dialect": "spot", "asset": "USDT", "amount": 1000})
        order = {"dialect": "spot", "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01", "price": 50_000}
        placed = command(exchange, "POST /orders", {**order, "client_id": "mine"})
        assert (placed["status"], placed["quantity"], placed["client_id"]) == ("NEW", "0.01", "mine")
        filled = command(exchange, "POST /orders/fill", {"order": "mine", "quantity": 0.004, "price": "49999.5"}, now=1)
        assert (filled["status"], filled["filled"], filled["average"]) == ("PARTIALLY_FILLED", "0.004", "49999.5")
        assert command(exchange, "GET /orders?open=1&account=alice", now=1)["orders"] == [filled]
        assert command(exchange, "POST /orders/cancel", {"order": placed["number"]}, now=2)["status"] == "CANCELED"
        assert command(exchange, "GET /orders?open=1", now=2) == {"orders": []}
        assert len(command(exchange, "GET /orders", now=2)["orders"]) == 1

    def test_a_price_fills(self) -> None:
        """At every market that has the symbol, or at one."""
        exchange = open_exchange()
        order = {"dialect": "usdm", "symbol": "BTCUSDT", "side": "SELL", "quantity": 1, "price": 50_000}
        command(exchange, "POST /orders", order)
        command(exchange, "POST /price", {"symbol": "BTCUSDT", "price": "50000.1"})
        assert command(exchange, "GET /orders")["orders"][0]["status"] == "FILLED"

    def test_what_counts_down(self) -> None:
        """Whose orders in which symbol are cancelled when."""
        exchange = open_exchange()
        exchange._books.count_down("alice", *_usdm(exchange), 5.0, 1.0)
        told = {"account": "alice", "market": "usdm", "symbol": "BTCUSDT", "ends_at": 6.0}
        assert command(exchange, "GET /countdowns", now=2) == {"countdowns": [told]}

    @pytest.mark.parametrize(
        ("line", "body", "problem"),
        [
            ("POST /orders/fill", {"order": 9}, "no open order"),
            ("POST /orders/fill", {}, "order is missing"),
            ("POST /price", {"symbol": "BTCUSDT", "price": [1]}, "price"),
            ("POST /price", {"symbol": "BTCUSDT", "price": True}, "price"),
            ("POST /orders", {"symbol": "BTCUSDT", "side": "UP", "quantity": 1, "dialect": "usdm"}, "side"),
            ("POST /deposits", {"asset": "USDT", "amount": 1}, "dialect"),
            ("POST /symbols", {"symbol": "X", "base": "X", "quote": "USD", "dialect": "coinm"}, "contract_size"),
        ],
    )
    def test_what_cannot_be(self, line: str, body: Any, problem: str) -> None:
        """It is told."""
        status, text = refusal(open_exchange(), line, body)
        assert (status, problem in text) == (400, True), text


def _usdm(exchange: Exchange) -> tuple[Any, Any]:
    market = exchange._books.markets["usdm"]
    symbol = exchange._books.symbol(market, "BTCUSDT")
    assert symbol is not None
    return market, symbol
