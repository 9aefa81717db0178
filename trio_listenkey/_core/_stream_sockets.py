"""Which sockets a stream has: one frozen value for each state of the table, with what exists in that state.

Only ``Stream._become`` changes the state and its sockets, both together, and checks them against :data:`SOCKETS_IN`. So
no code has to check for a socket that the state implies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from ._drain import Drain
from ._stream_socket import StreamSocket
from ._stream_states import SocketState

__all__ = ["SOCKETS_IN", "BothOpen", "Connecting", "NoSocket", "OneSocket", "Sockets", "TwoSockets"]

# Every class has all three names, so that "the socket that delivers, if there is one" is one look-up in the path of
# every event:
#   current   the socket that delivers
#   next      the socket that is being opened, or is open and does not deliver yet
#   last      the socket that delivered last, while none does; ``None`` before the first


class NoSocket(msgspec.Struct, frozen=True):
    """No socket is open, and none is being opened."""

    last: StreamSocket | None
    current: ClassVar[None] = None
    next: ClassVar[None] = None


class Connecting(msgspec.Struct, frozen=True):
    """No socket is open; one is being opened."""

    next: StreamSocket
    last: StreamSocket | None
    current: ClassVar[None] = None


class OneSocket(msgspec.Struct, frozen=True):
    """One delivers."""

    current: StreamSocket
    next: ClassVar[None] = None
    last: ClassVar[None] = None


class TwoSockets(msgspec.Struct, frozen=True):
    """One delivers; the one that will replace it is being opened."""

    current: StreamSocket
    next: StreamSocket
    last: ClassVar[None] = None


class BothOpen(msgspec.Struct, frozen=True):
    """Both are open. The first delivers until ``drain`` is over; the events of the next one are held."""

    current: StreamSocket
    next: StreamSocket
    drain: Drain
    last: ClassVar[None] = None


Sockets = NoSocket | Connecting | OneSocket | TwoSockets | BothOpen

SOCKETS_IN: Final[Mapping[SocketState, type[Sockets]]] = {
    SocketState.WAITING: NoSocket,
    SocketState.CONNECTING: Connecting,
    SocketState.OPEN: OneSocket,
    SocketState.MOVING: TwoSockets,
    SocketState.DRAINING: BothOpen,
    SocketState.CLOSED: NoSocket,
}
