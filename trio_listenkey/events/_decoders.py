"""The decoders of one union of structs, one for each form in which an event may come."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from .._envelope import open_envelope

__all__ = ["Decode", "decoders_of"]

T = TypeVar("T")

Decode = Callable[[bytes], Any]


def decoders_of(union: Any, *, decimals: bool) -> tuple[Decode, ...]:
    """What reads an event that comes alone, in one of the two usual envelopes, or in whatever form.

    Each returns ``None`` for a form that is not its own, or raises one of ``UNREADABLE``. The first two take one pass
    over the message, and the last one two.

    Args:
        union: One struct, or several that ``e`` chooses from.
        decimals: Whether there are decimals in it.
    """
    read_event: Decode = msgspec.json.Decoder(union).decode
    read_envelope: Decode = msgspec.json.Decoder(_Envelope[union]).decode
    # A list is one event if there is one in it. Of several, none is what the message says.
    read_only_event: Decode = msgspec.json.Decoder(tuple[union]).decode

    def read_usual_envelope(message: bytes) -> Any:
        return read_envelope(message).inner()

    def read_any_form(message: bytes) -> Any:
        payload = open_envelope(message)[1]
        return read_only_event(payload)[0] if payload.startswith(b"[") else read_event(payload)

    forms: tuple[Decode, ...] = (read_event, read_usual_envelope, read_any_form)
    return tuple(map(_only_finite, forms)) if decimals else forms


class _Envelope(msgspec.Struct, Generic[T], gc=False):
    """As ``_envelope.Head``, with the event decoded in the same pass."""

    e: Any = None
    stream: Any = None
    dataType: Any = None  # noqa: N815 - the exchange's name for it
    data: T | None = None
    event: T | None = None

    def inner(self) -> T | None:
        """The event in the two usual envelopes. ``None`` for any other, which ``open_envelope`` knows to open."""
        if self.e is not None or self.dataType is not None:
            return None
        return self.event if self.stream is None else self.data


def _only_finite(decode: Decode) -> Decode:
    r"""The same, and what has a decimal that is no number does not fit.

    JSON has no such numbers, but texts may be ``"NaN"``, and ``Decimal`` takes that; comparing a price with it raises.
    They are looked for where the message has letters that would make one: JSON may write any as ``\u....``.
    """

    def decode_finite(message: bytes) -> Any:
        event = decode(message)
        words = message.lower()
        may_be_none = b"nan" in words or b"inf" in words or b"\\" in words
        return None if may_be_none and not all(number.is_finite() for number in _decimals_in(event)) else event

    return decode_finite


def _decimals_in(value: Any) -> list[Decimal]:
    if isinstance(value, Decimal):
        return [value]
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    return [number for each in value for number in _decimals_in(each)] if isinstance(value, list | tuple) else []
