"""One HTTP/1.1 connection: h11 between the bytes of one client and whoever answers its requests.

What HTTP cannot say (a reset, a truncated answer, one that drips, one that is no HTTP) is done right here, to the
bytes. ``WebSocketServer`` is the same for WebSockets, and takes a connection over after a handshake.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import h11
import trio

from ..._http import Request
from ...transports._base import MAX_BODY
from .._faults._effects import Drip, Garbage, Hang, Huge, Reset, Truncate, html_page
from .._state._reply import Reply, from_status

__all__ = ["HTTPServer"]

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)
_READ: Final = 65_536  # bytes in one read
_READ_AHEAD: Final = 262_144  # bytes that a client may send while its last request is not yet answered
_PIECE: Final = b"x" * 16_384  # of an answer that is huge
_TOO_LONG: Final = from_status(html_page(413, "413 Request Entity Too Large"))

# What a handshake consists of. The rest is not wanted: a listen key in a cookie, for example.
_HANDSHAKE: Final = {b"host", b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version"}


class HTTPServer:
    """Carries the requests of one client to ``answer``, and the replies back.

    Args:
        stream: The connection.
        reset: Ends the connection below ``stream`` with RST.
        answer: Answers a request.
        time_scale: How many of the exchange's seconds pass in one of ours.
        max_body: Bytes that a request's body may have.
        too_long: The reply to one that has more.
        upgrades: Whether a WebSocket handshake ends the HTTP on this connection. Otherwise it is a request like others.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        reset: Callable[[], None],
        answer: Callable[[Request], Reply],
        *,
        time_scale: float = 1.0,
        max_body: int = MAX_BODY,
        too_long: Reply = _TOO_LONG,
        upgrades: bool = True,
    ) -> None:
        self._stream = stream
        self._reset = reset
        self._answer = answer
        self._time_scale = time_scale
        self._max_body = max_body
        self._too_long = too_long
        self._upgrades = upgrades
        self._http = h11.Connection(h11.SERVER)
        self._method = b""

    async def serve(self) -> bytes | None:
        """Answer requests until the connection ends, or until one is a WebSocket handshake.

        Returns:
            The handshake, which is not answered yet, with what the client sent after it; ``None`` if the connection
            is done.
        """
        with suppress(*_BROKEN):
            try:
                while isinstance(head := await self._next_event(), h11.Request):
                    if self._upgrades and _is_handshake(head):
                        return _handshake_bytes(head) + self._http.trailing_data[0]
                    self._method = head.method
                    await self._serve_request(head)
                    if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                        return None
                    self._http.start_next_cycle()
            except h11.RemoteProtocolError as error:
                await self._send_whole(Reply(status=error.error_status_hint))
        return None

    # --- From the client

    async def _next_event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(bytes(await self._stream.receive_some(_READ)))
        return event

    async def _serve_request(self, head: h11.Request) -> None:
        body = b""
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > self._max_body:
                # The rest of the body is still to come, and nobody reads it: h11 adds "Connection: close".
                await self._send_whole(self._too_long, close=True)
                return
        await self._carry_out(self._answer(_request(head, body)))

    async def _read_ahead(self) -> None:
        """Read what the client sends before it has its answer, and return when it has left.

        A client that sends very much is not read any further, so that it costs a bounded amount of memory.
        """
        left = _READ_AHEAD
        with suppress(*_BROKEN):
            while left > 0:
                data = bytes(await self._stream.receive_some(_READ))
                if not data:
                    return
                self._http.receive_data(data)
                left -= len(data)
            await trio.sleep_forever()

    # --- To the client

    async def _carry_out(self, reply: Reply) -> None:
        """Send a reply as it says; the connection is over if that is not as HTTP wants it."""
        wire = reply.wire
        if not await self._wait(math.inf if isinstance(wire, Hang) else reply.delay / self._time_scale):
            self._http.send_failed()
            return
        match wire:
            case Reset():
                self._reset()
            case Garbage(data):
                await self._stream.send_all(data)
            case Truncate(after):
                whole = self._whole(reply, close=True)
                await self._stream.send_all(whole[: min(after, len(whole) - 1)])
            case Drip(seconds_per_byte):
                await self._drip(self._whole(reply, close=True), seconds_per_byte / self._time_scale)
            case Huge(size):
                await self._send_huge(reply, size)
                return
            case _:
                await self._send_whole(reply)
                return
        self._http.send_failed()

    async def _wait(self, seconds: float) -> bool:
        """Wait for so long, and say whether the client is still there."""
        if seconds:
            with trio.move_on_after(seconds):
                await self._read_ahead()
                return False
        return True

    async def _drip(self, data: bytes, seconds_per_byte: float) -> None:
        for byte in data:
            await self._stream.send_all(bytes([byte]))
            await trio.sleep(seconds_per_byte)

    async def _send_huge(self, reply: Reply, size: int | None) -> None:
        await self._send(_head(reply, [] if size is None else [_length(size)]))
        left = math.inf if size is None else size
        while left > 0:
            piece = _PIECE[: int(min(left, len(_PIECE)))]
            left -= len(piece)
            await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage())

    async def _send_whole(self, reply: Reply, *, close: bool = False) -> None:
        await self._stream.send_all(self._whole(reply, close=close))

    def _whole(self, reply: Reply, *, close: bool) -> bytes:
        # h11 takes no body where HTTP has none, and no length where a status has none.
        has_length = reply.status not in {204, 304}
        has_body = has_length and self._method != b"HEAD"
        more = [*([_length(len(reply.body))] if has_length else []), *([(b"connection", b"close")] if close else [])]
        head, body = _head(reply, more), h11.Data(data=reply.body if has_body else b"")
        return b"".join(self._http.send(event) or b"" for event in (head, body, h11.EndOfMessage()))

    async def _send(self, event: Any) -> None:
        await self._stream.send_all(self._http.send(event) or b"")


def _request(head: h11.Request, body: bytes) -> Request:
    target = head.target.decode("latin-1")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
    # A target is mostly a path; proxies are sent whole URLs, and OPTIONS may be sent a star.
    origin = "http://exchange" if target.startswith("/") else ""
    return Request(head.method.decode("ascii"), origin + target, headers, body)


def _head(reply: Reply, more: list[tuple[bytes, bytes]]) -> h11.Response:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    return h11.Response(status_code=reply.status, headers=headers + more)


def _length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", str(size).encode()


def _is_handshake(head: h11.Request) -> bool:
    headers = dict(head.headers)
    return head.http_version == b"1.1" and headers.get(b"upgrade", b"").lower() == b"websocket"


def _handshake_bytes(head: h11.Request) -> bytes:
    """A handshake as it may have been sent, for a WebSocket library that reads it once more."""
    lines = [head.method + b" " + head.target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in head.headers if name in _HANDSHAKE]
    return b"\r\n".join([*lines, b"", b""])
