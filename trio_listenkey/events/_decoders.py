"""Decodes messages as one of a union of structs: in one pass where they are of a usual form."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from .._envelope import UNREADABLE, open_envelope

__all__ = ["Decoders"]

T = TypeVar("T")

# How Binance begins an event that is in no envelope; and what there is in one all the same, if it is.
_PLAIN: Final = b'{"e":'
_STREAM: Final = b'"stream"'


class Decoders:
    """The decoders of one union.

    Args:
        union: One struct, or several that ``e`` chooses from.
        decimals: Whether there are decimals in it. JSON has no numbers that are none, but texts may be ``"NaN"``, and
            ``Decimal`` takes that; nothing good would come of comparing a price with it.
    """

    __slots__ = ("_decimals", "_read_envelope", "_read_event", "_read_only_event")

    def __init__(self, union: Any, *, decimals: bool) -> None:
        self._decimals = decimals
        self._read_event: Callable[[bytes], Any] = msgspec.json.Decoder(union).decode
        self._read_envelope: Callable[[bytes], _Envelope[Any]] = msgspec.json.Decoder(_Envelope[union]).decode
        # A list is one event if there is one in it. Of several, none is what the message says.
        self._read_only_event: Callable[[bytes], tuple[Any]] = msgspec.json.Decoder(tuple[union]).decode

    def read(self, message: bytes, payload: bytes | None) -> Any:
        """The event in ``message``, or ``None`` if none fits. ``payload``: what is in the envelope, if known."""
        event = self._read_at_once(message) if payload is None else None
        if event is None:
            event = self._read_payload(open_envelope(message)[1] if payload is None else payload)
        return None if self._decimals and not _is_finite(event, message) else event

    def _read_at_once(self, message: bytes) -> Any:
        """The event, if the message is of a usual form: in half the time that it takes to open the envelope first."""
        try:
            if message.startswith(_PLAIN) and _STREAM not in message:
                return self._read_event(message)
            return self._read_envelope(message).inner()
        except UNREADABLE:
            return None

    def _read_payload(self, payload: bytes) -> Any:
        try:
            return self._read_only_event(payload)[0] if payload.startswith(b"[") else self._read_event(payload)
        except UNREADABLE:
            return None


class _Envelope(msgspec.Struct, Generic[T], gc=False):
    """As ``_envelope.Head``, with the event decoded in the same pass."""

    e: Any = None
    stream: Any = None
    dataType: Any = None  # noqa: N815 - the exchange's name for it
    data: T | None = None
    event: T | None = None

    def inner(self) -> T | None:
        """The event in the two usual envelopes. ``None`` for any other, which ``open_envelope`` knows to open."""
        if self.stream is not None:
            return self.data
        return self.event if self.e is None and self.dataType is None else None


def _is_finite(event: Any, message: bytes) -> bool:
    """Whether each decimal of ``event`` is a number. They are looked at where the message has what would be none."""
    words = message.lower()
    may_be_none = b"nan" in words or b"inf" in words or b"\\" in words  # JSON may write any letter as \\u....
    return not may_be_none or all(number.is_finite() for number in _decimals_of(event))


def _decimals_of(value: Any) -> list[Decimal]:
    if isinstance(value, Decimal):
        return [value]
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    return [number for each in value for number in _decimals_of(each)] if isinstance(value, list | tuple) else []
