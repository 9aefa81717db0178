"""Whatever comes back from an exchange, in whatever disorder, becomes one of five outcomes and tells no secret."""

import json
from collections.abc import Sequence

from hypothesis import example, given, strategies as st
from meaning import error_of

from trio_listenkey import RateLimitedError, Venue, venues
from trio_listenkey._core._outcomes import Gone, Ok, Outcome, Refused, Transient, Wait
from trio_listenkey._errors import TransportError
from trio_listenkey._http import Response
from trio_listenkey._protocol._responses import no_answer, read_answer
from trio_listenkey._venue._venue import Verb

CODES = [0, 200, -1000, -1003, -1008, -1034, -1125, -2015, -1102, 2**70]
DATES = [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 01 Jan 0001 00:00:00",
    "Mon, 32 Foo 2026 25:61:61 +9999",
    "-Jan-2000 1",
]

verbs: st.SearchStrategy[Verb] = st.sampled_from(("create", "keepalive", "close"))
places = st.sampled_from(venues.known())
statuses = st.one_of(
    st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 405, 408, 410, 418, 429, 451, 500, 503]),
    st.integers(100, 999),
)
header_values = st.one_of(st.sampled_from(DATES), st.integers().map(str), st.text(max_size=40))
headers = st.lists(st.tuples(st.sampled_from(["Retry-After", "date", "Server"]), header_values), max_size=3)


def secrets_with(prefix: str) -> st.SearchStrategy[str]:
    """Secrets that cannot turn up by chance, nor one within the other."""
    return st.text("0123456789", min_size=6, max_size=62).map(lambda digits: prefix + digits)


hidden = st.tuples(secrets_with("AK"), secrets_with("SS"), secrets_with("LK"))


@st.composite
def messages(draw: st.DrawFn, secrets: Sequence[str]) -> str:
    bits = st.one_of(
        st.sampled_from([*secrets, " until 1659146400000", "'", '"', "\\", "\n"]),
        st.text(max_size=20),
    )
    return "".join(draw(st.lists(bits, max_size=12)))


@st.composite
def bodies(draw: st.DrawFn, secrets: Sequence[str]) -> bytes:
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), messages(secrets))
    anything = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    )
    envelope = st.fixed_dictionaries(
        {},
        optional={
            "code": st.sampled_from(CODES) | anything,
            "msg": messages(secrets) | anything,
            "listenKey": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | anything,
        },
    )
    value = draw(st.one_of(envelope, anything))
    text = json.dumps(value).encode()
    return draw(st.one_of(st.just(text), st.binary(max_size=200), st.just(text[: len(text) // 2])))


@st.composite
def answers(draw: st.DrawFn) -> tuple[Response, tuple[str, str, str]]:
    secrets = draw(hidden)
    return Response(draw(statuses), tuple(draw(headers)), draw(bodies(secrets))), secrets


def texts_of(outcome: Outcome) -> list[str]:
    error = error_of(outcome)
    return [str(error), repr(error), repr(error.args), error.message or "", error.problem, error.advice]


@given(venue=places, verb=verbs, answer=answers(), epoch=st.floats(0, 4e9))
def test_any_answer_is_one_of_five(
    venue: Venue, verb: Verb, answer: tuple[Response, tuple[str, str, str]], epoch: float
) -> None:
    """No answer makes the reader raise, and each has exactly what its event calls for."""
    response, secrets = answer
    outcome = read_answer(venue, verb, response, epoch=epoch, hide=secrets)
    assert isinstance(outcome, Ok | Transient | Wait | Gone | Refused)
    assert not isinstance(outcome, Gone) or verb != "create"
    assert not isinstance(outcome, Ok) or verb != "create" or outcome.key is not None


@given(verb=verbs, answer=answers())
def test_no_answer_makes_an_error_tell_a_secret(verb: Verb, answer: tuple[Response, tuple[str, str, str]]) -> None:
    """Whatever the exchange echoes, and wherever, no text of the error holds a secret (T1)."""
    response, secrets = answer
    outcome = read_answer(venues.BINANCE_US, verb, response, epoch=1.7e9, hide=secrets)
    if not isinstance(outcome, Ok):
        for text in texts_of(outcome):
            assert not any(secret in text for secret in secrets)


@given(
    status=st.sampled_from([403, 418, 429]),
    retry_after=header_values,
    date=header_values,
    until=st.integers(0, 10**14),
    epoch=st.floats(0, 4e9),
)
@example(429, "999999999999", "", 0, 0.0)
@example(418, "0", "", 0, 4e9)
def test_silence_is_bounded(status: int, retry_after: str, date: str, until: int, epoch: float) -> None:
    """However the exchange says how long, it is from a second to three days, and the error says the same."""
    body = json.dumps({"code": -1003, "msg": f"IP banned until {until}."}).encode()
    response = Response(status, (("Retry-After", retry_after), ("Date", date)), body)
    outcome = read_answer(venues.BINANCE_USDM, "keepalive", response, epoch=epoch, hide=())
    assert isinstance(outcome, Wait)
    assert 1 <= outcome.seconds <= 3 * 86400
    assert isinstance(outcome.error, RateLimitedError)
    assert outcome.error.retry_after == outcome.seconds


@given(verb=verbs, secrets=hidden, data=st.data())
def test_no_word_of_a_transport_tells_a_secret(verb: Verb, secrets: tuple[str, str, str], data: st.DataObject) -> None:
    """Whatever a transport says, its words in our error are short, on one line and without secrets."""
    reason = data.draw(messages(secrets))
    outcome = no_answer(venues.BINANCE_US, verb, TransportError(reason), hide=secrets)
    assert isinstance(outcome, Transient)
    for text in texts_of(outcome):
        assert not any(secret in text for secret in secrets)
    assert str(outcome.error).isprintable()
    assert len(str(outcome.error)) < 400
