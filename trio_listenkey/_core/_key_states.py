"""The states of a listen key and every way from one to the other.

Two rules:

**Rule 1**: what state a key is in, and what may come next, is decided in this file and nowhere else. Everyone
else names an event and looks up what it leads to.

**Rule 2**: this file does not know why. It has never heard of HTTP, of time or of an exchange; what counts as
``GONE`` is the business of ``_answers``, and when something is ``DUE`` that of ``_lifecycle``.

Theory of operation
===================

There are three things to do with a key, and for each a state in which it is yet to be done and one in which the
request is in flight::

    create      VACANT    CREATING
    keep alive  HELD      RENEWING
    close       LEAVING   CLOSING

A request in flight always ends in exactly one of five events (``OK`` ... ``REFUSED``): every one of them is bounded
in time, and a time-out is ``TRANSIENT``. Nothing else can happen to a state with a request in flight; that is what
makes "at most one request per key" (and "no cancellation between the exchange made a key and we know of it") true.
So the end of the block, too, is an event of the waiting states only: whoever wants to leave cuts the request
short and waits for its outcome.

``FAILED`` waits for the block to end, for it is the block's key and the block goes first. ``CLOSED`` is the end.

WARNING: the diagram in the documentation is drawn from ``TRANSITIONS``; a new state needs a place there.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

__all__ = ["TRANSITIONS", "Event", "State", "after"]


class State(Enum):
    """Where a key is in its life."""

    __hash__: Any = object.__hash__  # Enum's own is Python code, and these are looked up a lot

    VACANT = auto()
    """No key is presumed alive: none yet, or the last one died. A create is due."""
    CREATING = auto()
    """A create is in flight."""
    HELD = auto()
    """A key is presumed alive. A keepalive is due in time."""
    RENEWING = auto()
    """A keepalive is in flight; the key is still presumed alive."""
    FAILED = auto()
    """There is no way on. The block is told and its end awaited."""
    LEAVING = auto()
    """The block is over. A close is due."""
    CLOSING = auto()
    """A close is in flight."""
    CLOSED = auto()
    """Nothing is left to do."""


class Event(Enum):
    """What happens to a key."""

    __hash__: Any = object.__hash__

    DUE = auto()
    """The time of the next request has come."""
    OK = auto()
    """The exchange did what it was asked."""
    TRANSIENT = auto()
    """No usable answer: another try may help."""
    WAIT = auto()
    """The exchange wants silence for a while."""
    GONE = auto()
    """The exchange does not know the key (any more)."""
    REFUSED = auto()
    """The exchange said no, and would again."""
    EXPIRED = auto()
    """The validity of the key ran out before a keepalive succeeded."""
    GAVE_UP = auto()
    """There is no time, or no wish, for another try."""
    STOP = auto()
    """The block is over, and there is nothing (for us) to close."""
    STOP_OWING = auto()
    """The block is over, and there is a key to close."""


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.VACANT: {
        Event.DUE: State.CREATING,
        Event.GAVE_UP: State.FAILED,
        Event.STOP: State.CLOSED,
        # The last key may be alive for all we know: it ran out by our clock only, or an answer was lost.
        Event.STOP_OWING: State.LEAVING,
    },
    State.CREATING: {
        Event.OK: State.HELD,
        Event.TRANSIENT: State.VACANT,
        Event.WAIT: State.VACANT,
        Event.REFUSED: State.FAILED,
        # NB no GONE: an exchange that says so to a create talks nonsense, and is taken to refuse.
    },
    State.HELD: {
        Event.DUE: State.RENEWING,
        Event.EXPIRED: State.VACANT,
        Event.STOP: State.CLOSED,
        Event.STOP_OWING: State.LEAVING,
    },
    State.RENEWING: {
        Event.OK: State.HELD,
        Event.TRANSIENT: State.HELD,
        Event.WAIT: State.HELD,
        Event.GONE: State.VACANT,
        Event.REFUSED: State.FAILED,
    },
    State.FAILED: {
        Event.STOP: State.CLOSED,
        Event.STOP_OWING: State.LEAVING,
    },
    State.LEAVING: {
        Event.DUE: State.CLOSING,
        Event.GAVE_UP: State.CLOSED,
        # Someone else in this process has come to hold the key while we waited for our turn to close it.
        Event.STOP: State.CLOSED,
    },
    State.CLOSING: {
        Event.OK: State.CLOSED,
        Event.GONE: State.CLOSED,
        Event.TRANSIENT: State.LEAVING,
        Event.WAIT: State.LEAVING,
        Event.REFUSED: State.CLOSED,
    },
    State.CLOSED: {},
}


def after(state: State, event: Event) -> State:
    """The state that ``event`` leads to. A hole in the table is a bug of ours, and says where."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise AssertionError(f"a listen key that is {state.name} cannot have {event.name} happen to it") from None
