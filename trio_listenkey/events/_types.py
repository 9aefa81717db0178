"""What the messages of a stream are read as, and the reading itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Generic, final

import msgspec

from .._envelope import UNREADABLE, open_envelope
from .._errors import UsageError

if TYPE_CHECKING:
    # As of ``Number``. With the default, ``Venue`` and ``UserEvent`` without a parameter are any of them.
    from typing_extensions import TypeVar

    E_co = TypeVar("E_co", covariant=True, default=object)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", covariant=True)

T = TypeVar("T")

__all__ = ["E_co", "EventReader", "EventTypes"]


@final
@dataclass(frozen=True, slots=True)
class EventTypes(Generic[E_co]):
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

        For messages from elsewhere, such as a log. On a stream, :attr:`UserEvent.parsed <trio_listenkey.UserEvent.parsed>`
        is the same.
        """
        return self.reader().read(message)

    def reader(self) -> EventReader[E_co]:
        """Another reader of these, whose count begins at zero."""
        return EventReader(self)


@final
class EventReader(Generic[E_co]):
    """Reads the events of one stream, and counts those that it cannot read. :meth:`EventTypes.reader` makes one."""

    __slots__ = ("types", "unparsed")

    types: EventTypes[E_co]
    """What it reads them as."""

    unparsed: int
    """How many messages had no event that fits."""

    def __init__(self, types: EventTypes[E_co]) -> None:
        self.types = types
        self.unparsed = 0

    def read(self, message: bytes, payload: bytes | None = None) -> E_co | None:
        """The event in ``message``, or ``None``; see :meth:`EventTypes.read`.

        Args:
            message: As it came.
            payload: What is in its envelope, where that is known already.
        """
        event: E_co | None = _decoders(self.types).read(message, payload)
        if event is None:
            self.unparsed += 1
        return event


class _Envelope(msgspec.Struct, Generic[T], gc=False):
    """As ``_envelope.Head``, with the event decoded in the same pass. It is one only if ``inner`` has it."""

    e: Any = None
    stream: Any = None
    dataType: Any = None  # noqa: N815 - the exchange's name for it
    data: T | None = None
    event: T | None = None

    def inner(self) -> T | None:
        """The event of the two usual envelopes; which of others is the right one, ``open_envelope`` knows."""
        if self.stream is not None:
            return self.data
        return self.event if self.e is None and self.dataType is None else None


# How Binance begins an event that is in no envelope. The second is what may be an envelope nevertheless.
_PLAIN: Final = b'{"e":'
_STREAM: Final = b'"stream"'


class _Decoders:
    """The decoders of one union: making one takes longer than reading a thousand events."""

    __slots__ = ("_read_envelope", "_read_event", "_read_only_event")

    def __init__(self, union: Any) -> None:
        self._read_event: Callable[[bytes], Any] = msgspec.json.Decoder(union).decode
        self._read_envelope: Callable[[bytes], _Envelope[Any]] = msgspec.json.Decoder(_Envelope[union]).decode
        # A list is one event if there is one in it. Of several, none is what the message says.
        self._read_only_event: Callable[[bytes], tuple[Any]] = msgspec.json.Decoder(tuple[union]).decode

    def read(self, message: bytes, payload: bytes | None) -> Any:
        if payload is None:
            event = self._read_at_once(message)
            if event is not None:
                return event
            payload = open_envelope(message)[1]
        try:
            return self._read_only_event(payload)[0] if payload.startswith(b"[") else self._read_event(payload)
        except UNREADABLE:
            return None

    def _read_at_once(self, message: bytes) -> Any:
        """The event, decoded in one pass, if the message is of the usual form: half the time of two passes."""
        try:
            if message.startswith(_PLAIN) and _STREAM not in message:
                return self._read_event(message)
            return self._read_envelope(message).inner()
        except UNREADABLE:
            return None


@cache
def _decoders(types: EventTypes[object]) -> _Decoders:
    module, _, name = types.union.partition(":")
    union = getattr(import_module(module), name)
    return _Decoders(union[types.numbers] if getattr(union, "__parameters__", ()) else union)
