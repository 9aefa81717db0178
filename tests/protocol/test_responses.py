"""What the exchanges' answers mean, as a table of literal answers; ``test_answers_any.py`` has all the others."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from meaning import error_of, expect, may_be_done, meaning_of

from trio_listenkey import (
    CredentialsError,
    EndpointGoneError,
    ListenKeyError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    Venue,
    venues,
)
from trio_listenkey._core._key_states import Event
from trio_listenkey._core._outcomes import Gone, Ok, Outcome, Refused, Wait
from trio_listenkey._errors import TransportError
from trio_listenkey._http import Response
from trio_listenkey._protocol._responses import no_answer, read_answer
from trio_listenkey._venue._codes import KINDS
from trio_listenkey._venue._venue import Verb

USDM, US, SPOT = venues.BINANCE_USDM, venues.BINANCE_US, venues.BINANCE_SPOT_CLASSIC
VERBS: tuple[Verb, ...] = ("create", "keepalive", "close")
EPOCH = 1_659_146_000.0  # 2022-07-30T01:53:20Z, a little before the ban of Binance's examples ends
KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
OTHER_KEY = "3HBntNTepshgEdjIwSUIBgB9keLyOCg5qv3n6bYAtktG8ejcaW5HXz9Vx1JgIieg"
NO_SUCH_KEY = b'{"code":-1125,"msg":"This listenKey does not exist."}'
HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>nginx</center></body>\r\n</html>\r\n"


def read(
    verb: Verb,
    status: int,
    body: bytes = b"",
    *headers: tuple[str, str],
    venue: Venue = USDM,
    hide: tuple[str, ...] = (),
) -> Outcome:
    return read_answer(venue, verb, Response(status, headers, body), epoch=EPOCH, hide=hide)


def error_body(code: int, message: str = "Mind the gap.") -> bytes:
    return f'{{"code":{code},"msg":"{message}"}}'.encode()


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is in a time zone that is nine hours ahead."""
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process cannot be changed here")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


class TestSuccess:
    def test_a_create_brings_the_key(self) -> None:
        """The answer to a create carries the key, and nothing is wrong."""
        outcome = read("create", 200, f'{{"listenKey":"{KEY}"}}'.encode())
        assert outcome == Ok(KEY)

    def test_a_create_may_say_more_than_the_key(self) -> None:
        """The options exchange states an expiry beside the key: it does not matter."""
        outcome = read("create", 200, f'{{"listenKey":"{KEY}","expiration":1762855900452}}'.encode())
        assert outcome == Ok(KEY)

    @pytest.mark.parametrize("body", [b"{}", b' {"result":null} ', b'{"code":0,"msg":"ok"}', b'{"code":200}'])
    def test_a_keepalive_need_not_name_the_key(self, body: bytes) -> None:
        """The spot dialect answers a keepalive with an object that has no key, and that is a success."""
        assert read("keepalive", 200, body) == Ok()

    def test_a_keepalive_names_the_key_that_is_alive(self) -> None:
        """The key in the answer to a keepalive is handed on, whichever it is (K5)."""
        assert expect(Ok, read("keepalive", 200, f'{{"listenKey":"{OTHER_KEY}"}}'.encode())).key == OTHER_KEY

    @pytest.mark.parametrize("body", [b"{}", b"", b'{"listenKey":""}', b"null"])
    @pytest.mark.parametrize("status", [200, 204])
    def test_a_close_needs_no_words(self, status: int, body: bytes) -> None:
        """2xx without an error code is all that a close needs."""
        assert read("close", status, body) == Ok()

    @pytest.mark.parametrize("key", ["a", "_-", "A" * 512])
    def test_a_key_of_the_url_alphabet_is_taken(self, key: str) -> None:
        """Letters, digits, dash and underscore, up to 512 of them, make a key."""
        assert expect(Ok, read("create", 200, f'{{"listenKey":"{key}"}}'.encode())).key == key


class Meaning(NamedTuple):
    event: Event
    error: type[ListenKeyError]


TRANSIENT = Meaning(Event.TRANSIENT, UnavailableError)
WAIT = Meaning(Event.WAIT, RateLimitedError)
REFUSED = Meaning(Event.REFUSED, RefusedError)
CREDENTIALS = Meaning(Event.REFUSED, CredentialsError)
ENDPOINT_GONE = Meaning(Event.REFUSED, EndpointGoneError)

# The codes that Binance documents for these calls, with the statuses that they come with, and one that nobody knows.
CODES = [
    (-1000, 500, TRANSIENT),
    (-1000, 400, TRANSIENT),
    (-1001, 500, TRANSIENT),
    (-1001, 503, TRANSIENT),
    (-1002, 401, CREDENTIALS),
    (-1003, 429, WAIT),
    (-1003, 418, WAIT),
    (-1003, 400, WAIT),
    (-1003, 503, WAIT),
    (-1006, 500, TRANSIENT),
    (-1007, 408, TRANSIENT),
    (-1007, 504, TRANSIENT),
    (-1007, 400, TRANSIENT),
    (-1008, 503, TRANSIENT),
    (-1008, 400, TRANSIENT),
    (-1008, 429, WAIT),
    (-1015, 400, REFUSED),
    (-1015, 429, WAIT),
    (-1016, 400, REFUSED),
    (-1020, 400, REFUSED),
    (-1021, 400, REFUSED),
    (-1022, 400, CREDENTIALS),
    (-1034, 400, WAIT),
    (-1034, 429, WAIT),
    (-1099, 401, CREDENTIALS),
    (-1099, 404, CREDENTIALS),
    (-1100, 400, REFUSED),
    (-1101, 400, REFUSED),
    (-1102, 400, REFUSED),
    (-1103, 400, REFUSED),
    (-1104, 400, REFUSED),
    (-1105, 400, REFUSED),
    (-1191, 400, REFUSED),
    (-1209, 400, REFUSED),
    (-2008, 400, CREDENTIALS),
    (-2014, 400, CREDENTIALS),
    (-2014, 401, CREDENTIALS),
    (-2015, 401, CREDENTIALS),
    (-2015, 403, CREDENTIALS),
    (-2017, 400, CREDENTIALS),
    (-2035, 400, REFUSED),
    (-2036, 400, REFUSED),
    (-2042, 400, REFUSED),
    (-3038, 400, REFUSED),
    (-4109, 400, CREDENTIALS),
    (-987654, 400, REFUSED),
    (-987654, 401, CREDENTIALS),
    (-987654, 403, REFUSED),
    (-987654, 404, REFUSED),
    (-987654, 500, TRANSIENT),
]


@pytest.mark.parametrize(("code", "status", "meaning"), CODES)
@pytest.mark.parametrize("verb", VERBS)
class TestCodes:
    def test_a_code_means_the_same_to_every_verb(self, verb: Verb, code: int, status: int, meaning: Meaning) -> None:
        """What an error code means does not depend on what was asked."""
        outcome = read(verb, status, error_body(code))
        assert meaning_of(outcome) == meaning

    def test_the_error_says_what_there_is_to_say(self, verb: Verb, code: int, status: int, meaning: Meaning) -> None:
        """The error has venue, verb, status, code and the exchange's words as fields and in its text (T4)."""
        error = error_of(read(verb, status, error_body(code)))
        assert (error.venue, error.verb, error.status) == ("binance-usdm", verb, status)
        assert (error.code, error.message) == (code, "Mind the gap.")
        for word in ("binance-usdm", verb, f"HTTP {status}", f"code {code}", "Mind the gap.", error.advice):
            assert word in str(error)
        assert error.advice

    def test_two_hundred_with_a_code_is_no_success(self, verb: Verb, code: int, status: int, meaning: Meaning) -> None:
        """2xx with an error code in the body means what the code means."""
        outcome = read(verb, 200, error_body(code))
        said_by_status = {
            (-1008, 429): TRANSIENT,
            (-1015, 429): REFUSED,
            (-987654, 401): REFUSED,
            (-987654, 500): REFUSED,
        }
        assert meaning_of(outcome) == said_by_status.get((code, status), meaning)
        assert error_of(outcome).status == 200


class TestGone:
    @pytest.mark.parametrize("verb", ["keepalive", "close"])
    @pytest.mark.parametrize("status", [400, 404, 200, 401, 500])
    @pytest.mark.parametrize(
        "message",
        [
            "This listenKey does not exist.",
            "This listenKey does not exist. Please use `POST /fapi/v1/listenKey` to recreate `listenKey`",
            "",
        ],
    )
    def test_a_key_that_does_not_exist_is_gone(self, verb: Verb, status: int, message: str) -> None:
        """-1125 says that the key is gone, whatever the status and the words."""
        outcome = read(verb, status, error_body(-1125, message))
        assert outcome.event is Event.GONE
        assert (error_of(outcome).code, error_of(outcome).status) == (-1125, status)

    @pytest.mark.parametrize(("status", "meaning"), [(400, REFUSED), (200, REFUSED), (503, TRANSIENT), (429, WAIT)])
    def test_a_create_cannot_miss_its_key(self, status: int, meaning: Meaning) -> None:
        """-1125 to a create is nonsense, and is read by its status."""
        outcome = read("create", status, NO_SUCH_KEY)
        assert meaning_of(outcome) == meaning

    def test_another_venue_has_other_codes(self) -> None:
        """Which codes say "gone" is the venue's to tell: -3038 at the margin risk stream, where -1125 means nothing."""
        margin = Venue(
            name="margin-risk",
            rest_url="https://api.binance.com",
            stream_url="wss://margin-stream.binance.com",
            path="/sapi/v1/margin/listen-key",
            stream_path="/ws/{key}",
            answer=venues.Answer(gone=frozenset({-3038})),
        )
        assert read("keepalive", 400, error_body(-3038, "Listen key not found."), venue=margin).event is Event.GONE
        assert read("keepalive", 400, NO_SUCH_KEY, venue=margin).event is Event.REFUSED

    def test_a_code_may_be_a_text(self) -> None:
        """Some exchanges write their codes as texts: they mean the same."""
        assert read("keepalive", 400, b'{"code":"-1125","msg":"?"}').event is Event.GONE
        assert read("keepalive", 200, b'{"code":"-1000"}').event is Event.TRANSIENT

    def test_an_absurd_code_is_cut_short(self) -> None:
        """A code of a thousand digits makes no error of a thousand digits, and no success."""
        error = error_of(read("keepalive", 200, b'{"code":-1%s}' % (b"0" * 1000)))
        assert len(str(error)) < 300

    def test_a_code_that_is_a_fraction_is_none(self) -> None:
        """Codes are whole numbers: a fraction, another text or a truth value is none."""
        for code in ('"no"', "-1125.0", "true", "null", "[-1125]"):
            error = error_of(read("keepalive", 400, f'{{"code":{code},"msg":"?"}}'.encode()))
            assert (error.code, error.message) == (None, "?")


STATUSES_WITH_HTML = [
    (301, REFUSED),
    (302, REFUSED),
    (307, REFUSED),
    (400, TRANSIENT),
    (401, CREDENTIALS),
    (403, WAIT),
    (404, REFUSED),
    (405, REFUSED),
    (407, TRANSIENT),
    (408, TRANSIENT),
    (410, ENDPOINT_GONE),
    (418, WAIT),
    (429, WAIT),
    (451, REFUSED),
    (500, TRANSIENT),
    (502, TRANSIENT),
    (503, TRANSIENT),
    (504, TRANSIENT),
    (520, TRANSIENT),
    (599, TRANSIENT),
]


class TestStatuses:
    @pytest.mark.parametrize(("status", "meaning"), STATUSES_WITH_HTML)
    @pytest.mark.parametrize(
        "body", [HTML, b"", b"\xff\xfe\x00", b"Bad Gateway"], ids=["html", "empty", "utf16", "text"]
    )
    @pytest.mark.parametrize("verb", VERBS)
    def test_a_status_with_something_that_is_not_json(
        self, verb: Verb, body: bytes, status: int, meaning: Meaning
    ) -> None:
        """Where JSON was due and something else came, the status alone tells."""
        outcome = read(verb, status, body)
        assert meaning_of(outcome) == meaning
        error = error_of(outcome)
        assert (error.venue, error.verb, error.status) == ("binance-usdm", verb, status)
        assert (error.code, error.message) == (None, None)

    def test_a_maintenance_page_is_no_key(self) -> None:
        """200 with HTML is worth another try, and a create may have made a key all the same."""
        for verb in ("create", "keepalive"):
            outcome = read(verb, 200, HTML)
            assert meaning_of(outcome) == TRANSIENT
            assert may_be_done(outcome)

    @pytest.mark.parametrize("body", [HTML, b"{", b"OK", b"\xff"], ids=["html", "half", "text", "no utf8"])
    def test_a_maintenance_page_confirms_no_close(self, body: bytes) -> None:
        """2xx to a close with something that is neither JSON nor empty is worth another try."""
        outcome = read("close", 200, body)
        assert meaning_of(outcome) == TRANSIENT

    @pytest.mark.parametrize(
        ("status", "meaning"),
        [(400, REFUSED), (401, CREDENTIALS), (404, REFUSED), (408, TRANSIENT), (429, WAIT), (500, TRANSIENT)],
    )
    def test_an_object_without_a_code_is_read_by_its_status(self, status: int, meaning: Meaning) -> None:
        """An object without a code may carry words, and is otherwise read by its status."""
        outcome = read("create", status, b'{"msg":"Please log in"}')
        assert meaning_of(outcome) == meaning
        error = error_of(outcome)
        assert (error.code, error.message) == (None, "Please log in")

    def test_code_zero_does_not_excuse_a_status(self) -> None:
        """Some say code 0 for "fine": that makes no success of an error status."""
        assert read("keepalive", 500, b'{"code":0}').event is Event.TRANSIENT
        assert read("keepalive", 400, b'{"code":200}').event is Event.REFUSED

    @pytest.mark.parametrize("status", [100, 199, 300, 399])
    def test_only_two_hundreds_are_a_success(self, status: int) -> None:
        """What is not 2xx is no success, whatever the body says."""
        assert read("create", status, f'{{"listenKey":"{KEY}"}}'.encode()).event is Event.REFUSED

    @pytest.mark.parametrize("status", [200, 201, 299])
    def test_every_two_hundred_is_a_success(self, status: int) -> None:
        """All of 2xx is."""
        assert read("create", status, f'{{"listenKey":"{KEY}"}}'.encode()).event is Event.OK


class TestAdvice:
    def test_a_retired_endpoint_names_the_way_out(self) -> None:
        """410 from spot says what serves these events now."""
        error = error_of(read("create", 410, HTML, venue=SPOT))
        assert isinstance(error, EndpointGoneError)
        assert "open_user_stream(venues.BINANCE_SPOT" in error.advice

    def test_a_retired_endpoint_of_another_venue_is_told_too(self) -> None:
        """410 from an exchange that has announced nothing is told as it is."""
        error = error_of(read("create", 410, error_body(-987654), venue=USDM))
        assert isinstance(error, EndpointGoneError)
        assert "no longer serves" in error.advice

    @pytest.mark.parametrize(
        ("status", "word"),
        [
            (301, "https://fapi.binance.com"),
            (308, "https://fapi.binance.com"),
            (404, "https://fapi.binance.com/fapi/v1/listenKey"),
            (405, "https://fapi.binance.com/fapi/v1/listenKey"),
            (401, "IP whitelist"),
            (451, "Run from"),
        ],
    )
    def test_refusals_say_what_to_look_at(self, status: int, word: str) -> None:
        """The advice of a refusal names what is to be changed."""
        assert word in error_of(read("create", status, HTML)).advice

    def test_a_redirect_is_not_followed_and_says_so(self) -> None:
        """A redirect would take the API key along: it is an error, and its target is not quoted."""
        error = error_of(read("create", 302, b"", ("Location", "https://elsewhere.example/?k=1")))
        assert "redirect" in error.problem
        assert "elsewhere" not in str(error)


WRONG_KEYS = {
    "empty": b'{"listenKey":""}',
    "null": b'{"listenKey":null}',
    "number": b'{"listenKey":12345678}',
    "truth": b'{"listenKey":true}',
    "list": b'{"listenKey":["abc"]}',
    "path": b'{"listenKey":"abc/../../admin"}',
    "query": b'{"listenKey":"abc?x=1"}',
    "fragment": b'{"listenKey":"abc#x"}',
    "percent": b'{"listenKey":"abc%2e"}',
    "space": b'{"listenKey":"abc def"}',
    "newline": b'{"listenKey":"abc\\ndef"}',
    "trailing newline": b'{"listenKey":"abcdef\\n"}',
    "nul": b'{"listenKey":"abc\\u0000"}',
    "dots": b'{"listenKey":".."}',
    "at": b'{"listenKey":"abc@evil.example"}',
    "umlaut": '{"listenKey":"schlüssel"}'.encode(),
    "digits of another script": '{"listenKey":"٣٤٥"}'.encode(),
    "too long by one": b'{"listenKey":"' + b"A" * 513 + b'"}',
    "ten kilobytes": b'{"listenKey":"' + b"A" * 10240 + b'"}',
}
NO_OBJECTS = {
    "list of keys": b'[{"listenKey":"abc","type":"GLOBAL"}]',
    "empty list": b"[]",
    "string": b'"abc"',
    "number": b"42",
    "false": b"false",
}
NO_KEY = {"empty object": b"{}", "envelope": b'{"code":0,"data":"abc"}', "other case": b'{"listenkey":"abc"}'}


def named(bodies: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("body", bodies.values(), ids=bodies.keys())


class TestWrongShapes:
    @named(WRONG_KEYS | NO_OBJECTS | NO_KEY)
    def test_a_create_without_a_usable_key_is_refused(self, body: bytes) -> None:
        """2xx to a create whose key may not become part of a URL is raised; a key may have been made (T3)."""
        outcome = read("create", 200, body)
        assert meaning_of(outcome) == REFUSED
        assert may_be_done(outcome)
        assert error_of(outcome).status == 200

    @named(WRONG_KEYS | NO_OBJECTS)
    def test_a_keepalive_with_an_unusable_key_is_no_success(self, body: bytes) -> None:
        """2xx to a keepalive of the wrong shape proves nothing, and is tried again, but not for ever."""
        outcome = expect(Refused, read("keepalive", 200, body))
        assert outcome.doubtful
        assert outcome.may_be_done

    @named(WRONG_KEYS)
    def test_no_error_quotes_a_key(self, body: bytes) -> None:
        """An unusable key is a key all the same: only its length is told (T1)."""
        text = str(error_of(read("create", 200, body)))
        for part in ("abc", "schl", "AAA", "12345678", "٣٤٥", "evil"):
            assert part not in text

    @pytest.mark.parametrize("body", [b"null", b"", b"{", b'{"listenKey":"abc"', b"\xff", b'{"listenKey":"\xff"}'])
    @pytest.mark.parametrize("verb", ["create", "keepalive"])
    def test_what_is_cut_short_or_no_utf8_is_tried_again(self, verb: Verb, body: bytes) -> None:
        """2xx with half an answer is worth another try; the exchange may have done the work."""
        outcome = read(verb, 200, body)
        assert (meaning_of(outcome), may_be_done(outcome)) == (TRANSIENT, True)

    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("start", [b"[", b'{"a":', b'{"code":['])
    def test_nesting_of_sixty_four_kilobytes_is_survived(self, verb: Verb, start: bytes) -> None:
        """An answer that is all brackets is no JSON, and no crash (T3)."""
        assert read(verb, 500, (start * 65536)[:65536]).event is Event.TRANSIENT

    def test_a_number_too_long_to_print_is_no_code(self) -> None:
        """A code of more digits than Python prints makes no trouble when the error is printed."""
        for digits in (20, 400, 4300, 5000):
            assert str(error_of(read("create", 400, b'{"code":' + b"1" * digits + b"}")))


SPOT_BAN = (
    "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans."
)
FUTURES_BAN = "Way too many requests; IP(203.0.113.7) banned until {}. Please use the websocket for live updates."
DATE = ("Date", "Sat, 30 Jul 2022 01:53:20 GMT")  # EPOCH
THREE_DAYS = 3 * 86400.0


class TestSilence:
    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
    def test_seconds_are_taken_as_they_are(self, verb: Verb, name: str) -> None:
        """``Retry-After: 30`` is 30 seconds, in whatever case the header comes."""
        outcome = read(verb, 429, error_body(-1003), (name, " 30 "))
        assert expect(Wait, outcome).seconds == 30
        error = error_of(outcome)
        assert isinstance(error, RateLimitedError)
        assert error.retry_after == 30
        assert "30 s" in error.advice

    @pytest.mark.parametrize(("status", "seconds"), [(429, 60), (418, 120), (403, 300)])
    @pytest.mark.parametrize(
        "headers",
        [(), (("Retry-After", ""),), (("Retry-After", "soon"),), (("Retry-After", "-5"),), (("Retry-After", "1.5.2"),)],
        ids=["none", "empty", "words", "negative", "version"],
    )
    def test_without_a_usable_word_there_is_a_default(
        self, status: int, seconds: float, headers: tuple[tuple[str, str], ...]
    ) -> None:
        """A limit is waited out for a minute, a ban for two, the firewall for five."""
        assert expect(Wait, read("keepalive", status, HTML, *headers)).seconds == seconds

    def test_a_fraction_of_a_second_is_read(self) -> None:
        """It is no RFC's, but servers send it: to pass it over would send the next request within the ban."""
        assert expect(Wait, read("keepalive", 418, HTML, ("Retry-After", "180.5"))).seconds == 180.5

    def test_a_byte_order_mark_is_no_garbage(self) -> None:
        """What follows it is the exchange's answer."""
        outcome = read("keepalive", 400, b"\xef\xbb\xbf" + error_body(-1125))
        assert isinstance(outcome, Gone)

    def test_a_wait_code_with_another_status_has_the_default_of_a_limit(self) -> None:
        """-1003 with 400 says nothing of how long: a minute."""
        assert expect(Wait, read("keepalive", 400, error_body(-1003))).seconds == 60

    @pytest.mark.parametrize("seconds", ["259201", "999999999999", "86400000"])
    def test_nobody_is_made_to_wait_for_ever(self, seconds: str) -> None:
        """Three days are the longest ban that is documented, and the longest wait that is believed."""
        assert expect(Wait, read("create", 418, b"", ("Retry-After", seconds))).seconds == THREE_DAYS

    def test_no_wait_is_shorter_than_a_second(self) -> None:
        """``Retry-After: 0`` makes no hot loop."""
        assert expect(Wait, read("create", 429, b"", ("Retry-After", "0"))).seconds == 1

    def test_a_date_counts_from_the_exchanges_clock(self) -> None:
        """A date is compared with the answer's own ``Date``, and rounded up: it says whole seconds."""
        late = ("Retry-After", "Sat, 30 Jul 2022 03:00:00 GMT")
        assert expect(Wait, read("create", 429, b"", late, ("Date", "Sat, 30 Jul 2022 02:59:20 GMT"))).seconds == 41

    @pytest.mark.parametrize("date", [None, "yesterday", ""])
    def test_a_date_counts_from_our_clock_where_the_exchange_tells_none(self, date: str | None) -> None:
        """Without a usable ``Date`` our own clock has to do."""
        headers = [("Retry-After", "Sat, 30 Jul 2022 01:54:20 GMT")] + ([] if date is None else [("Date", date)])
        assert expect(Wait, read("create", 429, b"", *headers)).seconds == 61

    @pytest.mark.parametrize("headers", [(), (DATE,)], ids=["our clock", "its clock"])
    @pytest.mark.parametrize("second", ["00:00", "53:19", "53:20"])
    @pytest.mark.parametrize(("status", "seconds"), [(429, 60), (418, 120)])
    def test_a_date_in_the_past_is_no_word(
        self, status: int, seconds: float, second: str, headers: tuple[tuple[str, str], ...]
    ) -> None:
        """A date that has passed when it arrives shows that a clock is wrong: the default counts, not "at once"."""
        late = ("Retry-After", f"Sat, 30 Jul 2022 01:{second} GMT")
        assert expect(Wait, read("create", status, b"", late, *headers)).seconds == seconds

    @pytest.mark.parametrize("headers", [(), (DATE,)], ids=["our clock", "its clock"])
    @pytest.mark.parametrize("instant", ["1659145999999", "1659146000000", "0000000000000"])
    def test_a_ban_that_ended_in_the_past_is_no_word(self, instant: str, headers: tuple[tuple[str, str], ...]) -> None:
        """A ban that by the clock is over and is told all the same shows that a clock is wrong: the default counts."""
        body = error_body(-1003, FUTURES_BAN.format(instant))
        assert expect(Wait, read("keepalive", 418, body, *headers)).seconds == 120
        assert expect(Wait, read("keepalive", 429, body, *headers)).seconds == 60

    def test_what_is_past_takes_nothing_from_what_is_not(self) -> None:
        """If one of header and message is past, the other counts."""
        body = error_body(-1003, FUTURES_BAN.format("1659145000000"))
        assert expect(Wait, read("keepalive", 418, body, ("Retry-After", "7"), DATE)).seconds == 7

    @pytest.mark.usefixtures("far_from_greenwich")
    @pytest.mark.parametrize(
        "date", ["Sat, 30 Jul 2022 01:54:20 GMT", "Saturday, 30-Jul-22 01:54:20 GMT", "Sat Jul 30 01:54:20 2022"]
    )
    def test_every_form_of_a_date_is_in_greenwich_time(self, date: str) -> None:
        """All three forms that HTTP knows mean GMT, wherever this machine is, and even if they do not say so."""
        assert expect(Wait, read("create", 429, b"", ("Retry-After", date))).seconds == 61
        assert expect(Wait, read("create", 429, b"", ("Retry-After", date), DATE)).seconds == 61

    @pytest.mark.parametrize("wording", [SPOT_BAN, FUTURES_BAN], ids=["spot", "futures"])
    @pytest.mark.parametrize("headers", [(), (DATE,)], ids=["our clock", "its clock"])
    def test_the_end_of_a_ban_is_read_from_the_words(self, wording: str, headers: tuple[tuple[str, str], ...]) -> None:
        """Where the exchange tells the end of a ban in its message alone, it is read from there."""
        body = error_body(-1003, wording.format("1659146400000"))  # 400 s after EPOCH
        assert expect(Wait, read("keepalive", 418, body, *headers)).seconds == 401

    def test_the_words_are_read_by_the_exchanges_clock(self) -> None:
        """A clock of ours that is wrong by an hour does not shorten a ban."""
        body = error_body(-1003, SPOT_BAN.format("1659146400000"))
        assert expect(Wait, read("keepalive", 418, body, ("Date", "Sat, 30 Jul 2022 00:53:20 GMT"))).seconds == 4001

    @pytest.mark.parametrize(("seconds", "wait"), [("30", 401), ("500", 500)])
    def test_the_longer_of_header_and_words_counts(self, seconds: str, wait: float) -> None:
        """Where header and message disagree, the longer wait is the safe one."""
        body = error_body(-1003, FUTURES_BAN.format("1659146400000"))
        assert expect(Wait, read("keepalive", 418, body, ("Retry-After", seconds), DATE)).seconds == wait

    @pytest.mark.parametrize("instant", ["16591464000", "16591464000000", "later", "9999999999999"])
    def test_only_thirteen_digits_are_an_instant(self, instant: str) -> None:
        """What is no instant in milliseconds is not read as one, and an absurd one is cut to three days."""
        body = error_body(-1003, SPOT_BAN.format(instant))
        assert expect(Wait, read("keepalive", 418, body, DATE)).seconds == (
            THREE_DAYS if instant == "9999999999999" else 120
        )

    def test_a_firewall_that_answers_in_html_wants_silence(self) -> None:
        """403 with a page comes from the firewall; with the exchange's own code it is a refusal."""
        assert expect(Wait, read("create", 403, HTML, ("Retry-After", "7"))).seconds == 7
        assert read("create", 403, error_body(-2015)).event is Event.REFUSED

    @pytest.mark.parametrize("body", [b'{"message":"Forbidden"}', b'{"code":0}', b"[]", b'"Forbidden"'])
    def test_a_firewall_that_answers_in_json_wants_silence(self, body: bytes) -> None:
        """403 with JSON that has no code of the exchange's comes from the firewall, too."""
        outcome = read("create", 403, body)
        assert expect(Wait, outcome).seconds == 300

    @pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008])
    @pytest.mark.parametrize("status", [418, 429])
    def test_a_code_that_is_worth_another_try_does_not_lift_a_limit(self, status: int, code: int) -> None:
        """What would be tried again soon is, with 429 or 418, waited for as long as the exchange says."""
        outcome = read("keepalive", status, error_body(code), ("Retry-After", "30"))
        assert expect(Wait, outcome).seconds == 30

    def test_a_ban_leaves_no_doubt(self) -> None:
        """A request that was refused at once has created no key."""
        assert not may_be_done(read("create", 429, error_body(-1003)))
        assert not may_be_done(read("create", 418, HTML))


class TestDoubt:
    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    def test_after_a_server_error_the_work_may_be_done(self, status: int) -> None:
        """After 408 and 5xx the execution status is unknown."""
        assert may_be_done(read("create", status, HTML))
        assert may_be_done(read("create", status, error_body(-1007)))

    def test_after_a_refusal_it_is_not(self) -> None:
        """What the exchange refused it has not done."""
        assert not may_be_done(read("create", 401, error_body(-2015)))
        assert not may_be_done(read("create", 400, error_body(-1102)))

    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("unsent", [True, False])
    def test_no_answer_is_worth_another_try(self, verb: Verb, unsent: bool) -> None:
        """A transport error is transient; in doubt only where the request may have been sent."""
        outcome = no_answer(USDM, verb, TransportError("connection reset", unsent=unsent), hide=())
        assert meaning_of(outcome) == TRANSIENT
        assert may_be_done(outcome) is not unsent
        error = error_of(outcome)
        assert (error.venue, error.verb, error.status, error.code) == ("binance-usdm", verb, None, None)
        assert "connection reset" in str(error)


API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
API_SECRET = "short-secret"


class TestSecrets:
    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("status", [400, 401, 403, 418, 429, 500, 200])
    def test_echoed_secrets_are_blotted_out(self, verb: Verb, status: int) -> None:
        """An exchange may quote what it was sent; no error repeats it (T1)."""
        message = f"Bad request: apiKey={API_KEY}, secret {API_SECRET!r}, listenKey:{KEY}. Sorry."
        outcome = read(verb, status, error_body(-987654, message), hide=(API_KEY, API_SECRET, KEY))
        error = error_of(outcome)
        assert error.message is not None
        assert "Sorry." in error.message
        for text in (str(error), repr(error), error.message, repr(outcome), repr(error.args)):
            for secret in (API_KEY, API_SECRET, KEY):
                assert secret not in text

    def test_keys_that_nobody_named_are_blotted_out_too(self) -> None:
        """Whatever is as long as a key is taken for one, such as the key of another context."""
        error = error_of(read("create", 400, error_body(-987654, f"listenKey {OTHER_KEY} is in use")))
        assert error.message == "listenKey [hidden] is in use"

    def test_words_of_ordinary_length_stay(self) -> None:
        """The exchange's words are there to be read."""
        message = "Mandatory parameter 'listenKey' was not sent, was empty/null, or malformed."
        assert error_of(read("create", 400, error_body(-1102, message))).message == message

    def test_a_secret_at_the_cut_is_blotted_out_first(self) -> None:
        """A message that is cut within a secret does not show the beginning of it."""
        message = "x " * 97 + API_SECRET
        error = error_of(read("create", 400, error_body(-987654, message), hide=(API_SECRET,)))
        assert "short" not in str(error)

    @pytest.mark.parametrize("hide", [("abc123", "abc123-tail"), ("abc123-tail", "abc123")])
    def test_a_secret_within_another_uncovers_nothing(self, hide: tuple[str, str]) -> None:
        """If one secret is a part of another, the rest of the longer one is not left over."""
        error = error_of(read("create", 400, error_body(-987654, "both abc123-tail and abc123"), hide=hide))
        assert error.message == "both [hidden] and [hidden]"

    @pytest.mark.parametrize(
        ("said", "shown"), [("not known", "not known"), ("apiKey=k, k", "apiKey=[hidden], [hidden]")]
    )
    def test_a_secret_of_a_letter_is_hidden_as_a_word(self, said: str, shown: str) -> None:
        """Tests have such; other words are not cut up for it."""
        assert error_of(read("create", 400, error_body(-987654, said), hide=("k",))).message == shown

    def test_a_transports_words_are_treated_alike(self) -> None:
        """What a transport says may quote the URL or the header."""
        words = TransportError(f"POST https://h/?k={KEY} failed\n{API_SECRET}")
        text = str(error_of(no_answer(USDM, "create", words, hide=(API_SECRET,))))
        assert KEY not in text
        assert API_SECRET not in text
        assert "\n" not in text

    @pytest.mark.parametrize("character", ["\\n", "\\u001b[31m", "\\u0000", "\\u202e", "\\u2028", "\\r"])
    def test_unprintable_characters_become_spaces(self, character: str) -> None:
        """A message cannot break a line of a log or colour a terminal."""
        error = error_of(read("create", 400, error_body(-987654, f"a{character}b")))
        assert error.message is not None
        assert error.message.isprintable()
        assert error.message.startswith("a ")
        assert str(error).isprintable()

    @pytest.mark.parametrize(("length", "expected"), [(199, 199), (200, 200), (201, 200), (60000, 200)])
    def test_long_messages_are_cut(self, length: int, expected: int) -> None:
        """No message is longer than 200 characters, and a cut shows."""
        message = error_of(read("create", 400, error_body(-987654, ("word " * length)[:length]))).message
        assert message is not None
        assert len(message) == expected
        assert message.endswith("…") == (length > 200)

    def test_a_message_that_is_no_text_is_none(self) -> None:
        """Words that are an object or a number are left out."""
        for message in (b"1", b'{"a":1}', b"null"):
            assert error_of(read("create", 400, b'{"code":-987654,"msg":' + message + b"}")).message is None

    def test_outcomes_do_not_show_the_key(self) -> None:
        """The ``repr`` of an outcome shows its event alone."""
        assert repr(Ok(KEY)) == "<Ok>"


class TestDoubtfulRefusals:
    """What is refused, but may be otherwise another time."""

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (400, error_body(-987654)),
            (200, error_body(-987654)),
            (403, error_body(-987654)),
            (400, error_body(-1016)),
            (400, b'{"msg":"?"}'),
            (404, HTML),
            (405, HTML),
            (302, b""),
            (400, error_body(-1021)),
        ],
    )
    @pytest.mark.parametrize("verb", VERBS)
    def test_what_nobody_documents(self, verb: Verb, status: int, body: bytes) -> None:
        """A code that is in no table, or none; a redirect, or no such endpoint; and a clock that may be set."""
        assert expect(Refused, read(verb, status, body)).doubtful

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (400, error_body(-1102)),
            (200, error_body(-1020)),
            (401, b""),
            (401, error_body(-987654)),
            (200, error_body(-2015)),
            (410, HTML),
            (451, HTML),
        ],
    )
    @pytest.mark.parametrize("verb", VERBS)
    def test_what_is_certain(self, verb: Verb, status: int, body: bytes) -> None:
        """What the exchange says it refuses would be refused again."""
        assert not expect(Refused, read(verb, status, body)).doubtful


class TestSpelling:
    """Codes are compared as the exchange spells them."""

    @pytest.mark.parametrize("code", ['"0102"', '"0103"'])
    def test_zeros_are_a_part_of_a_code(self, code: str) -> None:
        """HashKey's are kept, and stand in the error."""
        outcome = read("create", 400, b'{"code":%s,"msg":"?"}' % code.encode(), venue=venues.HASHKEY)
        assert meaning_of(outcome) == CREDENTIALS
        assert error_of(outcome).code == code.strip('"')

    @pytest.mark.parametrize("code", ["3", '"3"', '"03"', '"00003"', "102", '"102"'])
    def test_a_code_with_other_zeros_is_another(self, code: str) -> None:
        """Three is not "0003": it is a code that nobody documents."""
        outcome = read("create", 400, b'{"code":%s,"msg":"?"}' % code.encode(), venue=venues.HASHKEY)
        assert expect(Refused, outcome).doubtful

    @pytest.mark.parametrize("code", ["0", '"0"', '"0000"', "200", '"200"'])
    def test_nothing_is_wrong_with_zero(self, code: str) -> None:
        """However many of them: HashKey says "0000" of a success."""
        body = b'{"code":%s,"listenKey":"%s"}' % (code.encode(), KEY.encode())
        assert read("create", 200, body, venue=venues.HASHKEY) == Ok(KEY)

    def test_what_a_venue_lists_outranks_the_engine_s(self) -> None:
        """-1004 is a busy server at Binance, and a missing parameter at Toobit."""
        assert read("create", 400, error_body(-1004)).event is Event.TRANSIENT
        assert not expect(Refused, read("create", 400, error_body(-1004), venue=venues.TOOBIT)).doubtful

    @pytest.mark.parametrize("venue", venues.known(), ids=lambda venue: venue.name)
    def test_no_code_is_of_two_kinds(self, venue: Venue) -> None:
        """Else one of the two would be a mistake."""
        codes = [code for kind in KINDS for code in venue.answer.own_codes(kind)]
        assert len(codes) == len(set(codes))
