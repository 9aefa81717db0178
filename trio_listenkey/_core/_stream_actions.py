"""The actions that a stream asks its driver for, one frozen class a kind. The driver does them in order."""

from __future__ import annotations

import msgspec

from ._stream_socket import StreamSocket

__all__ = ["Action", "AskAboutKey", "AskOnSocket", "Close", "Open"]


class Open(msgspec.Struct, frozen=True):
    """Open ``socket``, with the listen key as it is now."""

    socket: StreamSocket


class Close(msgspec.Struct, frozen=True):
    """Close ``socket``: with a close frame, or at once if there is no peer to send one to."""

    socket: StreamSocket
    politely: bool


class AskAboutKey(msgspec.Struct, frozen=True):
    """Ask the exchange whether the listen key is alive, by a request of its own."""


class AskOnSocket(msgspec.Struct, frozen=True):
    """Ask on ``socket`` whether its own subscription is alive: no other answer is about that."""

    socket: StreamSocket


Action = Open | Close | AskAboutKey | AskOnSocket
