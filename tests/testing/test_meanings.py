"""What effects mean: the table is complete, and whoever makes a fault is held to it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from trio_listenkey import UsageError
from trio_listenkey.testing import (
    Delay,
    Drip,
    Drop,
    Duplicate,
    Effect,
    Fault,
    Freeze,
    Limit,
    Redirect,
    Reset,
    Status,
    Truncate,
    WrongShape,
)
from trio_listenkey.testing._faults._meanings import COLUMNS, MEANINGS, does_work

SOMETHING: dict[type, tuple[Any, ...]] = {
    Status: (503,),
    WrongShape: (b"",),
    Redirect: ("https://elsewhere.test/",),
    Limit: (1.0,),
    Delay: (1.0,),
    Truncate: (1,),
    Drip: (1.0,),
    Freeze: (1.0,),
}


def some(effect: type) -> Effect:
    made: Effect = effect(*SOMETHING.get(effect, ()))
    return made


def test_every_effect_has_a_row() -> None:
    """And no row has more or fewer meanings than there are occasions."""
    assert [*MEANINGS] == list(get_args(Effect))
    assert {len(row) for row in MEANINGS.values()} == {len(COLUMNS)}


@pytest.mark.parametrize("effect", MEANINGS, ids=lambda effect: effect.__name__)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_fault_can_be_made_where_the_effect_means_something(effect: type, column: str) -> None:
    """And nowhere else."""
    verb: Any = {"request": "keepalive"}.get(column, column)
    if MEANINGS[effect][COLUMNS.index(column)] is None or (effect, column) == (Delay, "socket"):
        with pytest.raises(UsageError, match="cannot be done"):
            Fault(verb=verb, effect=some(effect))
    else:
        assert Fault(verb=verb, effect=some(effect)).verb == verb


@pytest.mark.parametrize(
    ("verb", "then", "good"),
    [
        ("any", Status(503), True),
        ("any", Drop(), False),
        ("connect", Status(503), True),
        ("connect", WrongShape(b""), False),
        ("socket", Reset(), True),
        ("socket", Duplicate(), False),
        ("event", Reset(), False),
        ("api", Delay(1, then=Drop()), True),
        ("api", Drip(1), False),
    ],
)
def test_what_comes_later_has_to_fit(verb: Any, then: Effect, good: bool) -> None:
    """A delayed effect means what it would mean at once; a late event is nothing but late."""
    if good:
        Fault(verb=verb, effect=Delay(1, then=then))
    else:
        with pytest.raises(UsageError, match="cannot be done"):
            Fault(verb=verb, effect=Delay(1, then=then))


@pytest.mark.parametrize(
    ("effect", "done"),
    [(Status(503), False), (Status(503, after_work=True), True), (Limit(1), False), (Drip(1), True), (Drop(), True)],
)
def test_whether_the_work_is_done(effect: Effect, done: bool) -> None:
    """It is, unless the exchange does not get to it."""
    assert does_work(effect) is done
