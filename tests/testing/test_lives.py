"""A life is lines of text: what each says, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis.vendor.pretty import pretty

from trio_listenkey import UsageError
from trio_listenkey.testing import CloseSocket, Fault, HalfOpen, Limit, Reset
from trio_listenkey.testing.strategies import Life, account_histories, exchange_timings, lives


def test_what_lines_say() -> None:
    """A word with its arguments, or a fault in one line; what holds for the whole life stands apart."""
    life = Life(
        "latency 0.2",
        "skew -3",
        "keepalive#2=Reset",
        "wait 65",
        "kill_key",
        "ban banned:300",
        "strike CloseSocket:1001",
        "unplug both 40",
    )
    assert (life.latency, life.skew) == (0.2, -3)
    assert [(step.word, step.arguments) for step in life.steps] == [
        ("fault", (Fault(verb="keepalive", nth=2, effect=Reset()),)),
        ("wait", (65.0,)),
        ("kill_key", ()),
        ("ban", (Limit(300, 418, retry_after=False),)),
        ("strike", (CloseSocket(1001),)),
        ("unplug", ("both", 40.0)),
    ]
    assert life.steps[5].arguments[0] != HalfOpen()


def test_what_is_left_out_is_usual() -> None:
    """A life without any line is one, too."""
    assert (Life().latency, Life().skew, Life().steps) == (0.01, 0.0, ())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "rest",
        "wait",
        "wait long",
        "wait -1",
        "wait nan",
        "wait 1 2",
        "place 1",
        "fill 0",
        "fill -1",
        "fill first",
        "events 1000001",
        "skew x",
        "ban Reset",
        "ban nothing",
        "strike Status:503",
        "strike nothing",
        "unplug everything 1",
        "unplug both",
        "keepalive=nothing",
        "keepalive#0=Reset",
        "connect=HalfOpen",
    ],
)
def test_what_says_nothing_is_refused(line: str) -> None:
    """At once, and not in the middle of a walk."""
    with pytest.raises(UsageError):
        Life("wait 1", line)


@settings(max_examples=50)
@given(lives())
def test_what_is_printed_makes_the_same_life(life: Life) -> None:
    """So that it can be pasted."""
    again = eval(repr(life), {"Life": Life})
    assert again == life
    assert hash(again) == hash(life)
    assert (again.steps, again.latency, again.skew) == (life.steps, life.latency, life.skew)
    assert str(life).splitlines() == list(life.lines)
    assert pretty(life) == repr(life)  # what Hypothesis shows


def test_lives_are_told_apart() -> None:
    """By their lines, and from other things."""
    assert Life("wait 1") != Life("wait 2")
    assert Life("wait 1") != ("wait 1",)
    assert repr(Life("wait 1")) == "Life('wait 1')"


@settings(max_examples=50)
@given(account_histories(), account_histories(orders=False), exchange_timings(latencies=[1], skews=[2]))
def test_parts_of_a_life(history: list[str], without_orders: list[str], timing: list[str]) -> None:
    """They are lines, and can be put together; what one asks to be left out is."""
    life = Life(*timing, *history, *without_orders)
    assert (life.latency, life.skew) == (1, 2)
    assert len(life.steps) == len(history) + len(without_orders)
    words = {line.split()[0] for line in without_orders}
    assert words & {"place", "fill", "partly", "cancel", "expire"} == set()
    assert not any(line.startswith("events") for line in history)
