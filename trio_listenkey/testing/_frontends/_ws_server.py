"""One WebSocket on one stream: wsproto between the bytes and a :class:`Session`. The same in memory and on loopback."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from contextlib import suppress

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping as PingEvent,
    Pong as PongEvent,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from .._exchange import Exchange
from .._faults._effects import Garbage, Hang, Reset
from .._state._reply import Reply
from .._ws._frames import Frame, Goodbye, Ping, Pong, Text
from .._ws._session import Session

__all__ = ["WebSocketServer"]

# Seconds of real time that a client has to answer a close frame, and characters that a message may have.
_PATIENCE = 1.0
_MAX_MESSAGE = 65_536

# wsproto tells this one by identity: the number 1005 would be sent as 1000.
_NO_CODE = CloseReason.NO_STATUS_RCVD

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class WebSocketServer:
    """Carries what a session wants sent to the client, and what the client says to the session.

    Args:
        stream: What to speak with the client through; it is closed at the end.
        reset: Ends the connection below it with RST.
        exchange: Who answers.
        now: The exchange's clock.
        time_scale: How many of its seconds pass in one of ours.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        reset: Callable[[], None],
        exchange: Exchange,
        now: Callable[[], float],
        time_scale: float,
    ) -> None:
        self._stream = stream
        self._reset = reset
        self._exchange = exchange
        self._now = now
        self._time_scale = time_scale
        self._ws = WSConnection(ConnectionType.SERVER)
        self._text = ""
        self._woken = trio.Event()
        self._sending = trio.CancelScope()

    async def accept(self, received: bytes = b"") -> None:
        """Serve a client to its end, from its handshake on; ``received`` is what it has sent already."""
        with suppress(*_BROKEN):
            request = await self._read_request(received)
            if request is not None:
                await self._serve(request.target)

    async def _read_request(self, data: bytes) -> Request | None:
        while data or (data := bytes(await self._stream.receive_some())):
            try:
                self._ws.receive_data(data)
            except (RemoteProtocolError, UnicodeError) as error:
                await self._refuse(Reply(status=_status_of(error)))
                return None
            for event in self._ws.events():
                assert isinstance(event, Request)
                return event
            data = b""
        return None

    async def _serve(self, target: str) -> None:
        answer = self._exchange.connect(target, self._now())
        try:
            async with trio.open_nursery() as nursery:
                session = answer if isinstance(answer, Session) else None
                nursery.start_soon(self._listen, session, nursery.cancel_scope)
                with suppress(*_BROKEN):
                    await (self._refuse(answer) if isinstance(answer, Reply) else self._speak(answer))
                nursery.cancel_scope.cancel()
        finally:
            if isinstance(answer, Session):
                answer.end()
        with trio.move_on_after(_PATIENCE), suppress(*_BROKEN):
            await self._stream.aclose()

    # --- To the client

    async def _refuse(self, reply: Reply) -> None:
        await self._sleep(math.inf if isinstance(reply.wire, Hang) else reply.delay)
        if isinstance(reply.wire, Reset):
            self._reset()
            return
        await self._stream.send_all(reply.wire.data if isinstance(reply.wire, Garbage) else self._rejection(reply))

    def _rejection(self, reply: Reply) -> bytes:
        body = b"" if reply.status in {204, 304} else reply.body
        told = [*reply.headers, ("Connection", "close")]
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told]
        if not body:
            return self._ws.send(RejectConnection(status_code=reply.status, headers=headers))
        headers.append((b"Content-Length", str(len(body)).encode()))
        head = self._ws.send(RejectConnection(status_code=reply.status, headers=headers, has_body=True))
        return head + self._ws.send(RejectData(data=body))

    async def _speak(self, session: Session) -> None:
        session.wake, session.cut_off = self._wake, self._cut_off
        await self._sleep(session.delay)
        await self._stream.send_all(self._ws.send(AcceptConnection()))
        while not await self._pass_on(session):
            pass

    async def _pass_on(self, session: Session) -> bool:
        """Send what is due, or wait until something may be; and say whether that was the last."""
        self._woken = trio.Event()
        frames = session.due(self._now())
        if not frames:
            await self._wait(session.deadline)
            return False
        with trio.CancelScope() as self._sending:
            await self._stream.send_all(b"".join(self._encode(frame) for frame in frames))
        if self._sending.cancelled_caught:
            self._reset()
            return True
        match frames[-1]:
            case Reset():
                self._reset()
                return True
            case Goodbye():
                await self._part()
                return True
        return False

    def _encode(self, frame: Frame) -> bytes:
        match frame:
            case Text(data, compressed):
                zipped = gzip.compress(data.encode(), mtime=0) if compressed else None
                return self._ws.send(TextMessage(data) if zipped is None else BytesMessage(zipped))
            case Ping(payload):
                return self._ws.send(PingEvent(payload))
            case Pong(payload):
                return self._ws.send(PongEvent(payload))
            case Goodbye(code, reason):
                return self._ws.send(CloseConnection(_NO_CODE if code is None else code, reason or None))
            case Garbage(data):
                return data
            case _:
                return b""

    async def _part(self) -> None:
        """After a close frame: the client's own comes, and ends this by way of :meth:`_listen`, or it does not."""
        if self._ws.state is not ConnectionState.CLOSED:
            await trio.sleep(_PATIENCE)

    async def _wait(self, deadline: float) -> None:
        with trio.move_on_after(max(0.0, deadline - self._now()) / self._time_scale):
            await self._woken.wait()

    def _wake(self) -> None:
        self._woken.set()

    def _cut_off(self) -> None:
        self._sending.cancel()

    async def _sleep(self, seconds: float) -> None:
        await trio.sleep(seconds / self._time_scale)

    # --- From the client

    async def _listen(self, session: Session | None, both: trio.CancelScope) -> None:
        with suppress(*_BROKEN):
            async for data in self._stream:
                # Before its handshake is answered a client has nothing to say; nor after our close frame, if that was
                # the second, though it may go on all the same.
                if session is not None and self._is_open_or_closing():
                    self._hear(bytes(data), session)
                if session is not None and self._ws.state is ConnectionState.CLOSED:
                    break
        both.cancel()

    def _is_open_or_closing(self) -> bool:
        return self._ws.connection is not None and self._ws.state is not ConnectionState.CLOSED

    def _hear(self, data: bytes, session: Session) -> None:
        self._ws.receive_data(data)
        for event in self._ws.events():
            self._tell(event, session, self._now())

    def _tell(self, event: Event, session: Session, now: float) -> None:
        match event:
            case PingEvent(payload):
                session.receive_ping(bytes(payload), now)
            case PongEvent(payload):
                session.receive_pong(bytes(payload), now)
            case TextMessage(data, message_finished=finished):
                self._collect(data, session, now, finished=finished)
            case BytesMessage():
                session.receive_close(1003, "", now)
            case CloseConnection(code, reason):
                session.receive_close(None if code == _NO_CODE else code, reason or "", now)
            case _:
                raise AssertionError(f"wsproto has no {event} after the handshake")

    def _collect(self, data: str, session: Session, now: float, *, finished: bool) -> None:
        self._text += data
        if len(self._text) > _MAX_MESSAGE:
            self._text = ""
            session.receive_close(1009, "", now)
        elif finished:
            text, self._text = self._text, ""
            session.receive_text(text, now)


def _status_of(error: Exception) -> int:
    hint = error.event_hint if isinstance(error, RemoteProtocolError) else None
    return hint.status_code if isinstance(hint, RejectConnection) else 400
