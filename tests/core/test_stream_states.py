"""The table of a stream's states is complete: no dead end, no way out of it, no hole that goes unnamed."""

import pytest

from trio_listenkey._core._stream_states import STREAM_TRANSITIONS, SocketEvent, SocketState, stream_after

ONE_SOCKET = [SocketState.LIVE, SocketState.SILENT]
TWO_SOCKETS = [SocketState.MOVING, SocketState.DRAINING]
OPENING = [SocketState.CONNECTING, SocketState.MOVING]
OPEN = [state for state in SocketState if state is not SocketState.CLOSED]
HOLES = [(state, event) for state in SocketState for event in SocketEvent if event not in STREAM_TRANSITIONS[state]]


def reachable_from(state: SocketState) -> set[SocketState]:
    seen, rest = {state}, [state]
    while rest:
        new = set(STREAM_TRANSITIONS[rest.pop()].values()) - seen
        seen |= new
        rest += new
    return seen


def test_every_state_is_in_the_table() -> None:
    """The table has a row for each state."""
    assert set(STREAM_TRANSITIONS) == set(SocketState)


def test_every_event_happens() -> None:
    """No event is without a place in the table."""
    assert {event for row in STREAM_TRANSITIONS.values() for event in row} == set(SocketEvent)


def test_every_state_can_be_come_to() -> None:
    """From the first state there is a way to every other."""
    assert reachable_from(SocketState.WAITING) == set(SocketState)


@pytest.mark.parametrize("state", OPEN, ids=lambda state: state.name)
def test_the_block_may_end_at_any_time(state: SocketState) -> None:
    """From every state one step leads to ``CLOSED``."""
    assert stream_after(state, SocketEvent.STOP) is SocketState.CLOSED


@pytest.mark.parametrize("state", OPEN, ids=lambda state: state.name)
def test_a_stream_may_always_come_to_deliver(state: SocketState) -> None:
    """From every state but the last there is a way to ``LIVE``: no fault is for ever."""
    assert SocketState.LIVE in reachable_from(state)


def test_closed_is_the_end() -> None:
    """Nothing happens to a stream that is closed."""
    assert STREAM_TRANSITIONS[SocketState.CLOSED] == {}


@pytest.mark.parametrize("state", ONE_SOCKET + TWO_SOCKETS, ids=lambda state: state.name)
def test_the_socket_that_delivers_may_end_at_any_time(state: SocketState) -> None:
    """Wherever there is such a socket its end has a way on."""
    assert SocketEvent.DROPPED in STREAM_TRANSITIONS[state]


@pytest.mark.parametrize("state", OPENING, ids=lambda state: state.name)
def test_a_handshake_ends_one_way_or_the_other(state: SocketState) -> None:
    """A socket that is being opened is open at some time, or is not."""
    assert {SocketEvent.CONNECTED, SocketEvent.FAILED} <= set(STREAM_TRANSITIONS[state])


def test_no_socket_is_opened_beside_two() -> None:
    """A handshake begins only where at most one socket is open, and none is being opened."""
    begin = {state for state, row in STREAM_TRANSITIONS.items() if {SocketEvent.DUE, SocketEvent.MOVE} & set(row)}
    assert begin == {SocketState.WAITING, *ONE_SOCKET}


@pytest.mark.parametrize(("state", "event"), HOLES, ids=lambda value: value.name)
def test_a_hole_names_state_and_event(state: SocketState, event: SocketEvent) -> None:
    """What cannot happen is a bug of ours, and says which."""
    with pytest.raises(AssertionError, match=rf"\b{state.name}\b.*\b{event.name}\b"):
        stream_after(state, event)


@pytest.mark.parametrize("state", SocketState)
def test_stream_after_reads_the_table(state: SocketState) -> None:
    """Looking up what follows is all that ``stream_after`` does."""
    assert {event: stream_after(state, event) for event in STREAM_TRANSITIONS[state]} == STREAM_TRANSITIONS[state]
