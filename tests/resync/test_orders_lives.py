"""Generated lives of orders, with gaps, late events and answers of any moment: in the end it is the truth."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings, strategies as st
from order_world import differences, is_fair, live


@given(st.randoms(use_true_random=False), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_in_the_end_it_is_the_truth(random: Random, gaps: int) -> None:
    """Orders, positions and the wallet are as they are; what cannot be found out is told, and nothing else is."""
    life = live(random, gaps=gaps, busy=15)
    assert life.gaps == gaps + 1
    assert life.unresolved or not differences(life)
    assert not is_fair(life) or not life.unresolved


def test_hundreds_of_seeds() -> None:
    """The same with longer lives, which Hypothesis would not draw."""
    fair = 0
    for seed in range(250):
        life = live(Random(seed))
        fair += is_fair(life)
        assert life.unresolved or not differences(life), seed
    assert fair > 200
