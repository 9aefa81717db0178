"""What a stream wants to have done, one frozen class a kind. Who drives the stream does it, in the order given."""

from __future__ import annotations

from dataclasses import dataclass

from ._stream_socket import StreamSocket

__all__ = ["Action", "AskAboutKey", "AskOnSocket", "Close", "Open"]


@dataclass(frozen=True, slots=True)
class Open:
    """Open ``socket``, with the listen key as it is now."""

    socket: StreamSocket


@dataclass(frozen=True, slots=True)
class Close:
    """Close ``socket``: with a close frame, or at once if there is no peer to send one to."""

    socket: StreamSocket
    politely: bool


@dataclass(frozen=True, slots=True)
class AskAboutKey:
    """Ask the exchange whether the listen key is alive, by a request of its own."""


@dataclass(frozen=True, slots=True)
class AskOnSocket:
    """Ask on ``socket`` whether its own subscription is alive: no other answer is about that."""

    socket: StreamSocket


Action = Open | Close | AskAboutKey | AskOnSocket
