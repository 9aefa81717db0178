"""The first half of a handshake's answer, read before any library sees it.

Libraries read the body of a refusal before they tell of it, and a body may be long, slow or without end. All that is
wanted of a refusal is in its head.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime

from ._base import SocketError

__all__ = ["read_answer", "read_head", "status_of"]

_READ = 64 * 1024
_LONGEST = 32 * 1024
_START = b"HTTP/1."
_MOST_INTERIM = 16
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r]")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


Receive = Callable[[int], Awaitable[bytes | bytearray]]
"""``receive_some`` of a stream."""


async def read_answer(receive: Receive) -> tuple[bytes, bytes]:
    """The head of an answer that accepts the handshake, and what came right after it.

    Raises:
        SocketError: Another answer, or none.
    """
    head, rest = await read_head(receive)
    status = status_of(head)
    if status != 101:
        raise SocketError(f"handshake refused with HTTP {status}", status=status, retry_after=_retry_after(head))
    # RFC 9112, 4: the reason phrase may be missing, the space before it may not; servers leave out both, and not every
    # library takes that.
    return re.sub(rb"\A(HTTP/1\.[01] 101)\r\n", rb"\1 \r\n", head), rest


async def read_head(receive: Receive) -> tuple[bytes, bytes]:
    """The head of an HTTP answer, its last empty line included, and what came right after it.

    Interim answers before it, such as 100 or 103, are passed over: a server or proxy may send some to a client that did
    not ask for any (RFC 9110, 15.2).

    Raises:
        SocketError: What comes is no HTTP, has no end, or ends too early.
    """
    rest = b""
    for _ in range(_MOST_INTERIM):
        head, rest = await _read_one_head(receive, rest)
        if not _INTERIM.match(head):
            return head, rest
    raise SocketError(f"{_MOST_INTERIM} interim answers and no other")


async def _read_one_head(receive: Receive, data: bytes) -> tuple[bytes, bytes]:
    """The same, of whatever answer comes next; ``data`` has come already."""
    while (end := data.find(b"\r\n\r\n")) < 0:
        if data[: len(_START)] != _START[: len(data)]:
            raise SocketError("an answer that is not HTTP")
        if len(data) > _LONGEST:
            raise SocketError(f"an answer whose headers have more than {_LONGEST} bytes")
        more = await receive(_READ)
        if not more:
            raise SocketError(f"connection closed {'in the middle of' if data else 'without'} an answer")
        data += more
    return data[: end + 4], data[end + 4 :]


def status_of(head: bytes) -> int:
    """The HTTP status.

    Raises:
        SocketError: There is none.
    """
    match = _STATUS.match(head)
    if match is None:
        raise SocketError("an answer that is not HTTP")
    return int(match[1])


def _retry_after(head: bytes) -> float | None:
    """``Retry-After`` as seconds; where it is a date, it is measured by the server's own clock."""
    value = _header(head, "Retry-After")
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(_header(head, "Date"))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, wait.total_seconds())


def _header(head: bytes, name: str) -> str:
    match = re.search(rf"^{name}:[ \t]*(.*?)[ \t]*\r$", head.decode("latin-1"), re.IGNORECASE | re.MULTILINE)
    return match[1] if match else ""
