"""The tables of a stream's sockets and of its trust are complete: no dead end, no hole that goes unnamed."""

from typing import Any

import pytest

from trio_listenkey._core._stream_states import (
    SOCKET_TRANSITIONS,
    TRUST_TRANSITIONS,
    SocketEvent,
    SocketState,
    TrustEvent,
    TrustState,
)
from trio_listenkey._core._tables import Name, after

Table = dict[Any, dict[Any, Any]]

TABLES: list[tuple[Table, type[Name], type[Name]]] = [
    (SOCKET_TRANSITIONS, SocketState, SocketEvent),
    (TRUST_TRANSITIONS, TrustState, TrustEvent),
]
BOTH = pytest.mark.parametrize(("table", "states", "events"), TABLES, ids=["sockets", "trust"])
DELIVERING = [SocketState.OPEN, SocketState.MOVING, SocketState.DRAINING]
OPENING = [SocketState.CONNECTING, SocketState.MOVING]
OPEN = [state for state in SocketState if state is not SocketState.CLOSED]
HELD = [state for state in TrustState if state is not TrustState.NONE]
HOLES = [
    (table, state, event)
    for table, states, events in TABLES
    for state in states
    for event in events
    if event not in table[state]
]


def reachable_from(table: Table, state: Name) -> set[Name]:
    seen, rest = {state}, [state]
    while rest:
        new = set(table[rest.pop()].values()) - seen
        seen |= new
        rest += new
    return seen


@BOTH
def test_every_state_is_in_the_table(table: Table, states: type[Name], events: type[Name]) -> None:
    """The table has a row for each state."""
    assert set(table) == set(states)


@BOTH
def test_every_event_happens(table: Table, states: type[Name], events: type[Name]) -> None:
    """No event is without a place in the table."""
    assert {event for row in table.values() for event in row} == set(events)


@BOTH
def test_every_state_can_be_come_to(table: Table, states: type[Name], events: type[Name]) -> None:
    """From the first state there is a way to every other."""
    assert reachable_from(table, next(iter(states))) == set(states)


@pytest.mark.parametrize("state", OPEN, ids=lambda state: state.name)
def test_the_block_may_end_at_any_time(state: SocketState) -> None:
    """From every state one step leads to ``CLOSED``."""
    assert after(SOCKET_TRANSITIONS, state, SocketEvent.STOP) is SocketState.CLOSED


@pytest.mark.parametrize("state", OPEN, ids=lambda state: state.name)
def test_a_stream_may_always_come_to_deliver(state: SocketState) -> None:
    """From every state but the last there is a way to ``OPEN``: no fault is for ever."""
    assert SocketState.OPEN in reachable_from(SOCKET_TRANSITIONS, state)


def test_closed_is_the_end() -> None:
    """Nothing happens to a stream that is closed."""
    assert SOCKET_TRANSITIONS[SocketState.CLOSED] == {}


@pytest.mark.parametrize("state", DELIVERING, ids=lambda state: state.name)
def test_the_socket_that_delivers_may_end_at_any_time(state: SocketState) -> None:
    """Wherever there is such a socket its end has a way on."""
    assert SocketEvent.DROPPED in SOCKET_TRANSITIONS[state]


@pytest.mark.parametrize("state", OPENING, ids=lambda state: state.name)
def test_a_handshake_ends_one_way_or_the_other(state: SocketState) -> None:
    """A socket that is being opened is open at some time, or is not."""
    assert {SocketEvent.CONNECTED, SocketEvent.FAILED} <= set(SOCKET_TRANSITIONS[state])


def test_no_socket_is_opened_beside_two() -> None:
    """A handshake begins only where at most one socket is open, and none is being opened."""
    begin = {state for state, row in SOCKET_TRANSITIONS.items() if {SocketEvent.DUE, SocketEvent.MOVE} & set(row)}
    assert begin == {SocketState.WAITING, SocketState.OPEN}


@pytest.mark.parametrize("state", TrustState, ids=lambda state: state.name)
def test_a_key_may_die_at_any_time_and_be_followed_by_another(state: TrustState) -> None:
    """Whatever was thought of it: a key that is lost is lost, and another one is trusted."""
    assert after(TRUST_TRANSITIONS, state, TrustEvent.LOST) is TrustState.NONE
    assert after(TRUST_TRANSITIONS, state, TrustEvent.NEW_KEY) is TrustState.TRUSTED


@pytest.mark.parametrize("state", HELD, ids=lambda state: state.name)
def test_what_the_exchange_says_of_a_key_is_heard_at_any_time(state: TrustState) -> None:
    """That it is dead; and that it is alive."""
    assert after(TRUST_TRANSITIONS, state, TrustEvent.DENIED) is TrustState.DENIED
    assert after(TRUST_TRANSITIONS, state, TrustEvent.PROOF) is TrustState.TRUSTED


def test_a_doubt_is_over_by_a_proof_alone() -> None:
    """No other event leads to trust."""
    proofs = {TrustEvent.NEW_KEY, TrustEvent.PROOF}
    leading = {event for row in TRUST_TRANSITIONS.values() for event, to in row.items() if to is TrustState.TRUSTED}
    assert leading == proofs
    asking = [
        (state, event) for state, row in TRUST_TRANSITIONS.items() for event in row if row[event] is TrustState.ASKED
    ]
    assert asking == [(TrustState.TRUSTED, TrustEvent.SILENCE)], "a question is no doubt, once"


@pytest.mark.parametrize(("table", "state", "event"), HOLES, ids=lambda value: getattr(value, "name", ""))
def test_a_hole_names_state_and_event(table: Table, state: Name, event: Name) -> None:
    """What cannot happen is a bug of ours, and says which."""
    with pytest.raises(AssertionError, match=rf"\b{state.name}\b.*\b{event.name}\b"):
        after(table, state, event)


@BOTH
def test_after_reads_the_table(table: Table, states: type[Name], events: type[Name]) -> None:
    """Looking up what follows is all that ``after`` does."""
    for state in states:
        assert {event: after(table, state, event) for event in table[state]} == table[state]
