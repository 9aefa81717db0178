"""The client's side of the WebSocket API, to the letter of Binance's documents; and whatever else may come."""

from __future__ import annotations

import hashlib
import hmac
import json
from math import inf
from typing import Any

import pytest
from hypothesis import given, strategies as st
from timed import Timed

from trio_listenkey import (
    Credentials,
    CredentialsError,
    KeyLostError,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UsageError,
)
from trio_listenkey._protocol._signing import sign_as
from trio_listenkey._protocol._ws_api import WsApiProtocol, subscribe_by_signature, subscribe_by_token

# The key pair of the documents' own example (web-socket-api.md, "SIGNED request example (HMAC)").
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
TIME = 1747385641636  # of the documents' sample of a signed subscription
BEYOND = "\uff11\uff12\uff13\uff14\uff15\uff16"  # of the documents' other example
TOKEN = "6xXxePXwZRjVSHKhzUCCGnmN3fkvMTXru+pYJS8RwijXk9Vcyr3rkwfVOTcP2OkONqciYA"

GOOD = b'{"id":"subscribe","status":200,"result":{"subscriptionId":0},"rateLimits":[{"limit":6000,"count":70}]}'
EVENT = b'{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1728972148778,"u":1728972148778,"B":[]}}'
TERMINATED = b'{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1728973001334}}'
SHUTDOWN = b'{"event":{"e":"serverShutdown","E":1770123456789}}'
REVOKED = b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}'
BANNED = (
    b'{"id":"subscribe","status":418,"error":{"code":-1003,"msg":"Way too much request weight used; IP banned until '
    b'1659146400000. Please use WebSocket Streams for live updates to avoid bans.","data":{"serverTime":1659142907531,'
    b'"retryAfter":1659146400000}},"rateLimits":[]}'
)
# Tokocrypto's documents, "Subscribe with listenToken", and what a client has met at Binance TR.
BARE = b'{"subscriptionId":1,"expirationTime":1749094553955907}'
NAMELESS = b'{"status":200,"result":{"subscriptionId":1,"expirationTime":1749094553955907}}'
ASKED = '{"id":"ask-%d","method":"session.subscriptions","params":{}}'


def sign(payload: str) -> str:
    return sign_as("binance-spot", Credentials(API_KEY, SECRET), payload)


def build(*_: Any) -> Any:
    return subscribe_by_signature(API_KEY, sign)


class ProtocolConnection:
    """A protocol, and what it confirmed."""

    def __init__(self, how: Any = None, *, ready: bool = False) -> None:
        self.confirmed: list[float] = []
        self.session = Timed(WsApiProtocol("binance-spot", how or build(), self.confirmed.append), unix_ms=TIME)
        self.session.start()
        if ready:
            assert self.session.messages_to_send()
            assert self.session.receive_messages([GOOD]) == []
            assert self.session.is_ready

    def says(self) -> list[Any]:
        return [json.loads(text) for text in self.session.messages_to_send()]

    @property
    def failure(self) -> Exception | None:
        return self.session.protocol.failure

    @property
    def is_ready(self) -> bool:
        return self.session.protocol.is_ready

    def hears(self, *said: Any) -> list[bytes]:
        events = self.session.receive_messages(
            [each if isinstance(each, bytes) else json.dumps(each).encode() for each in said]
        )
        self.session.delivered()
        return events


def failure(code: int | None = -1000, status: Any = 400, name: Any = "subscribe", **error: Any) -> Any:
    told = {"msg": "words", **error} | ({} if code is None else {"code": code})
    return {"id": name, "status": status, "error": told}


class TestSigning:
    def test_the_documents_own_signatures(self) -> None:
        """Two payloads and their signatures, one of them with letters beyond ASCII."""
        ascii_alone = (
            f"apiKey={API_KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT"
            "&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
        )
        assert sign(ascii_alone) == "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
        beyond = (
            f"apiKey={API_KEY}&price=0.10000000&quantity=1.00000000&recvWindow=5000&side=BUY&symbol={BEYOND}"
            "&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
        )
        assert sign(beyond) == "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"

    def test_the_documents_parameters_by_name(self) -> None:
        """What is signed is what the documents' example signs, whatever the order in which it is given."""
        signed: list[str] = []
        extra = {"type": "LIMIT", "symbol": "BTCUSDT", "side": "SELL", "price": "52000.00", "timeInForce": "GTC"}
        extra |= {"recvWindow": "100", "quantity": "0.01000000"}

        def note(payload: str) -> str:
            signed.append(payload)
            return sign(payload)

        make = subscribe_by_signature(API_KEY, note, extra)
        _, params = make(1645423376532)
        assert params["signature"] == "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
        assert signed[0].startswith(f"apiKey={API_KEY}&price=52000.00")

    def test_the_subscription(self) -> None:
        """Method and parameters of the documents, with the time as a number."""
        payload = f"apiKey={API_KEY}&timestamp={TIME}".encode()
        signature = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
        (said,) = ProtocolConnection().session.messages_to_send()
        assert said == (
            '{"id":"subscribe","method":"userDataStream.subscribe.signature","params":{"apiKey":"'
            f'{API_KEY}","timestamp":{TIME},"signature":"{signature}"}}}}'
        )

    def test_by_token(self) -> None:
        """The token is all that it takes."""
        (said,) = ProtocolConnection(subscribe_by_token(TOKEN)).session.messages_to_send()
        assert said == (
            '{"id":"subscribe","method":"userDataStream.subscribe.listenToken","params":{"listenToken":"'
            + TOKEN
            + '"}}'
        )

    def test_a_signer_that_fails(self) -> None:
        """Nothing is sent; if signing fails the second time, that ends the protocol."""
        signatures = ["a-signature"]
        credentials = Credentials(API_KEY, signer=lambda _: signatures.pop())
        how = subscribe_by_signature(API_KEY, lambda payload: sign_as("x", credentials, payload))
        ws_api = ProtocolConnection(how)
        assert len(ws_api.says()) == 1
        ws_api.hears(failure(-1021), {"id": "time", "status": 200, "result": {"serverTime": TIME}})
        assert type(ws_api.failure) is UsageError
        assert [said["id"] for said in ws_api.says()] == ["time"]
        with pytest.raises(UsageError, match="signer"):
            ProtocolConnection(how)


class TestSubscribing:
    def test_it_is_ready_when_the_exchange_says_so(self) -> None:
        """The answer is no event, and there is nothing to say by itself."""
        ws_api = ProtocolConnection()
        assert ws_api.session.deadline == inf
        assert [ws_api.is_ready] == [False]
        assert ws_api.hears(GOOD) == []
        assert ws_api.is_ready
        assert ws_api.failure is None
        assert len(ws_api.says()) == 1
        assert ws_api.says() == []

    def test_a_tokens_answer(self) -> None:
        """It tells an end as well, in microseconds."""
        ws_api = ProtocolConnection(subscribe_by_token(TOKEN))
        answer = {"subscriptionId": 1, "expirationTime": 1749094553955907}
        assert ws_api.hears({"id": "subscribe", "status": 200, "result": answer}) == []
        assert ws_api.is_ready

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (failure(-2015, 401), CredentialsError),
            (failure(-2014, 401), CredentialsError),
            (failure(-1022), CredentialsError),
            (failure(-1002, 401), CredentialsError),
            (failure(None, 401), CredentialsError),
            (failure(-1102), RefusedError),
            (failure(-1104), RefusedError),
            (failure(-1020), RefusedError),
            (failure(-9, 403), RefusedError),
            (failure(-1209), KeyLostError),
            (failure(-1191), UnavailableError),
            (failure(-2042), UnavailableError),
            (failure(-1000), UnavailableError),
            (failure(-1007, 408), UnavailableError),
            (failure(-1001, 500), UnavailableError),
            (failure(None, 503), UnavailableError),
            (failure(True, "200"), UnavailableError),
            (failure(-(10**30), 10**30), UnavailableError),
            ({"id": "subscribe", "status": 200, "error": "no object"}, UnavailableError),
            (REVOKED, CredentialsError),
        ],
    )
    def test_it_may_fail(self, error: Any, kind: type[ListenKeyError]) -> None:
        """Each error says whose turn it is; after that nothing is listened to."""
        ws_api = ProtocolConnection()
        assert ws_api.hears(error, EVENT, GOOD) == []
        assert type(ws_api.failure) is kind
        assert ws_api.failure.venue == "binance-spot"
        assert ws_api.session.retry_after is None
        assert not ws_api.is_ready
        assert ws_api.hears(EVENT) == []

    def test_it_was_there_already(self) -> None:
        """Then it is, and whatever is listed is it."""
        ws_api = ProtocolConnection()
        ws_api.hears(failure(-2035))
        assert ws_api.is_ready
        ws_api.says()
        ws_api.session.now = 5
        ws_api.session.ask()
        ws_api.hears({"id": "ask-1", "status": 200, "result": [{"subscriptionId": 3}]})
        assert ws_api.confirmed == [5]
        ws_api.hears({"subscriptionId": 3, "event": {"e": "eventStreamTerminated"}})
        assert isinstance(ws_api.failure, UnavailableError)

    def test_a_byte_order_mark_is_no_part_of_an_answer(self) -> None:
        """Where something puts it before every message, answers are read all the same, and events stay as they came."""
        mark = b"\xef\xbb\xbf"
        talk = ProtocolConnection()
        assert talk.hears(mark + GOOD, mark + EVENT) == [mark + EVENT]
        assert talk.is_ready
        assert talk.failure is None

    def test_an_answer_that_comes_twice(self) -> None:
        """The second changes nothing, good or bad."""
        ws_api = ProtocolConnection(ready=True)
        assert ws_api.hears(GOOD, failure(-2035), failure(-1022)) == []
        assert ws_api.is_ready
        assert ws_api.failure is None

    @pytest.mark.parametrize("how", [None, subscribe_by_token(TOKEN)])
    def test_no_secret_comes_back(self, how: Any) -> None:
        """If the exchange quotes what it was sent, the error does not."""
        ws_api = ProtocolConnection(how)
        secrets = [value for value in ws_api.says()[0]["params"].values() if isinstance(value, str)]
        ws_api.hears(failure(-1102, msg=f"cannot\nread {' '.join(secrets)} in {TOKEN[:30]}"))
        assert ws_api.failure is not None
        assert not any(secret in str(ws_api.failure) for secret in [*secrets, TOKEN[:30]])
        assert "[hidden]" in str(ws_api.failure)
        ws_api = ProtocolConnection(subscribe_by_token("short"))
        ws_api.hears(failure(-1102, msg="what is short?"))
        assert "short" not in str(ws_api.failure)


class TestClock:
    def test_it_is_set_once(self) -> None:
        """After -1021 the exchange's time is asked for, and signed with; a second -1021 is the end."""
        ws_api = ProtocolConnection()
        ws_api.says()
        ws_api.hears(failure(-1021))
        assert ws_api.session.messages_to_send() == ['{"id":"time","method":"time","params":{}}']
        ws_api.hears({"id": "time", "status": 200, "result": {"serverTime": TIME + 60_000}})
        (said,) = ws_api.says()
        assert said["params"]["timestamp"] == TIME + 60_000
        payload = f"apiKey={API_KEY}&timestamp={TIME + 60_000}"
        assert said["params"]["signature"] == sign(payload)
        ws_api.hears(failure(-1021))
        assert type(ws_api.failure) is RefusedError
        assert ws_api.failure.code == -1021

    def test_microseconds(self) -> None:
        """An exchange that tells them takes them."""
        ws_api = ProtocolConnection()
        ws_api.hears(failure(-1021), {"id": "time", "status": 200, "result": {"serverTime": TIME * 1000}})
        assert ws_api.says()[-1]["params"]["timestamp"] == TIME * 1000

    @pytest.mark.parametrize("hours", [-2, 2])
    def test_a_clock_that_is_far_off(self, hours: int) -> None:
        """It is to be set, and not worked around."""
        ws_api = ProtocolConnection()
        time = TIME + hours * 3_600_000
        ws_api.hears(failure(-1021), {"id": "time", "status": 200, "result": {"serverTime": time}})
        assert type(ws_api.failure) is RefusedError
        assert ("7200 s slow" if hours > 0 else "7200 s fast") in str(ws_api.failure)

    @pytest.mark.parametrize(
        "answer",
        [
            {"status": 200},
            {"status": 200, "result": []},
            {"status": 200, "result": {"serverTime": True}},
            {"status": 200, "result": {"serverTime": 10**400}},
            {"status": 200, "result": {"serverTime": "1747385641636"}},
            {"status": 500, "error": {"code": -1000}},
        ],
    )
    def test_no_time(self, answer: Any) -> None:
        """Without it there is no second try here."""
        ws_api = ProtocolConnection()
        ws_api.hears(failure(-1021), {"id": "time", **answer})
        assert type(ws_api.failure) is UnavailableError

    def test_a_time_that_nobody_asked_for(self) -> None:
        """It gets nothing signed."""
        ws_api = ProtocolConnection()
        ws_api.says()
        ws_api.hears(*[{"id": "time", "status": 200, "result": {"serverTime": TIME}}] * 3)
        assert ws_api.says() == []
        ws_api.hears(failure(-1021), *[{"id": "time", "status": 200, "result": {"serverTime": TIME}}] * 3)
        assert [said["id"] for said in ws_api.says()] == ["time", "subscribe"]


class TestSilence:
    def test_a_ban(self) -> None:
        """How long, by the exchange's own clock, which stands beside the end."""
        ws_api = ProtocolConnection()
        ws_api.hears(BANNED)
        assert type(ws_api.failure) is RateLimitedError
        assert ws_api.session.retry_after == ws_api.failure.retry_after == pytest.approx(3492.469)
        assert ws_api.failure.status == 418

    @pytest.mark.parametrize(
        ("error", "seconds"),
        [
            (failure(-1003, 429, data={"retryAfter": TIME + 30_000}), 30),
            (failure(-1003, 429, data={"retryAfter": TIME + 10}), 1),
            (failure(-1003, 429, data={"retryAfter": TIME - 5}), 60),
            (failure(-1003, 429, data={"retryAfter": TIME + 10**12}), 3 * 86_400),
            (failure(-1003, 418, data={"retryAfter": 10**400}), 120),
            (failure(-1003, 429, data={"retryAfter": True}), 60),
            (failure(-1003, 429, data=[]), 60),
            (failure(-1003, 418, msg=f"IP banned until {TIME + 90_000}."), 90),
            (failure(-1034, 400), 60),
            (failure(None, 403), 300),
            ({"id": None, "status": 429}, 60),
        ],
    )
    def test_how_long(self, error: Any, seconds: float) -> None:
        """As the exchange says, within reason; where it does not, as is usual."""
        ws_api = ProtocolConnection()
        ws_api.hears(error)
        assert type(ws_api.failure) is RateLimitedError
        assert ws_api.session.retry_after == seconds


class TestAsking:
    def test_that_it_is_there(self) -> None:
        """It is confirmed as of the question; the documents' answer lists numbers."""
        ws_api = ProtocolConnection(ready=True)
        ws_api.session.now = 10
        assert ws_api.session.ask()
        assert ws_api.session.messages_to_send() == [ASKED % 1]
        ws_api.session.now = 11
        assert ws_api.confirmed == []
        ws_api.hears({"id": "ask-1", "status": 200, "result": [{"subscriptionId": 0}, {"subscriptionId": 1}]})
        assert ws_api.confirmed == [10]

    def test_an_answer_is_to_one_question(self) -> None:
        """A late one is not taken for one to the next; one that comes twice, or to no question, means nothing."""
        ws_api = ProtocolConnection(ready=True)
        for now in (10, 20):
            ws_api.session.now = now
            ws_api.session.ask()
        assert ws_api.session.messages_to_send() == [ASKED % 1, ASKED % 2]
        first, second = ({"id": f"ask-{n}", "status": 200, "result": [{"subscriptionId": 0}]} for n in (1, 2))
        ws_api.hears(first, first)
        assert ws_api.confirmed == [10]
        ws_api.hears(second)
        assert ws_api.confirmed == [10, 20]
        ws_api.hears(
            *({"id": name, "status": 200, "result": []} for name in ("ask-1", "ask-2", "ask-3", "ask", ["ask"]))
        )
        assert ws_api.confirmed == [10, 20]
        assert ws_api.failure is None

    def test_events_from_before_the_answer_come_first(self) -> None:
        """That all was read is not said before what was read is passed on."""
        ws_api = ProtocolConnection(ready=True)
        ws_api.session.ask()
        assert ws_api.session.receive_messages(
            [EVENT, b'{"id":"ask-1","status":200,"result":[{"subscriptionId":0}]}']
        ) == [EVENT]
        assert ws_api.confirmed == []
        ws_api.session.delivered()
        ws_api.session.delivered()
        assert ws_api.confirmed == [0]

    def test_answers_may_come_in_another_order(self) -> None:
        """What is known does not become less."""
        ws_api = ProtocolConnection(ready=True)
        for now in (10, 20):
            ws_api.session.now = now
            ws_api.session.ask()
        ws_api.hears(*({"id": f"ask-{n}", "status": 200, "result": [{"subscriptionId": 0}]} for n in (2, 1)))
        assert ws_api.confirmed == [20]

    def test_before_it_is_ready(self) -> None:
        """There is nothing to ask about yet."""
        ws_api = ProtocolConnection()
        ws_api.says()
        assert ws_api.session.ask()
        assert ws_api.says() == []

    @pytest.mark.parametrize("result", [[], [{"subscriptionId": 1}], None, {}, [0], [{"subscriptionId": [0]}]])
    def test_that_it_is_not(self, result: Any) -> None:
        """Then another socket begins again."""
        ws_api = ProtocolConnection(ready=True)
        ws_api.session.ask()
        ws_api.hears({"id": "ask-1", "status": 200, "result": result})
        assert type(ws_api.failure) is UnavailableError
        assert ws_api.confirmed == []
        ws_api.says()
        ws_api.session.ask()
        assert ws_api.says() == []

    def test_an_exchange_that_does_not_know(self) -> None:
        """Its failure costs no event; a revoked key does."""
        ws_api = ProtocolConnection(ready=True)
        for error in (failure(-1000, 500, "ask-1"), failure(-1020, 400, "ask-2")):
            ws_api.session.ask()
            assert ws_api.hears(error, EVENT) == [EVENT]
        assert [ws_api.failure] == [None]
        assert len(ws_api.says()) == 2
        assert ws_api.confirmed == []
        ws_api.session.ask()
        ws_api.hears(failure(-2015, 401, "ask-3"))
        assert type(ws_api.failure) is CredentialsError

    def test_an_exchange_that_wants_silence(self) -> None:
        """It gets it, and the stream goes on."""
        ws_api = ProtocolConnection(ready=True)
        ws_api.session.ask()
        ws_api.says()
        ws_api.session.now = 100
        ws_api.hears(failure(-1003, 429, "ask-1", data={"retryAfter": TIME + 30_000}), EVENT)
        assert ws_api.failure is None
        assert ws_api.session.retry_after is None
        for now, said in ((129.9, []), (130, [ASKED % 2])):
            ws_api.session.now = now
            assert ws_api.session.ask()
            assert ws_api.session.messages_to_send() == said


class TestEvents:
    def test_they_come_as_they_are(self) -> None:
        """Wrapped, in order, with those of the connection, and of other subscriptions."""
        other = TERMINATED.replace(b'"subscriptionId":0', b'"subscriptionId":7')
        quoting = b'{"subscriptionId":0,"event":{"e":"x","c":"eventStreamTerminated"}}'
        batch = [EVENT, SHUTDOWN, other, quoting]
        assert ProtocolConnection(ready=True).hears(*batch) == batch

    def test_before_the_answer(self) -> None:
        """An event may overtake it."""
        assert ProtocolConnection().hears(EVENT, GOOD, EVENT) == [EVENT, EVENT]

    @pytest.mark.parametrize(
        "end", [TERMINATED, TERMINATED.replace(b'"subscriptionId":0,', b"")], ids=["numbered", "without a number"]
    )
    def test_the_end_of_them(self, end: bytes) -> None:
        """What comes before it is kept."""
        ws_api = ProtocolConnection(ready=True)
        assert ws_api.hears(EVENT, end, EVENT) == [EVENT]
        assert type(ws_api.failure) is UnavailableError

    def test_a_revoked_key(self) -> None:
        """It comes without having been asked for, and ends it all."""
        ws_api = ProtocolConnection(ready=True)
        assert ws_api.hears(EVENT, REVOKED, EVENT) == [EVENT]
        assert type(ws_api.failure) is CredentialsError
        assert ws_api.failure.code == -2015

    @pytest.mark.parametrize(
        "raw", [b"", b"hello", b"[]", b"\xff", b"{}", b'{"e":"new"}', b'{"id":{},"status":' + b"[" * 9999]
    )
    def test_what_nobody_knows(self, raw: bytes) -> None:
        """It is shown rather than hidden, once events may come; and it ends nothing."""
        ws_api = ProtocolConnection()
        assert ws_api.hears(raw) == []
        ws_api = ProtocolConnection(ready=True)
        assert ws_api.hears(raw, EVENT) == [raw, EVENT]
        assert ws_api.failure is None

    @pytest.mark.parametrize(
        "said",
        [
            {"id": "somebody", "status": 400, "error": {}},
            {"id": 5, "status": 200},
            {"id": [], "status": 200},
            {"id": None, "status": 200, "result": {}},
        ],
    )
    def test_answers_to_nobody(self, said: Any) -> None:
        """They are no events, and mean nothing."""
        ws_api = ProtocolConnection(ready=True)
        assert ws_api.hears(said) == []
        assert ws_api.failure is None

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"subscriptionId":[0],"event":{"e":"eventStreamTerminated"}}',
            b'{"subscriptionId":{},"event":{"e":"eventStreamTerminated"}}',
            b'{"subscriptionId":0,"event":["eventStreamTerminated"]}',
            b'{"subscriptionId":0,"event":{"e":["eventStreamTerminated"]}}',
        ],
    )
    def test_ends_that_are_none(self, raw: bytes) -> None:
        """Hostile numbers and shapes are events like any."""
        ws_api = ProtocolConnection(ready=True)
        assert ws_api.hears(raw) == [raw]
        assert ws_api.failure is None


names = st.sampled_from(
    [
        "code",
        "msg",
        "data",
        "retryAfter",
        "serverTime",
        "subscriptionId",
        "e",
        "id",
        "status",
        "error",
        "event",
        "result",
    ]
)
plain = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([200, TIME, -1021])
)
shallow = plain | st.lists(plain, max_size=2) | st.dictionaries(names, plain, max_size=3)
values = shallow | st.lists(shallow, max_size=2) | st.dictionaries(names, shallow, max_size=3)
messages = st.one_of(
    st.binary(max_size=40),
    st.dictionaries(names, values, max_size=4).map(lambda said: json.dumps(said).encode()),
    st.builds(
        lambda name, said: json.dumps({**said, "id": name}).encode(),
        st.sampled_from(["subscribe", "time", "ask-1", None]),
        st.fixed_dictionaries(
            {}, optional={"status": st.sampled_from([200, 400, 418, 429]) | values, "error": values, "result": values}
        ),
    ),
    st.sampled_from([GOOD, EVENT, TERMINATED, SHUTDOWN, REVOKED, BANNED, json.dumps(failure(-1021)).encode()]),
)


@given(batches=st.lists(st.lists(messages, max_size=4), max_size=6))
def test_whatever_comes(batches: list[list[bytes]]) -> None:
    """Nothing raises; what is returned came; two subscriptions at most are signed; what is over stays over."""
    ws_api = ProtocolConnection()
    signed, over = 0, None
    for now, batch in enumerate(batches):
        ws_api.session.now = now
        events = ws_api.session.receive_messages(batch)
        ws_api.session.delivered()
        rest = iter(batch)
        assert all(each in rest for each in events), "not from what came, or not in its order"
        assert over is None or (ws_api.failure is over and events == [])
        over = ws_api.failure
        assert over is None or isinstance(over, ListenKeyError)
        assert SECRET not in str(over)
        assert API_KEY not in str(over)
        ws_api.session.ask()
        signed += sum(said["id"] == "subscribe" for said in ws_api.says())
    assert signed <= 2
    assert ws_api.confirmed == sorted(set(ws_api.confirmed) & set(range(len(batches))))


class TestAnswersWithoutAName:
    """An answer to a subscription that does not say what it answers (K4: another would be asked for without end)."""

    @pytest.mark.parametrize("answer", [BARE, NAMELESS])
    def test_it_is_known_by_its_number(self, answer: bytes) -> None:
        """Events come from then on, and it is none; the number is that of the subscription."""
        ws_api = ProtocolConnection(subscribe_by_token(TOKEN))
        assert ws_api.hears(answer) == []
        assert (ws_api.is_ready, ws_api.failure) == (True, None)
        assert ws_api.hears(EVENT) == [EVENT]
        other = TERMINATED.replace(b":0", b":7", 1)
        assert ws_api.hears(other) == [other]
        ws_api.hears(TERMINATED.replace(b":0", b":1", 1))
        assert isinstance(ws_api.failure, UnavailableError)

    @pytest.mark.parametrize(
        "said", [b'{"subscriptionId":null}', b'{"status":200,"result":{}}', b'{"status":200,"result":[]}', b"{}"]
    )
    def test_what_has_none_is_no_answer(self, said: bytes) -> None:
        """It is waited for."""
        ws_api = ProtocolConnection(subscribe_by_token(TOKEN))
        assert ws_api.hears(said) == []
        assert (ws_api.is_ready, ws_api.failure) == (False, None)

    def test_a_refusal_without_a_name_ends_it(self) -> None:
        """As before: it can only be ours."""
        ws_api = ProtocolConnection(subscribe_by_token(TOKEN))
        ws_api.hears(b'{"status":400,"error":{"code":-1209,"msg":"Invalid listenToken."}}')
        assert isinstance(ws_api.failure, KeyLostError)
