"""What the exchange wants sent on a socket. A front end sends it, in this order, and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from .._faults._effects import Garbage, Reset

__all__ = ["Frame", "Goodbye", "Ping", "Pong", "Text"]


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """A message, as text or compressed. Without a repr: combined streams have the listen key in each."""

    data: str
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping of the exchange."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping of the client."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Goodbye:
    """A close frame, the last of its connection. ``None`` for one without a code."""

    code: int | None
    reason: str = ""


Frame = Text | Ping | Pong | Goodbye | Garbage | Reset
"""``Garbage`` goes on the wire as it is; ``Reset`` ends the connection without a close frame."""
