"""The default connector: websockets' protocol, driven over a trio stream by the receiving task, without its own task.

A task that reads and a queue would cost more than the whole protocol does, and would run ahead of the receiver.
"""

from __future__ import annotations

import itertools
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, final

import trio
from trio.lowlevel import enable_ki_protection
from websockets.client import ClientProtocol
from websockets.protocol import OPEN

from ._base import Connection, Dial, SocketError
from ._dial import USER_AGENT, Address, Dials
from ._failures import settled, words
from ._frames import Inbox
from ._handshake import read_answer
from ._protocol import new_protocol, why_over
from ._wire import Wire

__all__ = ["WebSocketConnector"]

_ENDS: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class WebSocketConnector(Dials):
    """The default: the protocol of websockets, without its tasks and queues.

    Of the environment, only ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are used, if they are set. A text that is not valid
    UTF-8 is passed on unchanged: decoding it fails.

    Args:
        ssl_context: The TLS context; by default the system's trust store. A context that you pass decides by itself
            whether it verifies.
        proxy: URL of a proxy: ``http://`` or ``https://`` (CONNECT), ``socks5://``, or ``socks5h://`` if the proxy
            resolves the host's name; a user name and a password may be in it. SOCKS needs the extra ``proxy``.
        max_message: Bytes of one message that are accepted; a longer one ends the connection.
        local_address: Connect from this address of the machine, for an API key that is restricted to it; ``"0.0.0.0"``
            uses IPv4 only, ``"::"`` IPv6 only. Pass the same to the transport. Not with a proxy.
        dial: Opens the stream, TLS included, in place of the above; in tests, from ``connect_in_memory``.

    Raises:
        UsageError: An argument is wrong, or does not go with another.
        ModuleNotFoundError: The proxy takes python-socks, which is not installed.
    """

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        """Open a WebSocket to ``url`` for as long as the block.

        Raises:
            SocketError: It could not be opened.
        """
        return _Opening(self._dial, url, self._max_message)


@final
class _Opening(AbstractAsyncContextManager[Connection, None]):
    """A class, not a generator: contextlib's frames would be open to Ctrl-C between bytecodes."""

    _wire: Wire
    _connection: _Connection

    def __init__(self, dial: Dial, url: str, max_message: int) -> None:
        self._dial, self._url, self._max_message = dial, url, max_message

    @enable_ki_protection
    async def __aenter__(self) -> Connection:
        return await settled(self._open)

    @enable_ki_protection
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None and not self._connection.is_over:
            await self._wire.say_goodbye()  # noqa: ASYNC102 - bounded and shielded inside
        else:
            await self._wire.drop()  # noqa: ASYNC102 - it closes at once, even when cancelled

    async def _open(self) -> Connection:
        address = Address.of(self._url)
        self._wire = Wire(await self._dial(self._url))
        try:
            self._connection = await _shake_hands(self._wire, address, self._max_message)
        except BaseException:
            await self._wire.drop()  # noqa: ASYNC102 - it closes at once, even when cancelled
            raise
        return self._connection


async def _shake_hands(wire: Wire, address: Address, max_message: int) -> _Connection:
    protocol = new_protocol(address, max_message)
    request = protocol.connect()
    request.headers["User-Agent"] = USER_AGENT
    protocol.send_request(request)
    await wire.send(b"".join(protocol.data_to_send()))
    head, rest = await read_answer(wire.receive_some)
    protocol.receive_data(head)
    protocol.events_received()
    if protocol.state is not OPEN:
        raise SocketError("an answer to the handshake that is not a valid one")
    return _Connection(wire, protocol, Inbox(protocol, max_message), rest)


@final
class _Connection:
    """An open WebSocket."""

    def __init__(self, wire: Wire, protocol: ClientProtocol, inbox: Inbox, unread: bytes) -> None:
        self._wire = wire
        self._protocol = protocol
        self._inbox = inbox
        # What came with the answer to the handshake.
        self._unread = unread
        # By payload, the pings that wait, the oldest first.
        self._pings: dict[bytes, trio.Event] = {}
        self._numbers = itertools.count()
        # Why there is nothing more to read; the protocol does not know of it.
        self._broken: str | None = None
        # What the protocol has to say since the last time that anything was sent.
        self._unsent: list[bytes] = []

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._broken is not None or self._protocol.state is not OPEN

    async def receive(self) -> list[bytes]:
        """See the port."""
        await self._send()  # what ``receive_only`` has left to be sent
        while not self.is_over:
            if messages := await self._take():
                return messages
        await trio.lowlevel.checkpoint()
        for event in self._pings.values():
            event.set()
        raise self._why_over()

    async def receive_only(self) -> list[bytes]:
        """See the port."""
        while not (self.is_over or self._unsent or self._unread):
            try:
                data = await self._wire.receive_interruptibly()
            except _ENDS as error:
                self._note_broken(error)
                break
            if data is None:
                break
            messages = self._feed(data)
            self._acknowledge()
            if messages:
                return messages
        return []

    def interrupt(self) -> None:
        """See the port."""
        self._wire.interrupt()

    async def send(self, message: str) -> None:
        """See the port."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self.is_over:
            self._protocol.send_text(message.encode())
            await self._send()
        if self.is_over or self._wire.failure is not None:
            raise self._why_over()

    async def ping(self) -> None:
        """See the port."""
        if self.is_over:
            await trio.lowlevel.checkpoint()
            raise self._why_over()
        payload = next(self._numbers).to_bytes(8)
        event = self._pings[payload] = trio.Event()
        try:
            self._protocol.send_ping(payload)
            await self._send()
            if self._wire.failure is None:
                await event.wait()
            else:
                await trio.lowlevel.checkpoint()
            if payload in self._pings:
                raise self._why_over()
        finally:
            self._pings.pop(payload, None)

    async def _take(self) -> list[bytes]:
        """The messages of one read."""
        messages = self._feed(await self._read())
        await self._send()  # pongs, or the answer to a close frame
        # From here to the receiver nothing is awaited: who waits for a pong runs after the receiver has it all.
        self._acknowledge()
        return messages

    def _feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes; without any, nothing more will come."""
        if data:
            messages = self._inbox.feed(data)
        else:
            messages = []
            self._inbox.end()
        self._unsent += self._protocol.data_to_send()
        return messages

    async def _read(self) -> bytes:
        if self._unread:
            await trio.lowlevel.checkpoint()
            data, self._unread = self._unread, b""
            return data
        try:
            return await self._wire.receive_some()
        except _ENDS as error:
            self._note_broken(error)
            return b""

    def _note_broken(self, error: Exception) -> None:
        self._broken = self._wire.failure or words(error)

    async def _send(self) -> None:
        """Send what the protocol has to say; an empty piece means to close, which is done on leaving."""
        data = b"".join([*self._unsent, *self._protocol.data_to_send()])
        self._unsent.clear()
        if data:
            await self._wire.send(data)

    def _acknowledge(self) -> None:
        """A pong is an answer to all pings before its own, too: a server may answer the latest only."""
        for pong in self._inbox.pongs:
            while pong in self._pings:
                oldest = next(iter(self._pings))
                self._pings.pop(oldest).set()
        self._inbox.pongs.clear()

    def _why_over(self) -> SocketError:
        reason = self._broken or self._wire.failure
        return why_over(self._protocol) if reason is None else SocketError(reason)
