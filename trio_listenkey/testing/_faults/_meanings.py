"""What each effect means on each occasion: the one table, which every part of the exchange goes by.

What can happen to a request on the REST API differs from what can happen to an open socket, and one effect may mean
something on both. Where the table has no meaning, no :class:`Fault` can be made of the two. How a meaning is carried
out stands with who carries it out: ``RestApi`` for ``request``, ``Sockets`` for ``connect``, ``Session`` for ``socket``
and ``event``, ``WsApiConnection`` for ``api``; and what is done to the bytes of a connection, in the front ends.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ._effects import (
    CloseSocket,
    Delay,
    Drip,
    Drop,
    Duplicate,
    Effect,
    Freeze,
    Garbage,
    HalfOpen,
    Hang,
    Huge,
    KillKey,
    Limit,
    Redirect,
    Reset,
    Status,
    Truncate,
    WrongShape,
)

__all__ = ["COLUMNS", "MEANINGS", "Meaning", "does_work", "fits", "meaning_of"]


class Meaning(Enum):
    """What an effect does to what it strikes."""

    INSTEAD = "it is sent in place of the exchange's own answer"
    BAN = "a rate limit or ban begins with this request"
    KEY_FIRST = "the key dies, and then the request is served as usual"
    WIRE = "the connection is treated like this in place of an orderly answer"
    LATER = "the answer, the event, or what happens to the socket comes later"
    TO_SOCKET = "it happens to the socket first; the event or answer follows if it still can"
    LOST = "nothing is sent"
    AGAIN = "the same is sent again"


_INSTEAD, _BAN, _KEY_FIRST, _WIRE = Meaning.INSTEAD, Meaning.BAN, Meaning.KEY_FIRST, Meaning.WIRE
_LATER, _TO_SOCKET, _LOST, _AGAIN = Meaning.LATER, Meaning.TO_SOCKET, Meaning.LOST, Meaning.AGAIN

COLUMNS: Final = ("request", "connect", "socket", "event", "api")
"""The occasions. ``request`` is one on the REST API, whatever its verb."""

MEANINGS: Final[dict[type[Effect], tuple[Meaning | None, ...]]] = {
    #             request     connect   socket      event       api
    Status:      (_INSTEAD,   _INSTEAD, None,       None,       _INSTEAD),
    WrongShape:  (_INSTEAD,   None,     None,       None,       _INSTEAD),
    Redirect:    (_INSTEAD,   None,     None,       None,       None),
    Limit:       (_BAN,       None,     None,       None,       _BAN),
    KillKey:     (_KEY_FIRST, None,     _TO_SOCKET, _TO_SOCKET, _TO_SOCKET),
    Delay:       (_LATER,     _LATER,   _LATER,     _LATER,     _LATER),
    Hang:        (_WIRE,      _WIRE,    None,       None,       _LOST),
    Reset:       (_WIRE,      _WIRE,    _TO_SOCKET, _TO_SOCKET, _TO_SOCKET),
    Truncate:    (_WIRE,      None,     None,       None,       None),
    Drip:        (_WIRE,      None,     None,       None,       None),
    Garbage:     (_WIRE,      _WIRE,    _TO_SOCKET, _TO_SOCKET, _TO_SOCKET),
    Huge:        (_WIRE,      None,     None,       None,       None),
    CloseSocket: (None,       None,     _TO_SOCKET, _TO_SOCKET, _TO_SOCKET),
    HalfOpen:    (None,       None,     _TO_SOCKET, _TO_SOCKET, _TO_SOCKET),
    Freeze:      (None,       None,     _TO_SOCKET, _TO_SOCKET, _TO_SOCKET),
    Drop:        (None,       None,     None,       _LOST,      _LOST),
    Duplicate:   (None,       None,     None,       _AGAIN,     _AGAIN),
}  # fmt: skip
"""By effect, what it means on each of :data:`COLUMNS`; ``None`` where it means nothing."""


def meaning_of(effect: Effect, verb: str) -> Meaning | None:
    """What ``effect`` means on an occasion: a verb of :class:`Fault`, the verbs of requests being one occasion."""
    return MEANINGS[type(effect)][COLUMNS.index(verb) if verb in COLUMNS else 0]


def does_work(effect: Effect) -> bool:
    """Whether what a request asked for is done although ``effect`` strikes it.

    It is, unless the exchange does not get to it, or is asked not to by ``after_work``.
    """
    if isinstance(effect, Redirect | Limit):
        return False
    return effect.after_work if isinstance(effect, Status | Hang | Reset) else True


def fits(effect: Effect, verb: str) -> bool:
    """Whether a fault can have this effect on this occasion."""
    if not isinstance(effect, Delay):
        return meaning_of(effect, verb) is not None
    if effect.then is None:
        return verb != "socket"  # one that is struck later has to be struck by something
    return verb != "event" and fits(effect.then, verb)  # an event comes late, and that is all
