"""How long to wait before another try."""

import pytest
from hypothesis import given, strategies as st

from trio_listenkey._core._backoff import full_jitter

attempts = st.integers(1, 10_000)
draws = st.floats(0, 1, exclude_max=True)
bases = st.floats(0.001, 60)
caps = st.floats(60, 86400)


@given(attempts, draws, bases, caps)
def test_it_is_bounded(attempt: int, draw: float, base: float, cap: float) -> None:
    """It is never less than a tenth of the base, and never more than the cap or the doubled base."""
    delay = full_jitter(attempt, draw, base=base, cap=cap)
    assert base / 10 <= delay <= cap
    assert attempt > 100 or delay <= base * 2.0 ** (attempt - 1)


@given(attempts, draws, bases, caps)
def test_its_ceiling_never_falls(attempt: int, draw: float, base: float, cap: float) -> None:
    """With the same luck, a later try is never sooner."""
    now, later = (full_jitter(number, draw, base=base, cap=cap) for number in (attempt, attempt + 1))
    assert now <= later


@given(attempts, draws, draws, bases, caps)
def test_it_grows_with_the_draw(attempt: int, one: float, other: float, base: float, cap: float) -> None:
    """The draw decides where between floor and ceiling it falls."""
    low, high = sorted((one, other))
    assert full_jitter(attempt, low, base=base, cap=cap) <= full_jitter(attempt, high, base=base, cap=cap)


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (40, 60), (10**6, 60)]
)
def test_it_doubles_up_to_the_cap(attempt: int, ceiling: float) -> None:
    """The ceiling doubles with each try until it meets the cap, and the whole range below it is used."""
    assert full_jitter(attempt, 1.0, base=1, cap=60) == pytest.approx(ceiling)
    assert full_jitter(attempt, 0.0, base=1, cap=60) == pytest.approx(0.1)
    assert full_jitter(attempt, 0.5, base=1, cap=60) == pytest.approx(0.1 + (ceiling - 0.1) / 2)
