"""TLS over a stream that one task reads.

``trio.SSLStream`` lets any number of tasks read and send at once, which costs a lock, and with it a turn of trio's
scheduler, for each read; and what a read has to send, as the answer to a change of keys, it sends at once, so that one
that is cancelled may leave the stream broken. Here receiving never sends. What there is to send goes ahead of what is
sent next, and there it is due (RFC 8446, 4.6.3).
"""

from __future__ import annotations

import ssl

import trio

from ._tcp import InterruptibleStream

__all__ = ["TLSStream"]

_READ = 64 * 1024  # bytes


class TLSStream(InterruptibleStream):
    """TLS, as a client, over ``transport``. Nobody is trusted before :meth:`do_handshake` has returned.

    An end without TLS's own goodbye is an end: exchanges end sockets that way, and messages say how long they are. It
    is closed without one, too.

    Args:
        transport: What it is spoken over.
        context: Whom to trust.
        host: Whom the certificate has to name.
    """

    def __init__(self, transport: InterruptibleStream, context: ssl.SSLContext, host: str) -> None:
        self._transport = transport
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._failure: ssl.SSLError | None = None  # what comes after it cannot be read
        self._has_more = self._has_ended = False

    async def do_handshake(self) -> None:
        """Shake hands, and see whether the peer is who it should be.

        Raises:
            trio.BrokenResourceError: It is not, or the two cannot agree. Its cause says why.
        """
        is_done = False
        while not is_done:
            try:
                self._tls.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                await self._send_pending()
                received = await self._transport.receive_some(_READ)
                self._incoming.write(received)
                if not received:
                    self._incoming.write_eof()  # what that means is OpenSSL's to say
            except ssl.SSLError as error:
                raise trio.BrokenResourceError from error
        await self._send_pending()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As of any stream. Cancelled, it has lost nothing: what was received is there for the next call."""
        room = max_bytes or _READ
        if self._has_more or self._has_ended or self._failure is not None:
            await trio.lowlevel.checkpoint()
            if data := self._decrypt(room):
                return data
        while self._failure is None and not self._has_ended:
            received = await self._transport.receive_some(_READ)
            self._incoming.write(received)
            if not received:
                self._has_ended = True
            elif data := self._decrypt(room):
                return data
        if self._failure is not None:
            raise trio.BrokenResourceError from self._failure
        return b""

    def _decrypt(self, room: int) -> bytes:
        """All that is complete of what was received, up to ``room`` bytes. OpenSSL gives a record at a time.

        What is asked for when there is none is an exception, which costs more than all the rest. So it is asked for
        only while something is left.
        """
        pieces: list[bytes] = []
        try:
            while room:
                piece = self._tls.read(room)
                pieces.append(piece)
                room -= len(piece)
                if not piece:  # the peer has said goodbye
                    self._has_ended = True
                    break
                if not self._incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._failure = error
        self._has_more = not room
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As of any stream."""
        if data:  # to OpenSSL, nothing is something else
            try:
                self._tls.write(data)
            except ssl.SSLError as error:
                raise trio.BrokenResourceError from error
        await self._send_pending()

    async def _send_pending(self) -> None:
        await self._transport.send_all(self._outgoing.read())

    async def wait_send_all_might_not_block(self) -> None:
        """As of any stream."""
        await self._transport.wait_send_all_might_not_block()

    def interrupt(self) -> None:
        """As of the stream below."""
        self._transport.interrupt()

    async def aclose(self) -> None:
        """Close the stream below."""
        await self._transport.aclose()
