"""What a user stream delivers: events, and the honest word for those that it cannot."""

import builtins
from collections.abc import Sequence
from math import inf
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, final

import msgspec

from ._envelope import UNREADABLE, Head, open_envelope
from ._value import Value
from .events._types import E_co, EventReader

__all__ = ["Gap", "GapCause", "StreamItem", "UserEvent"]

_T = TypeVar("_T")

GapCause = Literal["opened", "disconnected", "unresponsive", "key_lost", "overflow"]


_read: Final = msgspec.json.Decoder().decode
_UNREAD: Final[Any] = ...  # for ``None`` is a result; and it is itself in a pickle, too

# As milliseconds that is the year 5138; as microseconds, 1973.
_LEAST_MICROSECONDS: Final = 10**14
_LONGEST_TIME: Final = 20  # digits; Python refuses to read very many of them


@final
class UserEvent(Generic[E_co]):
    """One message of the exchange. Its attributes are decoded when they are first read.

    ``E_co`` is what :attr:`parsed` is: the union of the venue's events.

    Toobit and HashKey send lists of events: there, type and time are those of the first, and :attr:`data` is the list.

    Its ``repr`` contains neither the account's data nor a listen key.
    """

    __slots__ = ("_data", "_head", "_parsed", "_payload", "_reader", "raw", "received_at", "sent_after")

    raw: bytes
    """The message, byte for byte; but of a list of events of which another socket has brought some already, what is
    left."""

    received_at: float
    """When it was read from the socket, on trio's clock: up to 0.04 s after it came, where who takes events is busy."""

    sent_after: float
    """A time before which it cannot have been sent, for all that came before it had been read by then: trio's clock."""

    def __init__(
        self,
        raw: bytes,
        received_at: float,
        sent_after: float | None = None,
        reader: EventReader[E_co] | None = None,
    ) -> None:
        self.raw = raw
        self.received_at = received_at
        self.sent_after = received_at if sent_after is None else sent_after
        self._reader = reader
        self._head: Head | None = None
        self._payload = raw
        self._data: Any = None
        self._parsed: E_co | None = _UNREAD

    @property
    def type(self) -> str | None:
        """The type, for example ``"ORDER_TRADE_UPDATE"``; ``None`` if the message has none."""
        kind = self._headings().e
        return kind if isinstance(kind, str) else None

    @property
    def time(self) -> int | None:
        """The exchange's time of the event, in milliseconds since 1970; ``None`` if the message has none.

        Binance's options documents give this one as a string; that is read, too, and so is a number with a fraction.
        Streams that were asked for microseconds (``timeUnit=MICROSECOND``, Binance spot ``web-socket-streams.md``) are
        recognised by the number's size; :attr:`raw` has it as it came.
        """
        time = self._headings().E
        if isinstance(time, str) and len(time) <= _LONGEST_TIME and time.isascii() and time.isdigit():
            time = int(time)
        if isinstance(time, bool) or not isinstance(time, int | float) or time in {inf, -inf}:
            return None
        return int(time // 1000 if time >= _LEAST_MICROSECONDS else time)

    @property
    def payload(self) -> bytes:
        """The event as JSON, without an envelope."""
        self._headings()
        return self._payload

    @property
    def data(self) -> Any:
        """The decoded event: prices and quantities stay strings, as the exchange sends them.

        Raises:
            ValueError: The message is not JSON; ``raw`` has it.
        """
        if self._data is None:
            try:
                self._data = _read(self.payload)
            except UNREADABLE as error:
                raise ValueError(f"a message of {len(self.raw)} bytes is not JSON: {error}") from None
        return self._data

    def decode(self, into: builtins.type[_T]) -> _T:
        """The event decoded into your own type: a :class:`msgspec.Struct`, a dataclass, a ``TypedDict``.

        This takes about half the time of :attr:`data`, and checks what the exchange sent.

        Raises:
            msgspec.MsgspecError: The message does not match the type.
        """
        return msgspec.json.decode(self.payload, type=into)

    @property
    def parsed(self) -> E_co | None:
        """The event as one of the structs of its venue, see :mod:`trio_listenkey.events`.

        Decoded from :attr:`raw` when it is first read, in about half the time of :attr:`type` and
        :meth:`decode`. Of a list of events, it is the one that is in there.

        ``None``, and never an exception, if the library does not know the event, if it does not match the documents, if
        a list has several, and for every event of a venue whose events have no types. :attr:`data` and :attr:`raw`
        contain the message, and ``StreamStatistics.unparsed`` counts such events.
        """
        parsed = self._parsed
        if parsed is _UNREAD:
            reader = self._reader
            parsed = self._parsed = None if reader is None else reader.read(self._payload)
        return parsed

    def _headings(self) -> Head:
        if self._head is None:
            self._head, self._payload = open_envelope(self.raw)
        return self._head

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, UserEvent) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<UserEvent {self.type}, time {self.time}, {len(self.raw)} bytes>"


_split: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def events_in(event: UserEvent) -> list[bytes]:
    """The events of a message: one, or those of a list."""
    payload = event.payload
    if payload.startswith(b"["):
        try:
            return [bytes(each) for each in _split(payload)]
        except UNREADABLE:
            pass
    return [payload]


def select(event: UserEvent[E_co], places: Sequence[int]) -> UserEvent[E_co]:
    """A message with those events of a list alone that are in these ``places``."""
    events = events_in(event)
    rest = b",".join(events[place] for place in places)
    reader = event._reader  # noqa: SLF001 - of the class above
    return UserEvent(b"[" + rest + b"]", event.received_at, event.sent_after, reader)


@final
class Gap(Value, frozen=True):
    """Events may have been missed: fetch the account's state, and go on with the events that follow.

    All events from before ``started_at`` were delivered before this gap, and all events from ``ended_at`` on are
    delivered after it. Events in between may be missing; the next events may overlap with what you fetch.

    The first item of every stream is a gap of cause ``"opened"``: earlier events are not known. It starts at
    ``since``, the time of the last event that the program received before, if that was passed; otherwise in 1970.

    Attributes:
        cause: ``"opened"``: the stream begins. ``"disconnected"``: the socket ended. ``"unresponsive"``: a ping was not
            answered. ``"key_lost"``: the listen key expired, or another program closed it.
            ``"overflow"``: events were dropped because your program was too slow.
        started_at: Since when events may be missing, in seconds on trio's clock; early rather than late.
        ended_at: Until when.
        unix_started_at: The same in seconds since 1970, by this machine's clock.
        unix_ended_at: The same.
        last_event_time: ``time`` of the last event before the gap, on the exchange's clock: the best ``startTime`` for
            queries. Before the stream's first event it is ``since``; ``None`` without either.
        generation_before: The listen key's generation before the gap; 0 where the stream begins.
        generation_after: And after it.
        missed: How many events were dropped, if known; ``None`` does not mean zero.
    """

    cause: GapCause
    started_at: float
    ended_at: float
    unix_started_at: float
    unix_ended_at: float
    last_event_time: int | None
    generation_before: int
    generation_after: int
    missed: int | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.ended_at - self.started_at


StreamItem: TypeAlias = UserEvent[E_co] | Gap
