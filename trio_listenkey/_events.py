"""What a user stream delivers: events, and the honest word for those that it cannot."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Literal, TypeVar, final

import msgspec

__all__ = ["Gap", "GapCause", "StreamItem", "UserEvent"]

_T = TypeVar("_T")

GapCause = Literal["opened", "disconnected", "unresponsive", "key_lost", "overflow"]


class _Head(msgspec.Struct):
    """What is read of an event without decoding the rest.

    Some come in an envelope: ``{"stream": ..., "data": {...}}``, where it may be a list of events,
    ``{"dataType": ..., "data": {...}}`` (BingX spot, 2022), ``{"subscriptionId": ..., "event": {...}}``, or
    ``{"data": {"e": ...}}``.
    """

    e: Any = None
    E: Any = None
    stream: Any = None
    dataType: Any = None  # noqa: N815 - the exchange's name for it
    data: msgspec.Raw = msgspec.Raw()
    event: msgspec.Raw = msgspec.Raw()

    def inner(self) -> bytes | None:
        """What is in the envelope, if it is one."""
        if self.stream is not None and self.data:
            return bytes(self.data)
        if self.e is not None:
            return None
        inner = bytes(self.data if self.dataType is not None else self.event or self._data_with_type())
        return inner if inner.startswith(b"{") else None

    def _data_with_type(self) -> bytes:
        """``data`` without any other mark of an envelope, if what is in it says that it is an event."""
        data = bytes(self.data)
        return data if data.startswith(b"{") and _read_head(data).e is not None else b""


_read_head: Final = msgspec.json.Decoder(_Head).decode
_read_heads: Final = msgspec.json.Decoder(list[_Head]).decode
_read: Final = msgspec.json.Decoder().decode
_NO_HEAD: Final = _Head()


def _read_first_head(message: bytes) -> _Head:
    """The head of an event, or of the first in a list of them."""
    if not message.startswith(b"["):
        return _read_head(message)
    heads = _read_heads(message)
    return heads[0] if heads else _NO_HEAD


# What JSON of a stranger may make of a decoder: nested too deeply is not always told as a wrong message.
_NOT_JSON: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# As milliseconds that is the year 5138; as microseconds, 1973.
_LEAST_MICROSECONDS: Final = 10**14
_LONGEST_TIME: Final = 20  # digits; Python refuses to read very many of them


@final
class UserEvent:
    """One message of the exchange, as it came. What is asked of it is decoded when it is first asked for.

    Toobit and HashKey send lists of events: there, type and time are those of the first, and :attr:`data` is the list.

    Its ``repr`` has neither the account's data nor, in the events that carry one, the listen key.
    """

    __slots__ = ("_data", "_head", "_payload", "raw", "received_at", "sent_after")

    raw: bytes
    """The message, byte for byte; but of a list of events of which another socket has brought some already, what is
    left."""

    received_at: float
    """When it was read from the socket, on trio's clock."""

    sent_after: float
    """A time before which it cannot have been sent, for all that came before it had been read by then: trio's clock."""

    def __init__(self, raw: bytes, received_at: float, sent_after: float | None = None) -> None:
        self.raw = raw
        self.received_at = received_at
        self.sent_after = received_at if sent_after is None else sent_after
        self._head: _Head | None = None
        self._payload = raw
        self._data: Any = None

    @property
    def type(self) -> str | None:
        """Its type, for example ``"ORDER_TRADE_UPDATE"``; ``None`` for a message that does not say."""
        kind = self._headings().e
        return kind if isinstance(kind, str) else None

    @property
    def time(self) -> int | None:
        """When the exchange made it, in milliseconds since 1970 by the exchange's clock; ``None`` if it does not say.

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
        """The event as JSON, out of its envelope if it came in one."""
        self._headings()
        return self._payload

    @property
    def data(self) -> Any:
        """The event, decoded: prices and quantities stay strings, as Binance sends them.

        Raises:
            ValueError: The message is not JSON; ``raw`` has it.
        """
        if self._data is None:
            try:
                self._data = _read(self.payload)
            except _NOT_JSON as error:
                raise ValueError(f"a message of {len(self.raw)} bytes is not JSON: {error}") from None
        return self._data

    def decode(self, into: builtins.type[_T]) -> _T:
        """The event as a type of yours: a :class:`msgspec.Struct`, a dataclass, a ``TypedDict``.

        This takes about half the time of :attr:`data`, and checks what the exchange sent.

        Raises:
            msgspec.MsgspecError: It does not fit.
        """
        return msgspec.json.decode(self.payload, type=into)

    def _headings(self) -> _Head:
        if self._head is None:
            self._head = self._decode_head()
        return self._head

    def _decode_head(self) -> _Head:
        try:
            self._payload = self.raw.removeprefix(_BYTE_ORDER_MARK)
            head = _read_first_head(self._payload)
            inner = head.inner()
            if inner is not None:
                head = _read_first_head(inner)
                self._payload = inner
        except _NOT_JSON:
            return _NO_HEAD  # not JSON, or not an object; whoever asks for ``data`` is told
        return head

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
        except _NOT_JSON:
            pass
    return [payload]


def select(event: UserEvent, places: Sequence[int]) -> UserEvent:
    """A message with those events of a list alone that are in these ``places``."""
    events = events_in(event)
    rest = b",".join(events[place] for place in places)
    return UserEvent(b"[" + rest + b"]", event.received_at, event.sent_after)


@final
@dataclass(frozen=True, slots=True)
class Gap:
    """Events may have been missed: fetch the account's state again, and go on with the events that follow.

    All events from before ``started_at`` were delivered before this, and whatever happens from ``ended_at`` on comes
    after it. In between nothing is certain: what comes next may overlap with what you fetch.

    The first item of every stream is the gap of cause ``"opened"``: what was before is not known. It starts with the
    event that the program had last, where it said so by ``since``; else with Unix time itself, in 1970.

    Attributes:
        cause: ``"opened"``: the stream begins. ``"disconnected"``: the socket ended. ``"unresponsive"``: a ping was not
            answered. ``"key_lost"``: the listen key expired, or someone closed it, and the exchange had nothing to say
            on the socket. ``"overflow"``: events were dropped because they were not taken in time.
        started_at: From when on events may be missing, on trio's clock. It errs on the early side.
        ended_at: Until when.
        unix_started_at: The same in seconds since 1970, by this machine's clock.
        unix_ended_at: The same.
        last_event_time: ``time`` of the last event before the gap, on the exchange's clock: the best ``startTime`` for
            queries. Before the stream's first event it is ``since``; ``None`` if neither is there.
        generation_before: The listen key's generation before the gap; 0 where the stream begins.
        generation_after: And after it.
        missed: How many events were dropped, where that is known.
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


StreamItem = UserEvent | Gap
