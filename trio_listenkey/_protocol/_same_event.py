"""What makes two messages the same event: bytes that are the same for the same event, however it was written.

Two gateways of an exchange may write one event in two ways: with its members in another order, with spaces, with
escapes, or with the time at which that gateway has sent it. What it says is in its members: order id, trade id, times,
state. So two messages are the same event if all their members are equal, except those that the venue marks as the
gateway's own. Messages that differ in any other member are different events: a trailing stop's second ``ALGO_UPDATE``
of state ``NEW``, or ``ia`` that is true after it was false. A message that cannot be decoded is compared byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from .._venue._parts import StreamShape

__all__ = ["canonical_for"]

_read: Final = msgspec.json.Decoder().decode
_write: Final = msgspec.json.Encoder(order="deterministic").encode

_LONGEST_VARINT: Final = 10


def canonical_for(shape: StreamShape) -> Callable[[bytes], bytes]:
    """The function that tells whether messages of a venue are the same event."""
    if shape.encoding == "protobuf":
        return partial(_of_protobuf, varying=shape.varying_fields)
    return partial(_of_json, varying=shape.varying)


def _of_json(event: bytes, varying: tuple[str, ...] = ()) -> bytes:
    try:
        members: Any = _read(event)
        if isinstance(members, dict):
            for name in varying:
                members.pop(name, None)
        return _write(members)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return event  # no JSON, or more than a decoder takes


def _of_protobuf(event: bytes, varying: tuple[int, ...]) -> bytes:
    try:
        fields = sorted(_fields(event), key=lambda field: field[0])  # stable: the order of repeated fields stays
    except (IndexError, ValueError):
        return event
    return b"".join(raw for number, raw in fields if number not in varying)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message, each with its number and as it is written."""
    at = 0
    while at < len(message):
        began = at
        tag, at = _varint(message, at)
        match tag & 7:  # Protocol Buffers, "Encoding": how long the value is
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 2:
                length, at = _varint(message, at)
                at += length
            case 5:
                at += 4
            case kind:
                raise ValueError(f"no field is of kind {kind}")
        if at > len(message):
            raise ValueError("the message ends within a field")
        yield tag >> 3, message[began:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = message[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number has no end")
