"""The states of a user stream and every way from one to the other.

The two rules of ``_key_states`` hold here, too: this file alone decides what may come next, and it does not know why.

Theory of operation
===================

There are two machines here, for two independent questions: which sockets there are, and whether the key or subscription
is alive. As one machine, a move to another socket would end a doubt.

**The sockets.** One delivers, or none does. While none does, events are missed, and the stream reconnects until a
socket is open. A working socket is kept until the next one works::

    no socket      WAITING     the next one is due later
                   CONNECTING  one is being opened
    one socket     OPEN        it delivers
    two sockets    MOVING      the first delivers; the next one is being opened
                   DRAINING    both are open; the first delivers up to a point that the next one is past

**The trust** in the listen key, or in a subscription of the socket's own. A socket may stay open, and answer pings,
long after that has died. Trust outlives sockets, and sockets outlive trust: a key is doubted, proven and lost in each
of the states above::

    NONE       there is no key that is presumed alive
    TRUSTED    there was a sign of life a short time ago
    ASKED      there was none for too long. The exchange has just been asked: no doubt yet
    DOUBTED    it has not answered in time
    DENIED     it has itself said that the key is dead. Only what names this key, or is an event, speaks against that

The two meet in one place, ``Stream.is_live``: a socket delivers, and the trust is TRUSTED or ASKED. No change of socket
appears in the trust's table, and so none can end a doubt.

Which pairs of states there are is written down in ``STREAM_JOINT_STATES``. They are nearly all pairs: the machines are
independent, and only a socket that is being opened needs a key. A new state of one machine needs a meaning with each
state of the other.

WARNING: the diagrams in the documentation are drawn from these two tables; a new state needs a place there.
"""

from __future__ import annotations

from enum import auto

from ._tables import Name

__all__ = [
    "SOCKET_TRANSITIONS",
    "STREAM_JOINT_STATES",
    "TRUST_TRANSITIONS",
    "SocketEvent",
    "SocketState",
    "TrustEvent",
    "TrustState",
]


class SocketState(Name):
    """Which sockets a stream has."""

    WAITING = auto()
    """There is no socket. The next one is due later, or when there is a key that is presumed alive."""
    CONNECTING = auto()
    """There is no socket; one is being opened."""
    OPEN = auto()
    """A socket delivers."""
    MOVING = auto()
    """A socket delivers, and the one that will replace it is being opened."""
    DRAINING = auto()
    """Both are open. The first is read up to what the next one has from the start; that one's events are held."""
    CLOSED = auto()
    """Nothing is left to do."""


class SocketEvent(Name):
    """What happens to a stream's sockets."""

    DUE = auto()
    """It is time to open a socket."""
    CONNECTED = auto()
    """The socket that was being opened is open."""
    FAILED = auto()
    """The socket could not be opened, or is not needed any more."""
    DROPPED = auto()
    """The socket that delivers has ended."""
    MOVE = auto()
    """Another socket is wanted: this one is old, or its key was replaced."""
    DRAINED = auto()
    """The first socket has delivered all that the next one has not."""
    NEXT_DROPPED = auto()
    """The next socket has ended before it could take over."""
    STOP = auto()
    """The block is over."""


class TrustState(Name):
    """Whether the key or the subscription is alive, as far as is known."""

    NONE = auto()
    """It is dead, or there is none yet. No socket is opened."""
    TRUSTED = auto()
    """It was proven alive less than a silence check ago."""
    ASKED = auto()
    """No proof came for so long that the exchange was asked. It has two seconds to answer."""
    DOUBTED = auto()
    """The exchange was asked and has not answered."""
    DENIED = auto()
    """The exchange has announced on a socket that the key is dead."""


class TrustEvent(Name):
    """What happens to the trust."""

    NEW_KEY = auto()
    """There is a key where there was none, or another one than before."""
    PROOF = auto()
    """The exchange confirms this very key or subscription, asked after it last denied it; or an event came."""
    SILENCE = auto()
    """There was no proof for too long, and the exchange is asked."""
    UNANSWERED = auto()
    """The exchange did not answer in time, or cannot be asked."""
    DENIED = auto()
    """The exchange announces on a socket that the key is dead."""
    LOST = auto()
    """The key is dead, or must be presumed so."""


SOCKET_TRANSITIONS: dict[SocketState, dict[SocketEvent, SocketState]] = {
    SocketState.WAITING: {
        SocketEvent.DUE: SocketState.CONNECTING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.CONNECTING: {
        SocketEvent.CONNECTED: SocketState.OPEN,
        SocketEvent.FAILED: SocketState.WAITING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.OPEN: {
        # Make before break (S3): the socket delivers on while the next one is being opened.
        SocketEvent.MOVE: SocketState.MOVING,
        SocketEvent.DROPPED: SocketState.WAITING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.MOVING: {
        SocketEvent.CONNECTED: SocketState.DRAINING,
        SocketEvent.FAILED: SocketState.OPEN,
        # The one that is being opened is now the only one.
        SocketEvent.DROPPED: SocketState.CONNECTING,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.DRAINING: {
        SocketEvent.DRAINED: SocketState.OPEN,
        # The next one has taken over, if with a gap.
        SocketEvent.DROPPED: SocketState.OPEN,
        # The first one goes on.
        SocketEvent.NEXT_DROPPED: SocketState.OPEN,
        SocketEvent.STOP: SocketState.CLOSED,
    },
    SocketState.CLOSED: {},
}


TRUST_TRANSITIONS: dict[TrustState, dict[TrustEvent, TrustState]] = {
    TrustState.NONE: {
        TrustEvent.NEW_KEY: TrustState.TRUSTED,
        TrustEvent.LOST: TrustState.NONE,
    },
    TrustState.TRUSTED: {
        TrustEvent.NEW_KEY: TrustState.TRUSTED,
        TrustEvent.PROOF: TrustState.TRUSTED,
        TrustEvent.SILENCE: TrustState.ASKED,
        TrustEvent.DENIED: TrustState.DENIED,
        TrustEvent.LOST: TrustState.NONE,
    },
    TrustState.ASKED: {
        TrustEvent.NEW_KEY: TrustState.TRUSTED,
        TrustEvent.PROOF: TrustState.TRUSTED,
        TrustEvent.UNANSWERED: TrustState.DOUBTED,
        TrustEvent.DENIED: TrustState.DENIED,
        TrustEvent.LOST: TrustState.NONE,
    },
    TrustState.DOUBTED: {
        # Neither time nor a change of socket ends a doubt: only a proof does, another key, or its loss.
        TrustEvent.NEW_KEY: TrustState.TRUSTED,
        TrustEvent.PROOF: TrustState.TRUSTED,
        TrustEvent.DENIED: TrustState.DENIED,
        TrustEvent.LOST: TrustState.NONE,
    },
    TrustState.DENIED: {
        TrustEvent.NEW_KEY: TrustState.TRUSTED,
        TrustEvent.PROOF: TrustState.TRUSTED,
        TrustEvent.DENIED: TrustState.DENIED,
        TrustEvent.LOST: TrustState.NONE,
    },
}


# A handshake with a key that is doubted, or even denied, does no harm: if the key is dead, that is found out.
_WITH_A_KEY = frozenset(TrustState) - {TrustState.NONE}

STREAM_JOINT_STATES: dict[SocketState, frozenset[TrustState]] = {
    SocketState.WAITING: frozenset(TrustState),
    SocketState.CONNECTING: _WITH_A_KEY,
    SocketState.OPEN: frozenset(TrustState),
    SocketState.MOVING: _WITH_A_KEY,
    SocketState.DRAINING: frozenset(TrustState),
}
"""The states of the trust with each state of the sockets except CLOSED, where the trust is not read. No socket is being
opened without a key: a handshake that is under way when the key is lost is cut short. Generated tests check it: they
reach every pair in this table, and no other."""
