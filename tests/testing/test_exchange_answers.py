"""What the exchange answers, fact by fact from the documents of the exchanges; and what a test may ask it."""

from __future__ import annotations

import hashlib
import hmac
import time

import pytest
from asking import API_KEY, DIALECTS, FORM, ask, told

from trio_listenkey import UsageError
from trio_listenkey._http import Request
from trio_listenkey.testing import COINM, SPOT_CLASSIC, SPOT_US, TOOBIT, USDM, Dialect, Exchange, Reply


def open_exchange(**kwargs: object) -> Exchange:
    exchange = Exchange(**kwargs)  # type: ignore[arg-type]
    exchange.add_account(API_KEY, name="alice")
    return exchange


def error(reply: Reply) -> tuple[int, int, str]:
    return reply.status, told(reply)["code"], told(reply)["msg"]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_session_in_every_dialect(dialect: Dialect) -> None:
    """A key is created, renewed by PUT and by POST, and closed, each answered as documented."""
    exchange = open_exchange(dialects=[dialect])
    created = told(exchange.handle(ask("POST", dialect), 0))
    key = created["listenKey"]
    assert created == {"listenKey": key}
    assert told(exchange.handle(ask("PUT", dialect, key=key), 3599)) in ({}, created)
    assert told(exchange.handle(ask("POST", dialect), 3599 + 3599)) == created
    assert told(exchange.handle(ask("DELETE", dialect, key=key), 3599 + 3599 + 3599)) == {}
    assert exchange.open_keys(3599 + 3599 + 3599) == ()
    assert [entry.work for entry in exchange.log] == ["created", "renewed", "renewed", "closed"]


@pytest.mark.parametrize(("dialect", "tells"), [(SPOT_CLASSIC, False), (SPOT_US, False), (USDM, True), (COINM, True)])
def test_only_futures_tell_the_key_on_keepalive(dialect: Dialect, tells: bool) -> None:
    """PUT answers {} on spot, and {"listenKey": ...} on futures."""
    exchange = open_exchange(dialects=[dialect])
    created = told(exchange.handle(ask("POST", dialect), 0))
    assert told(exchange.handle(ask("PUT", dialect, key=created["listenKey"]), 1)) == (created if tells else {})


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("key", [None, ""])
def test_spot_wants_the_key_named(method: str, key: str | None) -> None:
    """Without listenKey, or with an empty one, PUT and DELETE get -1102."""
    exchange = open_exchange()
    exchange.handle(ask("POST", SPOT_CLASSIC), 0)
    message = "Mandatory parameter 'listenKey' was not sent, was empty/null, or malformed."
    assert error(exchange.handle(ask(method, SPOT_CLASSIC, key=key), 0)) == (400, -1102, message)


def test_a_body_without_form_type_is_no_form() -> None:
    """A parameter in the body counts if the request says that its body is a form."""
    exchange = open_exchange()
    key = told(exchange.handle(ask("POST", SPOT_CLASSIC), 0))["listenKey"]
    named = ask("PUT", SPOT_CLASSIC, key=key)
    untyped = Request("PUT", named.url, named.headers[:1], named.body)
    assert exchange.handle(untyped, 0).status == 400
    assert exchange.handle(named, 0).status == 200


def test_the_query_wins_over_the_body() -> None:
    """A parameter that is sent twice is taken from the query."""
    exchange = open_exchange()
    key = told(exchange.handle(ask("POST", SPOT_CLASSIC), 0))["listenKey"]
    in_query = ask("PUT", SPOT_CLASSIC, key=key, named_in="query")
    both = Request("PUT", in_query.url, (*in_query.headers, FORM), b"listenKey=another")
    assert exchange.handle(both, 0).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_key_that_is_gone_is_unknown(method: str, dialect: Dialect) -> None:
    """From the moment on at which it ends, a key gets -1125."""
    exchange = open_exchange(dialects=[dialect])
    key = told(exchange.handle(ask("POST", dialect), 0))["listenKey"]
    reply = exchange.handle(ask(method, dialect, key=key), 3600)
    assert error(reply) == (400, -1125, "This listenKey does not exist.")


@pytest.mark.parametrize("api_key", [None, ""])
def test_a_missing_api_key_is_malformed(api_key: str | None) -> None:
    """No header, or an empty one: 401 and -2014."""
    reply = open_exchange().handle(ask(api_key=api_key), 0)
    assert error(reply) == (401, -2014, "API-key format invalid.")


def test_an_unknown_api_key_is_refused() -> None:
    """An API key that nobody has: 401 and -2015."""
    reply = open_exchange().handle(ask(api_key="stranger"), 0)
    assert error(reply) == (401, -2015, "Invalid API-key, IP, or permissions for action.")


def test_a_revoked_api_key_is_refused_while_its_key_lives() -> None:
    """Revoking an API key ends no listen key; others of the account go on."""
    exchange = open_exchange()
    exchange.add_account("second", name="alice")
    key = told(exchange.handle(ask(), 0))["listenKey"]
    exchange.revoke(API_KEY)
    assert exchange.handle(ask("PUT"), 1).status == 401
    assert told(exchange.handle(ask("PUT", api_key="second"), 1)) == {"listenKey": key}


def test_header_names_have_no_case() -> None:
    """The API key is found however its header is spelt, and the first of two counts."""
    spelt = Request("POST", ask().url, (("x-mbx-ApiKey", API_KEY), ("X-MBX-APIKEY", "stranger")))
    assert open_exchange().handle(spelt, 0).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://exchange.test/api/v3/orderList/oco",
        "https://exchange.test",
        "https://exchange.test/fapi/v1/listenKey/",
        "https://[exchange",
        "*?",
    ],
)
def test_an_unknown_path_is_not_found(url: str) -> None:
    """Whatever is no endpoint, or no URL at all, gets 404 and changes nothing."""
    exchange = open_exchange()
    assert exchange.handle(Request("POST", url, (("X-MBX-APIKEY", API_KEY),)), 0).status == 404
    assert exchange.log[0].verb is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "post", "BREW"])
def test_another_method_is_not_allowed(method: str) -> None:
    """Methods other than the three get 405, and are told which there are."""
    reply = open_exchange().handle(ask(method), 0)
    assert reply.status == 405
    assert ("Allow", "POST, PUT, DELETE") in reply.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_a_retired_dialect_answers_with_a_page(method: str) -> None:
    """A dialect in ``retired`` answers 410 with nginx's HTML; the others stay."""
    exchange = open_exchange()
    exchange.retired.add(SPOT_CLASSIC)
    reply = exchange.handle(ask(method, SPOT_CLASSIC), 0)
    assert reply.status == 410
    assert b"<center>nginx</center>" in reply.body
    assert ("Content-Type", "text/html") in reply.headers
    assert exchange.handle(ask("POST", USDM), 0).status == 200


def test_each_dialect_has_a_key_of_its_own() -> None:
    """An account has one key per dialect, and a test that could mean either must say which."""
    exchange = open_exchange()
    keys = [told(exchange.handle(ask("POST", dialect), 0))["listenKey"] for dialect in (SPOT_CLASSIC, USDM)]
    assert exchange.open_keys(0) == tuple(keys)
    assert exchange.key_of("alice", 0, dialect=USDM) == keys[1]
    with pytest.raises(UsageError, match="several dialects"):
        exchange.key_of("alice", 0)
    exchange.kill_key("alice", 1, dialect=USDM)
    assert exchange.open_keys(1) == tuple(keys[:1])
    exchange.kill_key("alice", 2)
    assert exchange.open_keys(2) == ()
    assert exchange.seconds_without_key("alice", 10) == 9 + 8
    assert exchange.seconds_without_key("alice", 10, dialect=USDM) == 9


def test_somebody_else_may_replace_the_key() -> None:
    """After replace_key the account's holder on futures is told the new key, the one on spot that its own is gone."""
    exchange = open_exchange()
    for dialect in (USDM, SPOT_CLASSIC):
        old = told(exchange.handle(ask("POST", dialect), 1))["listenKey"]
        new = exchange.replace_key("alice", 1, dialect=dialect)
        reply = exchange.handle(ask("PUT", dialect, key=old), 1)
        assert told(reply) == ({"listenKey": new} if dialect is USDM else {"code": -1125, "msg": told(reply)["msg"]})
        assert exchange.seconds_without_key("alice", 1) == 0


def test_validity_may_change() -> None:
    """A new validity holds from the next creation or renewal on."""
    exchange = open_exchange(validity=10)
    exchange.handle(ask(), 0)
    exchange.validity = 100
    exchange.handle(ask("PUT"), 9)
    assert exchange.open_keys(108) != ()
    assert exchange.open_keys(109) == ()


def test_the_same_seed_gives_the_same_keys() -> None:
    """Keys depend on the seed alone."""
    first, second, other = (open_exchange(seed=seed) for seed in (1, 1, 2))
    for exchange in (first, second, other):
        exchange.handle(ask(), 0)
    assert first.keys_ever == second.keys_ever != other.keys_ever


def test_every_answer_has_the_date_and_the_weight() -> None:
    """Date is the exchange's wall clock; the weight counts up, by dialect, until the clock's minute is over."""
    exchange = open_exchange(epoch=1_700_000_040.0 - 40)
    dates_and_weights = []
    for dialect, now in [(SPOT_CLASSIC, 0), (USDM, 1), (USDM, 40), (SPOT_CLASSIC, 99)]:
        headers = dict(exchange.handle(ask("POST", dialect), now).headers)
        dates_and_weights.append((headers["Date"], headers["X-MBX-USED-WEIGHT-1M"]))
    assert dates_and_weights == [
        ("Tue, 14 Nov 2023 22:13:20 GMT", "2"),
        ("Tue, 14 Nov 2023 22:13:21 GMT", "3"),
        ("Tue, 14 Nov 2023 22:14:00 GMT", "1"),
        ("Tue, 14 Nov 2023 22:14:59 GMT", "3"),
    ]


def test_too_many_parameters_are_none() -> None:
    """A body of a thousand fields is not searched for the key."""
    request = ask("PUT", SPOT_CLASSIC, key="x&" + "a=b&" * 1000)
    assert open_exchange().handle(request, 0).status == 400


def test_no_secret_is_in_the_log_or_in_a_repr() -> None:
    """The log names accounts; API keys and listen keys are in no repr, wherever a client puts them."""
    exchange = open_exchange()
    reply = exchange.handle(ask(), 0)
    key = told(reply)["listenKey"]
    exchange.handle(ask("PUT", SPOT_CLASSIC, key=key, named_in="query"), 0)
    exchange.handle(Request("GET", f"https://exchange.test/ws/{key}", ()), 0)
    exchange.handle(ask(api_key="stranger-with-a-key"), 0)
    shown = repr([exchange, reply, exchange.log])
    assert all(secret not in shown for secret in (API_KEY, key, "stranger-with-a-key"))
    assert [entry.account for entry in exchange.log] == ["alice", "alice", None, None]
    assert exchange.log[2].path == "/ws/***"


def test_the_log_may_be_bounded() -> None:
    """With log_size the latest requests are remembered."""
    exchange = open_exchange(log_size=2)
    for now in range(5):
        exchange.handle(ask(), now)
    assert [entry.when for entry in exchange.log] == [3, 4]


def test_time_does_not_run_backwards() -> None:
    """A clock that runs backwards, or is none, is a mistake of the test, and is told so."""
    exchange = open_exchange()
    exchange.handle(ask(), 5)
    assert exchange.latest == 5
    for now in (4, float("nan")):
        with pytest.raises(UsageError, match="backwards"):
            exchange.kill_key("alice", now)


def test_accounts_get_names() -> None:
    """Accounts without a name are numbered, beside those that have one."""
    exchange = Exchange()
    names = [exchange.add_account("a"), exchange.add_account("b", name="account-3"), exchange.add_account("c")]
    assert names == ["account-1", "account-3", "account-4"]


def test_an_account_without_keys_has_been_without_none() -> None:
    """Before the first creation, no time counts."""
    exchange = open_exchange()
    assert exchange.key_of("alice", 5) is None
    assert exchange.seconds_without_key("alice", 5) == 0
    assert exchange.seconds_without_key("alice", 5, dialect=USDM) == 0


def test_nonsense_is_refused() -> None:
    """What no exchange could be set up with is a clear error."""
    exchange = open_exchange()
    for api_keys in [(), ("",), (API_KEY,)]:
        with pytest.raises(UsageError, match="API key"):
            exchange.add_account(*api_keys)
    with pytest.raises(UsageError, match="API key"):
        exchange.revoke("stranger")
    with pytest.raises(UsageError, match="'bob'"):
        exchange.kill_key("bob", 0)
    with pytest.raises(UsageError, match="life time"):
        Exchange(validity=0)
    for dialects in [(), (SPOT_CLASSIC, SPOT_US)]:
        with pytest.raises(UsageError, match="dialect"):
            Exchange(dialects=dialects)


@pytest.mark.parametrize("first", [0.0, 123_456.75])
def test_without_an_epoch_its_day_is_the_callers(first: float) -> None:
    """The first time that it is told is this machine's present, and later ones are counted from there."""
    exchange = open_exchange()
    before = time.time()
    exchange.handle(ask(), first)
    at = exchange.unix_time(first)
    assert before <= at <= time.time()
    assert exchange.epoch == at - first
    assert exchange.unix_time(first + 86_400) == pytest.approx(at + 86_400, abs=1e-3)


def test_it_may_be_asked_for_the_time_before_it_is_told_any() -> None:
    """Whichever comes first settles the day."""
    exchange = open_exchange()
    at = exchange.unix_time(50)
    exchange.handle(ask(), 60)
    assert exchange.unix_time(60) == pytest.approx(at + 10, abs=1e-3)


def test_a_call_that_is_signed_now_is_in_time() -> None:
    """Whoever signs by this machine's clock needs no epoch: with one of another day, the time is refused."""
    for epoch, status in ((None, 200), (1_793_491_200.0, 400)):
        exchange = Exchange(dialects=[TOOBIT], epoch=epoch)
        exchange.add_account(API_KEY, secret="a-secret")
        payload = f"timestamp={int(time.time() * 1000)}"
        signature = hmac.new(b"a-secret", payload.encode(), hashlib.sha256).hexdigest()
        url = f"https://exchange.test{TOOBIT.path}?{payload}&signature={signature}"
        request = Request("POST", url, (("X-BB-APIKEY", API_KEY),))
        assert exchange.handle(request, 7.0).status == status
