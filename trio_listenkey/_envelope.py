"""What an event may come in: an envelope, a list, or nothing but itself."""

from __future__ import annotations

from typing import Any, Final

import msgspec

__all__ = ["NO_HEAD", "UNREADABLE", "Head", "open_envelope", "without_mark"]

# What JSON of a stranger may make of a decoder: nested too deeply is not always told as a wrong message.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Head(msgspec.Struct):
    """What is read of an event without decoding the rest.

    Some come in an envelope: ``{"stream": ..., "data": {...}}``, where it may be a list of events,
    ``{"dataType": ..., "data": {...}}`` (BingX spot, 2022), ``{"subscriptionId": ..., "event": {...}}``, or
    ``{"data": {"e": ...}}``, with or without a list.
    """

    e: Any = None
    E: Any = None
    stream: Any = None
    dataType: Any = None  # noqa: N815 - the exchange's name for it
    data: msgspec.Raw = msgspec.Raw()
    event: msgspec.Raw = msgspec.Raw()

    def inner(self) -> bytes | None:
        """What is in the envelope, if it is one. What says itself which event it is, is none."""
        if self.e is not None:
            return None
        if self.stream is not None and self.data:
            return bytes(self.data)
        if self.dataType is None and not self.event:
            return self._data_with_type()
        inner = bytes(self.data if self.dataType is not None else self.event)
        return inner if inner.startswith(b"{") else None

    def _data_with_type(self) -> bytes | None:
        """``data`` without any other mark of an envelope, if what is in it says that it is an event."""
        data = bytes(self.data)
        return data if data.startswith((b"{", b"[")) and _read_first_head(data).e is not None else None


_read_head: Final = msgspec.json.Decoder(Head).decode
_read_heads: Final = msgspec.json.Decoder(list[Head]).decode
NO_HEAD: Final = Head()


def without_mark(text: bytes) -> bytes:
    """The same without a byte order mark, which some proxies put before JSON, and decoders refuse."""
    return text.removeprefix(_BYTE_ORDER_MARK)


def open_envelope(message: bytes) -> tuple[Head, bytes]:
    """The head of the event in ``message``, or of the first in a list of them, and what was in the envelope.

    What is no JSON, or no object, has no head, and is itself what was in the envelope.
    """
    payload = without_mark(message)
    try:
        head = _read_first_head(payload)
        inner = head.inner()
        return (head, payload) if inner is None else (_read_first_head(inner), inner)
    except UNREADABLE:
        return NO_HEAD, payload


def _read_first_head(message: bytes) -> Head:
    if not message.startswith(b"["):
        return _read_head(message)
    heads = _read_heads(message)
    return heads[0] if heads else NO_HEAD
