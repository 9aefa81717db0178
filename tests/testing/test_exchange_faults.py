"""When faults strike, and what the exchange itself does about them, whatever front end carries it out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import API_KEY, ask, told

from trio_listenkey import UsageError
from trio_listenkey._http import Request
from trio_listenkey.testing import (
    COINM,
    SPOT_CLASSIC,
    USDM,
    Delay,
    Drip,
    Effect,
    Exchange,
    Fault,
    Garbage,
    Hang,
    Huge,
    KillKey,
    Limit,
    Redirect,
    Reset,
    Status,
    Truncate,
    WrongShape,
    api_error,
    bad_gateway_html,
    banned,
    gone,
    long_key,
    rate_limited,
    retired,
    service_unavailable,
    unsafe_key,
    waf_403_html,
)

TEAPOT = Status(299)


def open_exchange(*faults: Fault, **kwargs: Any) -> Exchange:
    exchange = Exchange(faults=faults, **kwargs)
    exchange.add_account(API_KEY, name="alice")
    exchange.add_account("bob", name="bob")
    return exchange


def struck(exchange: Exchange, methods: str, *, step: float = 1) -> str:
    """Send POST, PUT or DELETE for each letter, a second apart; an x for each that was struck."""
    verbs = {"P": "POST", "U": "PUT", "D": "DELETE"}
    replies = [exchange.handle(ask(verbs[letter]), at * step) for at, letter in enumerate(methods)]
    return "".join("x" if reply.status == 299 else "." for reply in replies)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(effect=TEAPOT), "xxxxxxx"),
        (Fault(effect=TEAPOT, verb="create"), "x......"),
        (Fault(effect=TEAPOT, verb="keepalive"), ".xxxxx."),
        (Fault(effect=TEAPOT, verb="close"), "......x"),
        (Fault(effect=TEAPOT, verb="keepalive", nth=2), "..x...."),
        (Fault(effect=TEAPOT, verb="keepalive", nth=2, count=3), "..xxx.."),
        (Fault(effect=TEAPOT, count=2), "xx....."),
        (Fault(effect=TEAPOT, after=2, until=4), "..xx..."),
        (Fault(effect=TEAPOT, after=2, nth=2), "...x..."),
        (Fault(effect=TEAPOT, account="alice"), "xxxxxxx"),
        (Fault(effect=TEAPOT, account="bob"), "......."),
        (Fault(effect=TEAPOT, probability=0), "......."),
    ],
)
def test_a_fault_strikes_when_it_says(fault: Fault, expected: str) -> None:
    """Verb, account, window, n-th and count each narrow down what a fault strikes."""
    assert struck(open_exchange(fault), "PUUUUUD") == expected


def test_the_first_fault_strikes_and_the_others_count() -> None:
    """Of two faults for one request the first is done; the second has seen the request, but is not used up."""
    exchange = open_exchange(
        Fault(effect=TEAPOT, nth=2),
        Fault(effect=service_unavailable(), nth=2, count=2),
    )
    assert [exchange.handle(ask(), now).status for now in range(5)] == [200, 299, 503, 503, 200]


def test_a_fault_counts_from_when_it_is_added() -> None:
    """Adding a fault does not look back, and clearing takes all away."""
    exchange = open_exchange()
    exchange.handle(ask(), 0)
    exchange.add_faults(Fault(effect=TEAPOT, nth=1), Fault(effect=TEAPOT, nth=3, count=9))
    assert [exchange.handle(ask(), 1).status for _ in range(4)] == [299, 200, 299, 299]
    exchange.clear_faults()
    assert exchange.handle(ask(), 1).status == 200


def test_chance_comes_from_the_seed() -> None:
    """The same seed strikes the same requests, at about the rate asked for, whatever other faults there are."""
    fault = Fault(effect=TEAPOT, probability=0.1)
    other = Fault(effect=KillKey(), verb="close", probability=0.5)
    methods = "P" * 2000
    one = struck(open_exchange(fault, seed=1), methods)
    assert one == struck(open_exchange(fault, other, seed=1), methods) != struck(open_exchange(fault, seed=2), methods)
    assert 150 < one.count("x") < 250


def test_unknown_paths_meet_no_faults() -> None:
    """What is no listen-key call is no candidate."""
    exchange = open_exchange(Fault(effect=TEAPOT, nth=1))
    assert exchange.handle(Request("POST", "https://exchange.test/other", ()), 0).status == 404
    assert exchange.handle(ask("GET"), 0).status == 405
    assert exchange.handle(ask(), 0).status == 299


@pytest.mark.parametrize(
    "nonsense",
    [
        {"verb": "renew"},
        {"nth": 0},
        {"count": 0},
        {"probability": 1.1},
        {"probability": -0.1},
        {"after": 5, "until": 5},
    ],
)
def test_a_fault_that_cannot_strike_is_refused(nonsense: dict[str, Any]) -> None:
    """A typing error in a fault is told, instead of testing nothing."""
    with pytest.raises(UsageError, match="never strike"):
        Fault(effect=TEAPOT, **nonsense)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Status(199),
        lambda: Status(200, headers=(("X-Odd", "a\r\nb"),)),
        lambda: Status(200, headers=(("X Odd", "a"),)),
        lambda: Status(200, b"{}", (("Content-Length", "3"),)),
        lambda: Redirect("https://elsewhere.test/\n"),
        lambda: Status(600),
        lambda: Limit(0),
        lambda: Limit(1, status=400),
        lambda: Delay(0),
        lambda: Drip(-1),
        lambda: Truncate(0),
        lambda: Huge(-1),
    ],
)
def test_an_effect_without_amount_is_refused(make: Any) -> None:
    """An effect that could not happen is a clear error."""
    with pytest.raises(UsageError):
        make()


@pytest.mark.parametrize(
    ("effect", "status", "body"),
    [
        (service_unavailable(), 503, b'"code":-1000'),
        (bad_gateway_html(), 502, b"<center>nginx</center>"),
        (gone(), 400, b'"code":-1125'),
        (retired(), 410, b"<h1>410 Gone</h1>"),
        (waf_403_html(), 403, b"<h1>403 Forbidden</h1>"),
        (api_error(400, -4109, "inactive"), 400, b'{"code":-4109,"msg":"inactive"}'),
        (Redirect("https://elsewhere.test/"), 307, b""),
        (Redirect("https://elsewhere.test/", 302), 302, b""),
        (Status(500, b"text", (("X-Note", "n"),)), 500, b"text"),
    ],
)
def test_an_answer_in_place_of_the_work(effect: Effect, status: int, body: bytes) -> None:
    """A status that is put in the exchange's place is all that happens."""
    exchange = open_exchange(Fault(effect=effect))
    reply = exchange.handle(ask(), 0)
    assert reply.status == status
    assert body in reply.body
    assert reply.work is None
    assert exchange.keys_ever == ()
    assert exchange.log[0].effect == effect


@pytest.mark.parametrize(
    "effect",
    [
        Status(500, after_work=True),
        service_unavailable(after_work=True),
        WrongShape(b"[]"),
        unsafe_key(),
        long_key(),
        Delay(5),
        Hang(after_work=True),
        Reset(after_work=True),
        Truncate(1),
        Drip(1),
        Garbage(),
        Huge(),
        KillKey(),
    ],
)
def test_the_work_is_done_although_the_answer_is_bad(effect: Effect) -> None:
    """After these there is a key at the exchange that its client may not know of."""
    exchange = open_exchange(Fault(effect=effect))
    assert exchange.handle(ask(), 0).work == "created"
    assert len(exchange.open_keys(0)) == 1


@pytest.mark.parametrize("effect", [Hang(), Reset()])
def test_the_work_is_not_done_and_there_is_no_answer(effect: Effect) -> None:
    """After these nothing has happened at the exchange."""
    exchange = open_exchange(Fault(effect=effect))
    reply = exchange.handle(ask(), 0)
    assert reply.wire == effect
    assert exchange.keys_ever == ()


def test_keys_that_are_none() -> None:
    """The ready-made bad keys are what they say."""
    exchange = open_exchange(Fault(effect=unsafe_key(), nth=1), Fault(effect=long_key(), nth=2))
    assert "/../" in told(exchange.handle(ask(), 0))["listenKey"]
    assert len(told(exchange.handle(ask(), 0))["listenKey"]) == 10_000


def test_a_key_dies_just_before_the_request() -> None:
    """KillKey ends the key of this account in this dialect, and the request finds it gone."""
    exchange = open_exchange(Fault(effect=KillKey(), verb="keepalive", nth=1))
    for request in (ask(), ask(dialect=COINM), ask(api_key="bob")):
        exchange.handle(request, 0)
    assert exchange.handle(ask("PUT"), 1).status == 400
    assert len(exchange.open_keys(1)) == 2
    assert exchange.seconds_without_key("alice", 3) == 2


def test_strangers_have_no_key_to_kill() -> None:
    """KillKey on a request without an account does nothing."""
    exchange = open_exchange(Fault(effect=KillKey()))
    assert exchange.handle(ask("PUT", api_key="stranger"), 0).status == 401


def test_delays_add_up_and_carry_another_answer() -> None:
    """A delay may be followed by any effect, another delay included."""
    exchange = open_exchange(Fault(effect=Delay(1, Delay(2, bad_gateway_html()))))
    reply = exchange.handle(ask(), 0)
    assert (reply.status, reply.delay) == (502, 3)


def test_a_rate_limit_silences_everyone() -> None:
    """After the first 429 every account and dialect is refused until the end, undisturbed by other faults."""
    exchange = open_exchange(Fault(effect=rate_limited(7.5), nth=2), Fault(effect=TEAPOT, nth=3))
    calls = [(ask(), 0), (ask(), 1), (ask(api_key="bob"), 2), (ask(dialect=SPOT_CLASSIC), 8.4), (ask("PUT"), 8.5)]
    replies = [exchange.handle(request, now) for request, now in calls]
    assert [reply.status for reply in replies] == [200, 429, 429, 429, 299]
    assert [dict(reply.headers).get("Retry-After") for reply in replies] == [None, "8", "7", "1", None]
    assert exchange.requests_during_bans == 2
    assert [entry.during_ban for entry in exchange.log] == [False, False, True, True, False]
    assert told(replies[1])["code"] == -1003
    assert told(replies[1])["msg"].startswith("Too many requests; current limit is 2400 requests per minute.")
    assert told(replies[3])["msg"].startswith("Too much request weight used; current limit is 2400 request weight")


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        (SPOT_CLASSIC, "Way too much request weight used; IP banned until 1700000120500. "),
        (USDM, "Way too many requests; IP banned until 1700000120500. "),
        (COINM, "Way too many requests; IP banned until 1700000120500. "),
    ],
)
@pytest.mark.parametrize("header", [False, True])
def test_a_ban_tells_its_end_in_the_text(dialect: Any, words: str, header: bool) -> None:
    """The 418 has the end in epoch milliseconds in its message, and Retry-After only if asked for."""
    exchange = open_exchange(Fault(effect=banned(120, header=header)), epoch=1_700_000_000.0)
    reply = exchange.handle(ask(dialect=dialect), 0.5)
    assert reply.status == 418
    assert told(reply)["msg"].startswith(words)
    assert dict(reply.headers).get("Retry-After") == ("120" if header else None)


def test_a_ban_may_begin_by_itself() -> None:
    """ban() needs no fault; an unknown path gets the words of the first dialect."""
    exchange = open_exchange()
    exchange.ban(rate_limited(5, header=False), 10)
    reply = exchange.handle(Request("GET", "https://exchange.test/", ()), 14)
    assert reply.status == 429
    assert "Retry-After" not in dict(reply.headers)
    assert told(reply)["msg"].startswith("Too much request weight used")
    assert exchange.handle(ask(), 15).status == 200


def test_the_weight_limit_holds_until_the_minute_is_over() -> None:
    """The first call beyond the weight of a minute gets a 429 until the next minute of the clock."""
    exchange = open_exchange(weight_limit=5, epoch=1_700_000_040.0)
    calls = [(SPOT_CLASSIC, 10), (SPOT_CLASSIC, 20), (USDM, 30), (USDM, 40), (USDM, 59), (USDM, 60)]
    replies = [exchange.handle(ask(dialect=dialect), now) for dialect, now in calls]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429, 200]
    assert dict(replies[3].headers)["Retry-After"] == "20"
    assert "limit is 5 requests" in told(replies[3])["msg"]
    assert exchange.requests_during_bans == 1


def test_a_reply_shows_no_body() -> None:
    """The description for front ends may be logged."""
    reply = open_exchange(Fault(effect=Delay(5, Drip(1)))).handle(ask(), 0)
    key = json.loads(reply.body)["listenKey"]
    assert key not in repr(reply)
    assert "Drip" in repr(reply)
