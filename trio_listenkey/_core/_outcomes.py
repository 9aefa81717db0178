"""The outcome of a request: one frozen class for each of the five ways it can end.

Every outcome is legal: each class has only the fields of its kind, and refuses meaningless values. ``event`` is the
event of the outcome in the key's table in ``_key_states``.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import ClassVar, Literal

import msgspec

from .._errors import ListenKeyError
from .._value import Secretive
from ._key_states import Event

__all__ = ["Failure", "Gone", "Ok", "Outcome", "Refused", "Transient", "Wait"]


class Ok(Secretive, frozen=True):
    """The exchange did what it was asked.

    Attributes:
        key: The listen key in the answer, checked; ``None`` where the answer names none.
        lives: Seconds that the key lives from now on, where the answer says so.
    """

    event: ClassVar[Literal[Event.OK]] = Event.OK

    key: str | None = None
    lives: float | None = None

    def __post_init__(self) -> None:
        assert self.key != ""
        assert self.lives is None or 0 < self.lives < inf

    def __repr__(self) -> str:
        return "<Ok>"  # never the key


class Transient(msgspec.Struct, frozen=True):
    """No usable answer: a retry may help.

    Attributes:
        error: What went wrong.
        may_be_done: The exchange may have done the work: perhaps only the answer was lost.
        is_final_at_first: Where no key has worked yet, a retry does not help: the error is raised at once.
    """

    event: ClassVar[Literal[Event.TRANSIENT]] = Event.TRANSIENT

    error: ListenKeyError
    may_be_done: bool
    is_final_at_first: bool = False


class Wait(msgspec.Struct, frozen=True):
    """The exchange wants no request from this address for a while. The request was turned away and not done.

    Attributes:
        error: What it said.
        seconds: For how long, from now on.
    """

    event: ClassVar[Literal[Event.WAIT]] = Event.WAIT

    error: ListenKeyError
    seconds: float

    def __post_init__(self) -> None:
        assert isfinite(self.seconds)
        assert self.seconds >= 0


class Gone(msgspec.Struct, frozen=True):
    """The exchange does not know the key (any more).

    Attributes:
        error: What it said.
    """

    event: ClassVar[Literal[Event.GONE]] = Event.GONE

    error: ListenKeyError


class Refused(msgspec.Struct, frozen=True):
    """The exchange said no, and would again.

    Attributes:
        error: What to raise.
        may_be_done: The exchange may have done the work, for example where it answers success without a key.
        clock: With a refused timestamp: seconds that the exchange's clock is ahead of ours, if the answer has its time
            and a retry by that clock makes sense.
        doubtful: A retry may succeed: a wrong clock, which may be set; success without a key; an undocumented code.
            Where no key has worked yet, that is the wrong exchange, machine or request, and final; once one has, it is
            tried again a bounded number of times. ``Lifecycle`` and ``Stream`` count.
    """

    event: ClassVar[Literal[Event.REFUSED]] = Event.REFUSED

    error: ListenKeyError
    may_be_done: bool = False
    clock: float | None = None
    doubtful: bool = False

    def __post_init__(self) -> None:
        assert self.clock is None or (self.doubtful and isfinite(self.clock))


Failure = Transient | Wait | Gone | Refused
"""How a request ended that failed."""

Outcome = Ok | Failure
"""How a request ended."""
