"""The states of a listen key, the phases of its block, and every way from one to the other.

Two rules:

**Rule 1**: this file alone decides the states of a key, the phases of its block, and what may come next. All other code
names an event and looks up the state that follows.

**Rule 2**: this file does not know why. It has no HTTP, no time and no exchange in it: ``_protocol/_responses`` decides
what counts as ``GONE``, and ``_key_lifecycle`` when something is ``DUE``.

Theory of operation
===================

There are two machines: the key, and its block. They are separate because the block may end while a request is in
flight, which has to end first.

There are four requests about a key. Each has a state in which it is due, and one in which it is in flight::

    create            VACANT    CREATING
    keep alive        HELD      RENEWING
    be told its name  UNSURE    RECOVERING    (on the way out, if a create's answer was lost and a close takes a name)
    close             LEAVING   CLOSING

A request in flight always ends in exactly one of five events (``OK`` ... ``REFUSED``): every one of them is bounded
in time, and a time-out is ``TRANSIENT``. Nothing else can happen to a state with a request in flight; that is what
makes "at most one request per key" (and "no cancellation between the exchange made a key and we know of it") true.
So the end of the block is an event of the waiting states only, too: a block that ends cuts the request short and waits
for its outcome.

The block has three phases: OPENING until the first key is held, RUNNING, and STOPPING once the block is over. The phase
decides which requests are retried, and for how long: opening and stopping have a time limit each, running has none.
``JOINT_STATES`` says which states there are in which phase.

``FAILED`` waits for the end of the block, which comes before the key's. ``CLOSED`` is the end.

WARNING: the diagrams in the documentation are drawn from ``TRANSITIONS`` and ``PHASES``; a new state needs a place
there.
"""

from __future__ import annotations

from enum import auto

from ._tables import Name

__all__ = [
    "JOINT_STATES",
    "PHASES",
    "TRANSITIONS",
    "Event",
    "Phase",
    "PhaseEvent",
    "State",
]


class State(Name):
    """Where a key is in its life."""

    VACANT = auto()
    """No key is presumed alive: none yet, or the last one died. A create is due."""
    CREATING = auto()
    """A create is in flight."""
    HELD = auto()
    """A key is presumed alive. A keepalive is due in time."""
    RENEWING = auto()
    """A keepalive is in flight; the key is still presumed alive."""
    FAILED = auto()
    """The key failed for good. The block gets the error; its end is awaited."""
    UNSURE = auto()
    """The block is over, and a create whose answer was lost may have made a key. A create that returns it is due."""
    RECOVERING = auto()
    """That create is in flight. It is not retried: leaving is bounded in time."""
    LEAVING = auto()
    """The block is over. A close is due."""
    CLOSING = auto()
    """A close is in flight."""
    CLOSED = auto()
    """Nothing is left to do."""


class Event(Name):
    """What happens to a key."""

    DUE = auto()
    """The time of the next request has come."""
    OK = auto()
    """The exchange has done the request."""
    TRANSIENT = auto()
    """No usable answer: a retry may help."""
    WAIT = auto()
    """The exchange wants no requests for a while."""
    GONE = auto()
    """The exchange does not know the key (any more)."""
    REFUSED = auto()
    """The exchange has refused, and would refuse a retry."""
    EXPIRED = auto()
    """The validity of the key ran out before a keepalive succeeded."""
    GAVE_UP = auto()
    """There is no time for a retry, or none is wanted."""
    STOP = auto()
    """The block is over, and there is nothing (for us) to close."""
    STOP_OWING = auto()
    """The block is over, and there is a key to close."""
    STOP_UNSURE = auto()
    """The block is over, and there may be a key to close whose name no answer had."""


class Phase(Name):
    """Where the block is that the key is for."""

    OPENING = auto()
    """There was no key yet. A time limit runs; a refusal is final."""
    RUNNING = auto()
    """There was a key. There is no limit: a key that is lost is replaced, however long it takes."""
    STOPPING = auto()
    """The block is over. A time limit runs, and failures are not raised: the block does not wait for a key any more."""


class PhaseEvent(Name):
    """What happens to a block."""

    HELD = auto()
    """The exchange has returned a key."""
    LEFT = auto()
    """The block has ended, in whatever way."""


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.VACANT: {
        Event.DUE: State.CREATING,
        Event.GAVE_UP: State.FAILED,
        Event.STOP: State.CLOSED,
        # The last key may be alive: it expired by our clock only, or an answer was lost.
        Event.STOP_OWING: State.LEAVING,
        Event.STOP_UNSURE: State.UNSURE,
    },
    State.CREATING: {
        Event.OK: State.HELD,
        Event.TRANSIENT: State.VACANT,
        Event.WAIT: State.VACANT,
        Event.REFUSED: State.FAILED,
        # NB no GONE: to a create that answer makes no sense, and counts as a refusal.
    },
    State.HELD: {
        # A keepalive, or a create in its place: see ``Lifecycle``.
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
    State.UNSURE: {
        Event.DUE: State.RECOVERING,
        # No time is left for it, or another holder closes the key now.
        Event.STOP: State.CLOSED,
        Event.STOP_OWING: State.LEAVING,
    },
    State.RECOVERING: {
        Event.OK: State.HELD,
        Event.TRANSIENT: State.FAILED,
        Event.WAIT: State.FAILED,
        Event.REFUSED: State.FAILED,
        # NB no GONE, as for every create.
    },
    State.LEAVING: {
        Event.DUE: State.CLOSING,
        Event.GAVE_UP: State.CLOSED,
        # Someone else in this process has come to hold the key while we waited for our turn to close it.
        Event.STOP: State.CLOSED,
    },
    State.CLOSING: {
        # GONE is as good as OK: the key is dead either way.
        Event.OK: State.CLOSED,
        Event.GONE: State.CLOSED,
        Event.TRANSIENT: State.LEAVING,
        Event.WAIT: State.LEAVING,
        Event.REFUSED: State.CLOSED,
    },
    State.CLOSED: {},
}


PHASES: dict[Phase, dict[PhaseEvent, Phase]] = {
    Phase.OPENING: {PhaseEvent.HELD: Phase.RUNNING, PhaseEvent.LEFT: Phase.STOPPING},
    Phase.RUNNING: {PhaseEvent.HELD: Phase.RUNNING, PhaseEvent.LEFT: Phase.STOPPING},
    # A create that was in flight when the block ended may still return a key.
    Phase.STOPPING: {PhaseEvent.HELD: Phase.STOPPING},
}

_ON_THE_WAY_OUT = frozenset({State.UNSURE, State.RECOVERING, State.LEAVING, State.CLOSING, State.CLOSED})

JOINT_STATES: dict[Phase, frozenset[State]] = {
    Phase.OPENING: frozenset({State.VACANT, State.CREATING, State.FAILED}),
    Phase.RUNNING: frozenset(State) - _ON_THE_WAY_OUT,
    Phase.STOPPING: frozenset(State),
}
"""The states that a key can be in, in each phase of its block. Generated tests check it: they reach every pair in this
table, and no other."""
