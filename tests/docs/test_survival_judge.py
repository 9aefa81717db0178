"""The survival table's judge: what it makes of what was emitted and what arrived; and what readers see of it."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from survival.judge import Figures, Promise, Run, broken_promises, judge
from survival.scenarios import SCENARIOS
from survival.table import Result, format_result, write_csv, write_json, write_rst

END = 20.0
STEADY = {number: float(number) for number in range(1, 11)}
"""Ten events, one each second."""


def run_of(received: Iterable[tuple[int, float]], **changes: object) -> Run:
    run = Run(
        emitted=STEADY,
        received=list(received),
        gaps=[],
        told=[],
        asked_to_stop_at=END,
        stopped_at=END,
        requests_in_bans=0,
        keys_left=0,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def on_time(numbers: Iterable[int]) -> list[tuple[int, float]]:
    return [(number, STEADY[number] + 0.01) for number in numbers]


ALL = range(1, 11)
WITHOUT_4_TO_6 = [number for number in ALL if not 4 <= number <= 6]


def test_all_is_well_when_each_event_arrives_once_and_on_time() -> None:
    """Deafness is then what an event takes on its way."""
    figures = judge(run_of(on_time(ALL)))
    assert figures.deaf == pytest.approx(0.01)
    assert figures == replace(_perfect(), deaf=figures.deaf)


def test_deafness_lasts_from_the_first_unheard_event_until_the_next_one_that_is_heard() -> None:
    """The silence before it does not count: there was nothing to hear."""
    figures = judge(run_of(on_time(WITHOUT_4_TO_6)))
    assert figures.deaf == pytest.approx(7.01 - 4)
    assert not figures.deaf_to_the_end
    assert figures.lost == 3


def test_deafness_that_nothing_ends_lasts_to_the_end() -> None:
    """That is when the player was asked to stop."""
    figures = judge(run_of(on_time([1, 2, 3])))
    assert figures.deaf == pytest.approx(END - 4)
    assert figures.deaf_to_the_end
    assert figures.lost == 7


def test_a_player_that_hears_nothing_is_deaf_from_the_first_event_on() -> None:
    """It is not one that had nothing to do."""
    figures = judge(run_of([]))
    assert (figures.deaf, figures.deaf_to_the_end, figures.lost, figures.untold) == (END - 1, True, 10, 10)


def test_events_that_come_late_are_not_lost() -> None:
    """But the user was deaf until they came."""
    figures = judge(run_of([*on_time([1, 2, 3]), *((number, 12.0) for number in range(4, 11))]))
    assert figures.lost == 0
    assert figures.deaf == pytest.approx(8.0)


def test_who_is_behind_but_hears_something_all_the_time_is_not_deaf() -> None:
    """So is a slow user, whose own time is not the library's fault."""
    figures = judge(run_of([(number, 1 + number * 1.5) for number in ALL]))
    assert figures.deaf <= 1.5
    assert figures.lost == 0


def test_a_gap_tells_of_the_events_that_it_covers_only() -> None:
    """Both of its ends belong to it."""
    figures = judge(run_of(on_time(WITHOUT_4_TO_6), gaps=[(4.0, 5.0)]))
    assert (figures.lost, figures.outside_gaps, figures.untold) == (3, 1, 1)
    assert (figures.gaps, figures.gap_seconds) == (1, 1.0)


@pytest.mark.parametrize(("told", "untold"), [(3.5, 0), (5.0, 0), (7.9, 0), (2.9, 3), (8.1, 3)])
def test_a_message_tells_of_a_hole_that_it_is_near_to(told: float, untold: int) -> None:
    """From a second before its first event to a second after the first that arrived again."""
    figures = judge(run_of(on_time(WITHOUT_4_TO_6), told=[told]))
    assert figures.untold == untold
    assert figures.outside_gaps == 3


def test_a_message_tells_of_its_own_hole_only() -> None:
    """Another one may still be silent."""
    heard = [number for number in ALL if number not in {3, 7, 8}]
    assert judge(run_of(on_time(heard), told=[3.2])).untold == 2


def test_a_message_after_the_last_event_tells_of_a_hole_that_nothing_ends() -> None:
    """It comes late, and it comes."""
    assert judge(run_of(on_time([1, 2, 3]), told=[18.0])).untold == 0


def test_what_comes_again_is_doubled_and_not_disordered() -> None:
    """However often it comes."""
    figures = judge(run_of([*on_time(ALL), (2, 11.0), (2, 11.1), (3, 11.2)]))
    assert (figures.doubled, figures.disordered, figures.lost) == (3, 0, 0)


def test_what_comes_after_a_later_event_is_disordered() -> None:
    """And only that, not the later one."""
    figures = judge(run_of([(1, 5.0), (3, 5.1), (2, 5.2), (4, 5.3)], emitted=dict.fromkeys((1, 2, 3, 4), 1.0)))
    assert (figures.disordered, figures.doubled) == (1, 0)


@pytest.mark.parametrize(
    ("handshakes", "most"), [([], 0), ([5.0], 1), ([7.2, 5.0, 5.9, 6.0, 6.1], 3), ([5.0, 6.0, 7.0], 1)]
)
def test_handshakes_are_counted_in_the_busiest_second(handshakes: list[float], most: int) -> None:
    """Wherever it begins; its end does not belong to it."""
    assert judge(run_of(on_time(ALL), handshakes=handshakes)).busiest_second == most


def test_events_of_before_the_scenario_do_not_count() -> None:
    """They are nobody's loss and nobody's double."""
    assert judge(run_of([(-1, 0.5), *on_time(ALL)])).lost == 0


def test_stopping_is_measured_from_the_request() -> None:
    """Who had to be killed has no time."""
    assert judge(run_of(on_time(ALL), stopped_at=END + 2)).stopping == 2.0
    assert judge(run_of(on_time(ALL), stopped_at=None)).stopping is None


@given(st.sets(st.sampled_from(list(ALL))), st.lists(st.floats(0, 20), max_size=3))
def test_every_event_is_heard_or_lost_and_every_loss_told_or_untold(heard: set[int], told: list[float]) -> None:
    """Whatever was heard."""
    figures = judge(run_of(on_time(sorted(heard)), told=told))
    assert figures.lost == len(ALL) - len(heard)
    assert 0 <= figures.untold <= figures.outside_gaps == figures.lost
    assert judge(run_of(on_time(sorted(heard)), gaps=[(0.0, END)])).outside_gaps == 0
    assert (figures.deaf > 0.5) == (figures.lost > 0)


def _perfect() -> Figures:
    return Figures(
        deaf=0.01,
        deaf_to_the_end=False,
        lost=0,
        untold=0,
        outside_gaps=0,
        doubled=0,
        disordered=0,
        gaps=0,
        gap_seconds=0.0,
        stopping=0.0,
        requests_in_bans=0,
        keys_left=0,
    )


def test_a_perfect_run_breaks_no_promise() -> None:
    """Not even the hardest."""
    assert broken_promises(_perfect(), Promise(deaf_at_most=1.0, gapless=True), close_timeout=3) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"outside_gaps": 2}, "2 events were lost that no gap covers"),
        ({"doubled": 1}, "1 events came again"),
        ({"disordered": 1}, "1 events came after a later one"),
        ({"requests_in_bans": 1}, "1 requests were sent during a ban"),
        ({"stopping": 3.6}, "stopping took 3.60 s, and 3.5 s are allowed"),
        ({"stopping": None}, "stopping took inf s, and 3.5 s are allowed"),
        ({"deaf": 1.5}, "the user heard nothing for 1.50 s, and 1.0 s are allowed"),
        ({"lost": 1}, "nothing was to be missed, and 1 events were lost, 0 gaps told"),
        ({"gaps": 1}, "nothing was to be missed, and 0 events were lost, 1 gaps told"),
        ({"keys_left": 1}, "1 keys were left open"),
        ({"busiest_second": 31}, "31 handshakes came within a second, and 30 are allowed"),
    ],
)
def test_each_promise_can_be_broken(wrong: dict[str, object], message: str) -> None:
    """And the message says by how much."""
    figures = replace(_perfect(), **wrong)  # type: ignore[arg-type]
    promise = Promise(deaf_at_most=1.0, gapless=True, handshakes_a_second=30)
    assert broken_promises(figures, promise, close_timeout=3) == [message]


def test_without_a_promise_of_its_own_a_scenario_may_cost_time_and_told_events() -> None:
    """As long as a gap covers them."""
    figures = replace(_perfect(), deaf=math.inf, lost=100, gaps=2)
    assert broken_promises(figures, Promise(), close_timeout=3) == []


def test_a_key_may_be_left_where_the_exchange_does_not_let_it_be_closed() -> None:
    """There is nothing that could be done."""
    assert broken_promises(replace(_perfect(), keys_left=1), Promise(leaves_key=True), close_timeout=3) == []


def test_every_scenario_has_a_name_of_its_own_and_is_not_over_before_its_last_act() -> None:
    """Each act leaves time in which to see what came of it."""
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert all(at + 5 < scenario.seconds for scenario in SCENARIOS for at, _ in scenario.acts)


def test_readers_see_what_went_wrong_and_who_was_told(tmp_path: Path) -> None:
    """In one row for each scenario, and one column for each player."""
    about_events = next(scenario for scenario in SCENARIOS if not scenario.is_about_stopping)
    about_stopping = next(scenario for scenario in SCENARIOS if scenario.is_about_stopping)
    mute = replace(_perfect(), deaf=7.5, deaf_to_the_end=True, lost=60, untold=60, requests_in_bans=3, stopping=None)
    told = replace(_perfect(), deaf=7.5, lost=60, untold=20, doubled=1, stopping=9.0)
    gap = replace(_perfect(), deaf=7.5, lost=60, gaps=1, gap_seconds=8.0, stopping=9.0)
    results = [
        Result(about_events, "ours", gap, ()),
        Result(about_events, "mute", mute, ()),
        Result(about_events, "late", replace(_perfect(), deaf=7.5), ()),
        Result(about_stopping, "ours", None, ("no stream was opened",)),
        Result(about_stopping, "mute", told, ()),
        Result(about_stopping, "told", replace(told, untold=0, doubled=0), ()),
    ]
    write_rst(tmp_path / "table.rst", results, {"ours": "1.0", "mute": "2.0"})
    lines = (tmp_path / "table.rst").read_text().splitlines()
    assert [line.strip(" *-") for line in lines[3:18]] == [
        "What happens",
        "ours 1.0",
        "mute 2.0",
        "late",
        "told",
        _as_sentence(about_events.title),
        "deaf for 7.5 s, 60 lost, told by a gap of 8.0 s",
        "deaf for 7.5 s to the end, 60 lost, untold; 3 requests in the ban; never stopped",
        "nothing for 7.5 s, then all of it",
        "not run",
        _as_sentence(about_stopping.title),
        "not run",
        "deaf for 7.5 s, 60 lost, 20 of them untold; 1 doubled; stopped after 9.0 s",
        "not run",
        "deaf for 7.5 s, 60 lost, told; stopped after 9.0 s",
    ]


def _as_sentence(title: str) -> str:
    return title[0].upper() + title[1:]


def test_programs_get_all_figures(tmp_path: Path) -> None:
    """As CSV what the terminal shows, as JSON everything."""
    results = [Result(SCENARIOS[0], "ours", _perfect(), ()), Result(SCENARIOS[1], "ours", None, ("no stream",))]
    write_csv(tmp_path / "table.csv", results)
    write_json(tmp_path / "table.json", results, {"ours": "1.0"})
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["scenario"] for row in rows] == [SCENARIOS[0].name, SCENARIOS[1].name]
    assert [row["lost"] for row in rows] == ["0", "-"]
    told = json.loads((tmp_path / "table.json").read_text())
    assert Figures(**told["results"][0]["figures"]) == _perfect()
    assert told["results"][1]["broken"] == ["no stream"]


def test_the_terminal_shows_broken_promises_below_their_line() -> None:
    """Where nobody overlooks them."""
    assert format_result(Result(SCENARIOS[0], "ours", _perfect(), ("it was late",))).endswith(
        "\n    BROKEN: it was late"
    )
