"""The states of a user stream and every way from one to the other.

The two rules of ``_state`` hold here, too: what may come next is decided in this file and nowhere else, and this file
does not know why. It has heard of sockets ("the one that delivers" and "the next one"), not of time or keys.

Theory of operation
===================

There is one socket that delivers, or none. While there is none, events are being missed, and the next one is tried
for until it is there::

    no socket      WAITING  CONNECTING
    one socket     LIVE     SILENT

``SILENT`` is ``LIVE`` with a doubt: the socket is open, but nothing has proven for a while that the exchange still
sends events there, or the listen key was found dead. The exchange is being asked.

A socket that works is not left before the next one does. So there is a second socket in two more states::

    two sockets    MOVING      the next one is being opened; the first delivers
                   DRAINING    both are open; the first delivers up to a point that the next one is past

WARNING: the diagram in the documentation is drawn from ``STREAM_TRANSITIONS``; a new state needs a place there.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

__all__ = ["STREAM_TRANSITIONS", "SocketEvent", "SocketState", "stream_after"]


class SocketState(Enum):
    """Where a user stream is."""

    __hash__: Any = object.__hash__  # Enum's own is Python code

    WAITING = auto()
    """There is no socket. The next one is due later, or when there is a key that is presumed alive."""
    CONNECTING = auto()
    """There is no socket; one is being opened."""
    LIVE = auto()
    """A socket delivers."""
    SILENT = auto()
    """A socket is open, and whether it delivers is in doubt. The exchange is being asked."""
    MOVING = auto()
    """A socket is open, and the one that will replace it is being opened."""
    DRAINING = auto()
    """Both are open. The first is read up to what the next one has from the start; that one's events are held."""
    CLOSED = auto()
    """Nothing is left to do."""


class SocketEvent(Enum):
    """What happens to a user stream."""

    __hash__: Any = object.__hash__

    DUE = auto()
    """It is time to open a socket."""
    CONNECTED = auto()
    """The socket that was being opened is open."""
    FAILED = auto()
    """The socket that was being opened could not be, or is not wanted any more."""
    DROPPED = auto()
    """The socket that delivers has ended."""
    DOUBT = auto()
    """Nothing was heard for too long, or the listen key is dead."""
    PROOF = auto()
    """An event came, or the exchange says that the key, or the subscription of the socket, is alive."""
    MOVE = auto()
    """Another socket is wanted: this one is old, or its key was replaced."""
    DRAINED = auto()
    """The first socket has delivered all that the next one has not."""
    NEXT_DROPPED = auto()
    """The next socket has ended before it could take over."""
    STOP = auto()
    """The block is over."""


STREAM_TRANSITIONS: dict[SocketState, dict[SocketEvent, SocketState]] = {
    SocketState.WAITING: {
        SocketEvent.DUE: SocketState.CONNECTING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.CONNECTING: {
        SocketEvent.CONNECTED: SocketState.LIVE,
        SocketEvent.FAILED: SocketState.WAITING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.LIVE: {
        SocketEvent.DOUBT: SocketState.SILENT,
        SocketEvent.MOVE: SocketState.MOVING,
        SocketEvent.DROPPED: SocketState.WAITING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.SILENT: {
        SocketEvent.PROOF: SocketState.LIVE,
        SocketEvent.MOVE: SocketState.MOVING,
        SocketEvent.DROPPED: SocketState.WAITING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.MOVING: {
        SocketEvent.CONNECTED: SocketState.DRAINING,
        SocketEvent.FAILED: SocketState.LIVE,
        # The one that is being opened is now the only one.
        SocketEvent.DROPPED: SocketState.CONNECTING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.DRAINING: {
        SocketEvent.DRAINED: SocketState.LIVE,
        # The next one has taken over, if with a gap.
        SocketEvent.DROPPED: SocketState.LIVE,
        # The first one goes on.
        SocketEvent.NEXT_DROPPED: SocketState.LIVE,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.CLOSED: {},
}


def stream_after(state: SocketState, event: SocketEvent) -> SocketState:
    """The state that ``event`` leads to. A hole in the table is a bug of ours, and says where."""
    try:
        return STREAM_TRANSITIONS[state][event]
    except KeyError:
        raise AssertionError(f"a stream that is {state.name} cannot have {event.name} happen to it") from None
