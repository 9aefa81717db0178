"""The fault language as JSON and as one line: what can be said, and what is told to who says something else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from inspect import signature
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import assume, given, strategies as st

from trio_listenkey import UsageError
from trio_listenkey.testing import (
    USDM,
    Delay,
    Dialect,
    Fault,
    Hang,
    Huge,
    KillKey,
    Limit,
    Redirect,
    Reset,
    Status,
    WrongShape,
    bad_gateway_html,
    rate_limited,
    service_unavailable,
)
from trio_listenkey.testing._control._json_values import decode, decode_arguments, encode
from trio_listenkey.testing._control._vocabulary import ready_made
from trio_listenkey.testing.control import fault_from_json, fault_to_json, faults_from_json

EFFECTS = get_args(get_type_hints(Fault.__init__)["effect"])


def anything_for(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the type that a field is annotated with; it need not be a sensible one."""
    if hint in EFFECTS:
        return effects_of(hint)
    if get_origin(hint) is UnionType or isinstance(hint, UnionType):
        return st.one_of(*map(anything_for, get_args(hint)))
    if get_origin(hint) is tuple:
        inner, *more = get_args(hint)
        if more == [...]:
            return st.lists(anything_for(inner), max_size=3).map(tuple)
        return st.tuples(*map(anything_for, (inner, *more)))
    plain: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(1, 10**12) | st.sampled_from([200, 307, 418, 429, 503, 599]),
        float: st.floats(0.001, 1e12) | st.sampled_from([0.25, 1.0]),
    }
    return plain[hint] if hint in plain else st.from_type(hint)


def later(hint: Any) -> st.SearchStrategy[Any]:
    """Looked into when it is drawn from, as an effect may have an effect in it."""
    return st.deferred(lambda: anything_for(hint))


def made_of(cls: type, arguments: Mapping[str, Any]) -> Any:
    try:
        return cls(**arguments)
    except UsageError:
        return None


def effects_of(cls: type) -> st.SearchStrategy[Any]:
    """Every legal value of a dataclass, its fields at their defaults or not."""
    hints = get_type_hints(cls.__init__)  # type: ignore[misc]
    each = {field.name: later(hints[field.name]) for field in fields(cls)}
    needed = {name for name, parameter in signature(cls).parameters.items() if parameter.default is parameter.empty}
    given_fields = st.fixed_dictionaries(
        {name: each[name] for name in needed}, optional={name: each[name] for name in each if name not in needed}
    )
    return given_fields.map(lambda arguments: made_of(cls, arguments)).filter(lambda made: made is not None)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
def test_every_effect_survives_its_way_through_json(effect: type) -> None:
    """What a fault is told as makes an equal fault, for every effect there is and with whatever in it."""

    @given(effects_of(effect))
    def check(made: Any) -> None:
        verbs = get_args(get_type_hints(Fault.__init__)["verb"])
        words = [word for each in verbs for word in get_args(each)]
        fault = next(filter(None, (made_of(Fault, {"effect": made, "verb": word}) for word in words)), None)
        assume(fault is not None)
        assert fault is not None
        assert fault_from_json(json.loads(json.dumps(fault_to_json(fault)))) == fault

    check()


@given(effects_of(Fault))
def test_every_fault_survives_its_way_through_json(fault: Fault) -> None:
    """The same for when it strikes: verb, account, window, number, count and probability."""
    assert fault_from_json(json.loads(json.dumps(fault_to_json(fault), allow_nan=False))) == fault


@given(
    verb=st.sampled_from(["create", "keepalive", "close", "any"]),
    nth=st.none() | st.integers(1, 10**6),
    count=st.none() | st.integers(1, 10**6),
    probability=st.none() | st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    window=st.none() | st.tuples(st.none() | st.just(1.5), st.none() | st.just(20.0)),
    blank=st.sampled_from(["", " "]),
)
def test_one_line_says_the_same_as_json(
    verb: str, nth: int | None, count: int | None, probability: float | None, window: Any, blank: str
) -> None:
    """Every combination of who, n-th, count, probability and window, with blanks or without."""
    after, until = window or (None, None)
    when = [
        verb,
        f"#{nth}" if nth else "",
        f"*{count}" if count else "",
        "" if probability is None else f"~{probability}",
        f"@{after or ''}..{until or ''}" if window else "",
    ]
    told: dict[str, Any] = {"verb": verb, "nth": nth, "count": count, "effect": "Hang"}
    told |= {} if probability is None else {"probability": probability}
    told |= {name: value for name, value in [("after", after), ("until", until)] if value}
    assert fault_from_json(blank.join(when) + f"{blank}={blank}Hang") == fault_from_json(told)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ("keepalive=bad_gateway_html", Fault(verb="keepalive", effect=bad_gateway_html())),
        ("keepalive#2=service_unavailable", Fault(verb="keepalive", nth=2, effect=service_unavailable())),
        ("create#2*3=Reset", Fault(verb="create", nth=2, count=3, effect=Reset())),
        ('create={"Reset": {"after_work": true}}', Fault(verb="create", effect=Reset(after_work=True))),
        ("any~0.01=Delay:5", Fault(probability=0.01, effect=Delay(5))),
        ("any@7200..7800=Hang", Fault(after=7200, until=7800, effect=Hang())),
        ("keepalive#4=rate_limited:30", Fault(verb="keepalive", nth=4, effect=rate_limited(30))),
        ("any=Redirect:https://example.org/?a=b", Fault(effect=Redirect("https://example.org/?a=b"))),
        ('any=WrongShape:"[]"', Fault(effect=WrongShape(b"[]"))),
        ({"effect": "KillKey", "account": "bob"}, Fault(effect=KillKey(), account="bob")),
        ({"effect": {"rate_limited": 30}}, Fault(effect=rate_limited(30))),
        (
            {"effect": {"rate_limited": {"retry_after": 30, "header": False}}},
            Fault(effect=rate_limited(30, header=False)),
        ),
        ({"effect": {"effect": "Status", "code": 503}}, Fault(effect=Status(503))),
        ({"effect": {"effect": "Status", "code": 503, "body": {"base64": "/w=="}}}, Fault(effect=Status(503, b"\xff"))),
        ({"effect": {"effect": "Huge", "size": None}}, Fault(effect=Huge())),
        (
            {"effect": {"Delay": {"seconds": 5, "then": "bad_gateway_html"}}},
            Fault(effect=Delay(5, then=bad_gateway_html())),
        ),
        ({"effect": "Hang", "after": "-inf", "until": "inf"}, Fault(effect=Hang())),
    ],
)
def test_what_is_said_is_what_is_meant(told: Any, fault: Fault) -> None:
    """Each form of the grammar, by example."""
    assert fault_from_json(told) == fault


def test_every_ready_made_effect_has_its_name() -> None:
    """All functions that make an effect can be said by their names."""
    made = ready_made(EFFECTS)
    assert {"bad_gateway_html", "rate_limited", "banned", "api_error", "html_page", "gone"} <= made.keys()
    arguments = {"api_error": {"status": 400, "code": -1, "message": "no"}, "html_page": {"status": 500, "title": "x"}}
    for name, maker in made.items():
        given_fields = arguments.get(name, {"seconds": 1} if name == "banned" else {})
        given_fields = {"retry_after": 1} if name == "rate_limited" else given_fields
        assert fault_from_json({"effect": {name: given_fields}}).effect == maker(**given_fields)


def test_one_fault_or_a_list() -> None:
    """Where faults are asked for, one will do."""
    fault = Fault(effect=Hang())
    assert faults_from_json("any=Hang") == faults_from_json(["any=Hang"]) == [fault]
    assert faults_from_json([]) == []
    with pytest.raises(UsageError, match=r"faults\[1\].verb"):
        faults_from_json(["any=Hang", "every=Hang"])


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ("keepalive", "'keepalive' is no fault. Write it as\nFAULT"),
        ("keepalive=", "is no fault"),
        ("keepalive*2#3=Hang", "is no fault"),
        (
            "nobody=Hang",
            "fault.verb: there is no 'nobody'. Pass one of: create, keepalive, close, any, connect, socket, event",
        ),
        ("any=Hangg", "fault.effect: there is no 'Hangg'. Pass one of: "),
        ("any=Status", "fault.effect.code is missing. The fields are: code, body"),
        ("any=Status:99", "fault.effect: Status(99) is no final HTTP status"),
        ("any=Delay:soon", "fault.effect.seconds: 'soon' is not a finite number"),
        ("event=Drop:1", "fault.effect takes no fields. Pass its name alone"),
        ("any={", "fault.effect: there is no '{'"),
        ("any#0=Hang", "fault: Fault(effect=Hang(after_work=False), verb='any'"),
        ([], "fault: [] is not a JSON object. Pass one"),
        ({"verb": "any"}, "fault.effect is missing"),
        ({"effect": "Hang", "when": 1}, "fault has no field 'when'. It has: effect, verb"),
        ({"effect": ["Hang"]}, "fault.effect is no effect. Pass a name"),
        ({"effect": {"a": 1, "b": 2}}, "fault.effect is no effect"),
        ({"effect": "Hang", "nth": True}, "fault.nth: True is not a whole number"),
        ({"effect": "Hang", "nth": 10**13}, "fault.nth: 10000000000000 is not a whole number"),
        ({"effect": "Hang", "account": 1}, "fault.account: 1 is not a text"),
        ({"effect": "Hang", "after": "inf"}, "fault.after: 'inf' is not a finite number"),
        ({"effect": {"rate_limited": "inf"}}, "fault.effect.retry_after: 'inf' is not a finite number"),
        ({"effect": {"Delay": 1e300}}, "fault.effect.seconds: 1e+300 is not a finite number"),
        ({"effect": {"Hang": {"after_work": 1}}}, "fault.effect.after_work: 1 is not true or false"),
        ({"effect": {"WrongShape": {"body": {"base64": "?"}}}}, "fault.effect.body is no sequence of bytes"),
        ({"effect": {"WrongShape": {"body": "\ud800"}}}, "fault.effect.body is no sequence of bytes"),
        ({"effect": {"WrongShape": {"body": 1}}}, "fault.effect.body is no sequence of bytes"),
        ({"effect": {"Status": {"code": 1, "headers": {}}}}, "fault.effect.headers: {} is not a list"),
        ({"effect": {"Status": {"code": 1, "headers": [["a"]]}}}, "fault.effect.headers[0]: ['a'] is not a list of 2"),
        (
            {"effect": {"Delay": {"seconds": 1, "then": {"Delay": 0}}}},
            "fault.effect.then: Delay(seconds=0.0, then=None)",
        ),
    ],
)
def test_a_mistake_is_told_with_the_field(told: Any, complaint: str) -> None:
    """The error names the field, and what could stand there."""
    with pytest.raises(UsageError) as caught:
        fault_from_json(told)
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 1000


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["effect", "verb", "Delay", "Status", "seconds", "code"]) | st.text(), inner
            )
        ),
    )
)
def test_any_json_is_a_fault_or_a_mistake(value: Any) -> None:
    """Nothing that JSON can say makes it raise anything else."""
    with suppress(UsageError):
        fault_from_json(value)


class TestHints:
    """What a method of the exchange may be annotated with, so that it can be called with JSON."""

    def test_a_dialect_has_a_name(self) -> None:
        """A dialect, or none."""
        assert decode(Dialect | None, "usdm", "it") is USDM
        assert decode(Dialect | None, None, "it") is None
        with pytest.raises(UsageError, match=r"it: there is no 'ftx'\. Pass one of: "):
            decode(Dialect | None, "ftx", "it")

    def test_the_first_that_fits(self) -> None:
        """Of several, in their order."""
        assert decode(int | str, 1, "it") == 1
        assert decode(int | str, "1", "it") == "1"
        with pytest.raises(UsageError, match=r"it: None is not a text"):
            decode(int | str, None, "it")

    def test_what_is_not_looked_into(self) -> None:
        """A mapping is any object; Any is anything."""
        assert decode(Mapping[str, Any] | None, {"a": [1]}, "it") == {"a": [1]}
        assert decode(Any, [1], "it") == [1]
        with pytest.raises(UsageError, match=r"it: \[1\] is not a JSON object"):
            decode(Mapping[str, Any], [1], "it")

    def test_words(self) -> None:
        """One of several words."""
        assert decode(Literal["a", "b"], "a", "it") == "a"
        with pytest.raises(UsageError, match=r"it: there is no 1\. Pass one of: a, b"):
            decode(Literal["a", "b"], 1, "it")

    def test_one_effect_of_one_kind(self) -> None:
        """Where only a limit will do, its ready-made ones will, too, and nothing else."""
        assert decode(Limit, {"rate_limited": 3}, "it") == rate_limited(3)
        with pytest.raises(UsageError, match=r"it: there is no 'Hang'\. Pass one of: Limit, "):
            decode(Limit, "Hang", "it")

    def test_what_is_known_is_not_asked_for(self) -> None:
        """Arguments that are given already are no fields."""

        def wants(account: str, now: float, *, count: int = 1) -> None: ...

        assert decode_arguments(wants, {"account": "a"}, "it", now=3.0) == {"account": "a", "now": 3.0}
        with pytest.raises(UsageError, match=r"it has no field 'now'\. It has: account, count"):
            decode_arguments(wants, {"account": "a", "now": 4}, "it", now=3.0)
        with pytest.raises(UsageError, match=r"it has no field 'x'\. It has: none"):
            decode_arguments(lambda: None, {"x": 1}, "it")


def test_a_log_shows_effects_without_bodies() -> None:
    """Bodies and headers are left out, and what never ends is told in a word."""
    assert encode(None, brief=True) is None
    assert encode(bad_gateway_html(), brief=True) == {"effect": "Status", "code": 502}
    assert encode(Delay(math.inf, then=Status(503, b"secret")), brief=True) == {
        "effect": "Delay",
        "seconds": "inf",
        "then": {"effect": "Status", "code": 503},
    }


@pytest.mark.parametrize("code", [-1125, 100410, "0003", "ERR-5003"])
def test_an_error_code_is_a_number_or_a_text(code: int | str) -> None:
    """As the exchange spells it, zeros included."""
    told = {"verb": "keepalive", "effect": {"api_error": {"status": 400, "code": code, "message": "no"}}}
    effect = fault_from_json(told).effect
    assert isinstance(effect, Status)
    assert json.loads(effect.body) == {"code": code, "msg": "no"}
