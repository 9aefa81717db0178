"""The table of states is complete: no dead end, no way out of it, no hole that goes unnamed."""

import pytest

from trio_listenkey._core._key_states import (
    JOINT_STATES,
    PHASES,
    TRANSITIONS,
    Event,
    Phase,
    PhaseEvent,
    State,
)
from trio_listenkey._core._tables import after

ANSWERS = {Event.OK, Event.TRANSIENT, Event.WAIT, Event.GONE, Event.REFUSED}
IN_FLIGHT = [State.CREATING, State.RENEWING, State.RECOVERING, State.CLOSING]
AT_REST = [state for state in State if state not in IN_FLIGHT]
HOLES = [(state, event) for state in State for event in Event if event not in TRANSITIONS[state]]


def reachable_from(state: State) -> set[State]:
    seen, rest = {state}, [state]
    while rest:
        new = set(TRANSITIONS[rest.pop()].values()) - seen
        seen |= new
        rest += new
    return seen


def test_every_state_is_in_the_table() -> None:
    """The table has a row for each state."""
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_life_can_end(state: State) -> None:
    """From every state there is a way to ``CLOSED``."""
    assert State.CLOSED in reachable_from(state)


def test_every_state_can_be_come_to() -> None:
    """From the first state there is a way to every other."""
    assert reachable_from(State.VACANT) == set(State)


def test_closed_is_the_end() -> None:
    """Nothing happens to a key that is closed."""
    assert TRANSITIONS[State.CLOSED] == {}


@pytest.mark.parametrize("state", [State.RENEWING, State.CLOSING])
def test_a_request_in_flight_has_answers_and_nothing_else(state: State) -> None:
    """Whatever the answer, there is a way on, and nothing but an answer can happen (K1)."""
    assert set(TRANSITIONS[state]) == ANSWERS


@pytest.mark.parametrize("state", [State.CREATING, State.RECOVERING])
def test_a_create_in_flight_cannot_miss_a_key(state: State) -> None:
    """A create has every answer but ``GONE``."""
    assert set(TRANSITIONS[state]) == ANSWERS - {Event.GONE}


@pytest.mark.parametrize("state", AT_REST)
def test_answers_come_to_requests_only(state: State) -> None:
    """Where nothing is in flight, nothing is answered."""
    assert not ANSWERS & set(TRANSITIONS[state])


@pytest.mark.parametrize("state", [State.VACANT, State.HELD, State.FAILED, State.UNSURE])
def test_the_block_may_end_wherever_nothing_is_in_flight(state: State) -> None:
    """The end of the block closes a key that we owe, and needs no request where we owe none."""
    assert after(TRANSITIONS, state, Event.STOP) is State.CLOSED
    assert after(TRANSITIONS, state, Event.STOP_OWING) is State.LEAVING


def test_only_creating_brings_a_key_to_life() -> None:
    """No way leads from ``VACANT`` to ``HELD`` but through a create."""
    bring = {state for state in State if State.HELD in TRANSITIONS[state].values()}
    assert bring == {State.CREATING, State.RENEWING, State.RECOVERING}
    assert {state for state in State if State.CREATING in TRANSITIONS[state].values()} == {State.VACANT}


@pytest.mark.parametrize("state", [State.LEAVING, State.CLOSING, State.CLOSED])
def test_who_leaves_does_not_come_back(state: State) -> None:
    """Once the close has begun there is no key any more."""
    assert reachable_from(state) <= {State.LEAVING, State.CLOSING, State.CLOSED}


@pytest.mark.parametrize(("state", "event"), HOLES, ids=lambda value: value.name)
def test_a_hole_names_state_and_event(state: State, event: Event) -> None:
    """What cannot happen is a bug of ours, and says which."""
    with pytest.raises(AssertionError, match=rf"\b{state.name}\b.*\b{event.name}\b"):
        after(TRANSITIONS, state, event)


@pytest.mark.parametrize("state", State)
def test_after_reads_the_table(state: State) -> None:
    """Looking up what follows is all that ``after`` does."""
    assert {event: after(TRANSITIONS, state, event) for event in TRANSITIONS[state]} == TRANSITIONS[state]


def test_every_phase_is_in_the_table() -> None:
    """The table has a row for each phase, and a block that is over is not opened again."""
    assert set(PHASES) == set(JOINT_STATES) == set(Phase)
    assert set(PHASES[Phase.STOPPING].values()) == {Phase.STOPPING}
    assert Phase.OPENING not in PHASES[Phase.RUNNING].values()


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.RUNNING])
def test_a_block_may_end_in_every_phase(phase: Phase) -> None:
    """Once."""
    assert after(PHASES, phase, PhaseEvent.LEFT) is Phase.STOPPING


def test_a_block_ends_once() -> None:
    """Another end is a bug of ours, and says which."""
    with pytest.raises(AssertionError, match=r"STOPPING.*LEFT"):
        after(PHASES, Phase.STOPPING, PhaseEvent.LEFT)


def test_what_happens_on_the_way_out_happens_there_alone() -> None:
    """Nothing is closed while the block runs, and no key is held before it does."""
    way_out = {State.UNSURE, State.RECOVERING, State.LEAVING, State.CLOSING, State.CLOSED}
    assert not way_out & (JOINT_STATES[Phase.OPENING] | JOINT_STATES[Phase.RUNNING])
    assert not {State.HELD, State.RENEWING} & JOINT_STATES[Phase.OPENING]
