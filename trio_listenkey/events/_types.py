"""What the messages of a stream are read as, and who reads them."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Generic, final

from .._envelope import UNREADABLE
from .._errors import UsageError
from .._value import Value
from ._decoders import Decode, decoders_of

if TYPE_CHECKING:
    # As of ``Number``. With the default, ``Venue`` and ``UserEvent`` without a parameter are any of them.
    from typing_extensions import TypeVar

    E_co = TypeVar("E_co", covariant=True, default=object)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", covariant=True)

__all__ = ["E_co", "EventReader", "EventTypes"]


@final
class EventTypes(Value, Generic[E_co], frozen=True):
    """What the events of a venue are read as: a union of structs, of which each event's ``e`` chooses one.

    Each module of :mod:`trio_listenkey.events` has two, ``AS_SENT`` and ``DECIMALS``. One for types of your own names
    your union: ``types: EventTypes[Fill | Cancel] = EventTypes("my_events:Event")``.

    Attributes:
        union: Where the union is: module, colon, name. It is imported when an event is first read.
        numbers: What prices and quantities are, where the union has a parameter for it: ``str``, the texts that the
            exchange sends, or :class:`decimal.Decimal`.

    Raises:
        UsageError: ``union`` is not of that form.
    """

    union: str
    numbers: type[str | Decimal] = str

    def __post_init__(self) -> None:
        if not isinstance(self.union, str) or not re.fullmatch(r"\w+(\.\w+)*:\w+", self.union):
            raise UsageError(
                f"EventTypes.union is {self.union!r}", advice="Pass where it is, as in 'package.module:name'"
            )

    def read(self, message: bytes) -> E_co | None:
        """The event in a message as it came, in an envelope or not; ``None`` if there is none, or it does not fit.

        For messages from elsewhere, such as a log. On a stream,
        :attr:`UserEvent.parsed <trio_listenkey.UserEvent.parsed>` is the same.
        """
        return self.reader().read(message)

    def reader(self) -> "EventReader[E_co]":
        """Another reader of these, whose count begins at zero."""
        return EventReader(self)


@final
class EventReader(Generic[E_co]):
    """Reads the events of one stream, and counts those that it cannot read. :meth:`EventTypes.reader` makes one.

    The messages of one stream come in one form, so that it tries the form of the last one first.
    """

    __slots__ = ("_read_usual", "types", "unparsed")

    types: "EventTypes[E_co]"
    """What it reads them as."""

    unparsed: int
    """How many messages had no event that fits."""

    def __init__(self, types: "EventTypes[E_co]") -> None:
        self.types = types
        self.unparsed = 0
        self._read_usual: Decode = _read_nothing

    def read(self, message: bytes) -> E_co | None:
        """The event in ``message``, or ``None``; see :meth:`EventTypes.read`."""
        try:
            event: E_co | None = self._read_usual(message)
        except UNREADABLE:
            event = None
        return self._read_unusual(message) if event is None else event

    def __reduce__(self) -> "tuple[Callable[[], EventReader[E_co]], tuple[()]]":
        # Decoders are bound to the process. An event that goes to another one takes another reader along.
        return self.types.reader, ()

    def _read_unusual(self, message: bytes) -> E_co | None:
        for read in _decoders_of(self.types):
            try:
                event: E_co | None = read(message)
            except UNREADABLE:
                continue
            if event is not None:
                self._read_usual = read
                return event
        self.unparsed += 1
        return None


def _read_nothing(_message: bytes) -> None:
    """No message was read yet, and so no decoder made."""


@cache
def _decoders_of(types: EventTypes[object]) -> tuple[Decode, ...]:
    """Kept for all streams: making them takes longer than reading a thousand events."""
    module, _, name = types.union.partition(":")
    union = getattr(import_module(module), name)
    has_numbers = bool(getattr(union, "__parameters__", ()))
    return decoders_of(
        union[types.numbers] if has_numbers else union, decimals=has_numbers and types.numbers is Decimal
    )
