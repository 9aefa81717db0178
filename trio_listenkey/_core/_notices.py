"""What a key's lifecycle, and a stream, have to tell: one frozen class a kind.

A kind that an :class:`Instrument` is told of has the arguments of the method, in the method's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .._errors import ListenKeyError
from .._events import Gap
from .._statistics import SharingStatistics

__all__ = [
    "Announced",
    "Closed",
    "Connected",
    "Created",
    "Doubted",
    "Dropped",
    "Lost",
    "Moving",
    "Notice",
    "Renewed",
    "Replaced",
    "Retrying",
    "SharingChanged",
    "StreamNotice",
    "ToldGap",
    "Unconnected",
]


@dataclass(frozen=True, slots=True)
class _Notice:
    """Common to all.

    Attributes:
        generation: The key's, at the time of which the notice tells.
    """

    generation: int

    @property
    def arguments(self) -> tuple[object, ...]:
        """What the instrument's method is called with, after the venue's name and the generation."""
        names: tuple[str, ...] = self.__match_args__
        return tuple(getattr(self, name) for name in names[1:])


@dataclass(frozen=True, slots=True)
class Created(_Notice):
    """The first key was made."""

    kind: ClassVar[Literal["created"]] = "created"


@dataclass(frozen=True, slots=True)
class Renewed(_Notice):
    """The exchange has confirmed that the key is alive."""

    kind: ClassVar[Literal["renewed"]] = "renewed"


@dataclass(frozen=True, slots=True)
class Replaced(_Notice):
    """There is another key: ``generation`` is the new one's."""

    kind: ClassVar[Literal["replaced"]] = "replaced"


@dataclass(frozen=True, slots=True)
class Retrying(_Notice):
    """A request failed with ``error``; the next one comes after ``delay`` seconds, or later."""

    kind: ClassVar[Literal["retrying"]] = "retrying"

    error: ListenKeyError
    delay: float


@dataclass(frozen=True, slots=True)
class Lost(_Notice):
    """The key is dead, or must be presumed so."""

    kind: ClassVar[Literal["lost"]] = "lost"

    error: ListenKeyError


@dataclass(frozen=True, slots=True)
class Closed(_Notice):
    """The block is over. ``error`` says why a key may be left at the exchange; ``None`` if none is."""

    kind: ClassVar[Literal["closed"]] = "closed"

    error: ListenKeyError | None


@dataclass(frozen=True, slots=True)
class SharingChanged(_Notice):
    """This process has another part in sharing the key, there are more or fewer who share it, or nobody can tell."""

    kind: ClassVar[Literal["sharing_changed"]] = "sharing_changed"

    sharing: SharingStatistics


Notice = Created | Renewed | Replaced | Retrying | Lost | Closed | SharingChanged
"""Something that observers want to know of. ``kind`` names the method of an instrument."""


@dataclass(frozen=True, slots=True)
class Connected(_Notice):
    """A stream's socket is open."""

    kind: ClassVar[Literal["connected"]] = "connected"


@dataclass(frozen=True, slots=True)
class Dropped(_Notice):
    """A stream's socket has ended with ``error``."""

    kind: ClassVar[Literal["dropped"]] = "dropped"

    error: Exception


@dataclass(frozen=True, slots=True)
class ToldGap(_Notice):
    """A stream has told its user that events may be missing."""

    kind: ClassVar[Literal["gap"]] = "gap"

    gap: Gap


@dataclass(frozen=True, slots=True)
class Unconnected(_Notice):
    """A socket could not be opened; the next try comes after ``delay`` seconds, or never if that is ``None``.

    For logs: observers hear of a drop.
    """

    kind: ClassVar[Literal["unconnected"]] = "unconnected"

    error: Exception
    delay: float | None


@dataclass(frozen=True, slots=True)
class Doubted(_Notice):
    """The exchange is asked whether events still come. For logs alone."""

    kind: ClassVar[Literal["doubted"]] = "doubted"


@dataclass(frozen=True, slots=True)
class Moving(_Notice):
    """A socket is opened that will replace the one that delivers. For logs alone."""

    kind: ClassVar[Literal["moving"]] = "moving"


@dataclass(frozen=True, slots=True)
class Announced(_Notice):
    """The exchange says that it will end the socket, or that the key is dead. For logs alone.

    It is news to whoever drives the stream, too: something may be due earlier than it was.
    """

    kind: ClassVar[Literal["announced"]] = "announced"


StreamNotice = Connected | Dropped | ToldGap | Unconnected | Doubted | Moving | Announced
"""What a stream has to tell."""
