"""The notices of a key's lifecycle and of a stream: one frozen class a kind.

A kind that is reported to an :class:`Instrument` has the arguments of its method, in that order.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

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


class _Notice(msgspec.Struct, frozen=True):
    """Common to all.

    Attributes:
        generation: The key's, at the time of the notice.
    """

    generation: int

    @property
    def arguments(self) -> tuple[object, ...]:
        """The arguments of the instrument's method, after the venue's name and the generation."""
        return tuple(getattr(self, name) for name in self.__struct_fields__[1:])


class Created(_Notice, frozen=True):
    """The first key was made."""

    kind: ClassVar[Literal["created"]] = "created"


class Renewed(_Notice, frozen=True):
    """The exchange has confirmed that the key is alive."""

    kind: ClassVar[Literal["renewed"]] = "renewed"


class Replaced(_Notice, frozen=True):
    """There is another key: ``generation`` is the new one's."""

    kind: ClassVar[Literal["replaced"]] = "replaced"


class Retrying(_Notice, frozen=True):
    """A request failed with ``error``; the next one comes after ``delay`` seconds, or later."""

    kind: ClassVar[Literal["retrying"]] = "retrying"

    error: ListenKeyError
    delay: float


class Lost(_Notice, frozen=True):
    """The key is dead, or must be presumed so."""

    kind: ClassVar[Literal["lost"]] = "lost"

    error: ListenKeyError


class Closed(_Notice, frozen=True):
    """The block is over. ``error`` says why a key may be left at the exchange; ``None`` if none is."""

    kind: ClassVar[Literal["closed"]] = "closed"

    error: ListenKeyError | None


class SharingChanged(_Notice, frozen=True):
    """The role of this process in sharing the key has changed, or the number of processes that share it."""

    kind: ClassVar[Literal["sharing_changed"]] = "sharing_changed"

    sharing: SharingStatistics


Notice = Created | Renewed | Replaced | Retrying | Lost | Closed | SharingChanged
"""A notice of a key's lifecycle. ``kind`` names the method of an instrument."""


class Connected(_Notice, frozen=True):
    """A stream's socket is open."""

    kind: ClassVar[Literal["connected"]] = "connected"


class Dropped(_Notice, frozen=True):
    """A stream's socket has ended with ``error``."""

    kind: ClassVar[Literal["dropped"]] = "dropped"

    error: Exception


class ToldGap(_Notice, frozen=True):
    """A stream has reported to its user that events may be missing."""

    kind: ClassVar[Literal["gap"]] = "gap"

    gap: Gap


class Unconnected(_Notice, frozen=True):
    """A socket could not be opened; the next try comes after ``delay`` seconds, or never if that is ``None``.

    For logs: observers hear of a drop.
    """

    kind: ClassVar[Literal["unconnected"]] = "unconnected"

    error: Exception
    delay: float | None


class Doubted(_Notice, frozen=True):
    """The exchange is asked whether events still come. For logs alone."""

    kind: ClassVar[Literal["doubted"]] = "doubted"


class Moving(_Notice, frozen=True):
    """A socket is opened that will replace the one that delivers. For logs alone."""

    kind: ClassVar[Literal["moving"]] = "moving"


class Announced(_Notice, frozen=True):
    """The exchange says that it will end the socket, or that the key is dead. For logs alone.

    It tells the driver, too, that the stream may have an earlier deadline now.
    """

    kind: ClassVar[Literal["announced"]] = "announced"


StreamNotice = Connected | Dropped | ToldGap | Unconnected | Doubted | Moving | Announced
"""A notice of a stream."""
