"""A TCP stream that is read with one turn of trio's scheduler, and two calls of the system.

``trio.SocketStream`` reads first and waits if there is nothing: which there never is, where one event comes at a time.
Then the first attempt costs a call and an exception; and where there is something, trio lets another task run for it.
Here it is the other way round.
"""

from __future__ import annotations

import socket
from abc import abstractmethod
from contextlib import suppress

import trio

__all__ = ["InterruptedReadError", "InterruptibleStream", "TCPStream"]

_READ = 64 * 1024  # bytes


class InterruptedReadError(Exception):
    """Raised by ``receive_some`` where ``interrupt`` has ended it."""


class InterruptibleStream(trio.abc.Stream):
    """A stream on which another task can end a read."""

    @abstractmethod
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As of any stream, or :exc:`InterruptedReadError`."""

    @abstractmethod
    def interrupt(self) -> None:
        """End the ``receive_some`` that waits, if there is one, by :exc:`InterruptedReadError`."""


class TCPStream(InterruptibleStream):
    """Takes over the socket of ``stream``, which is of no use afterwards.

    Receiving waits, and then takes what there is, with nothing to wait for in between: cancelled, it has taken nothing.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._socket = socket.socket(fileno=stream.socket.detach())
        # Python gives each new socket object the process's default timeout (``socket.setdefaulttimeout``). With one, a
        # call waits for so long, and the whole loop with it.
        self._socket.setblocking(False)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As of any stream."""
        while True:
            self._raise_if_closed()
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except trio.ClosedResourceError:
                self._raise_if_closed()
                raise InterruptedReadError from None
            try:
                return self._socket.recv(max_bytes or _READ)
            except BlockingIOError:
                pass  # trio may wake a task for nothing
            except OSError as error:
                raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As of any stream."""
        await trio.lowlevel.checkpoint()
        rest = memoryview(data)
        while rest:
            self._raise_if_closed()
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                with suppress(trio.ClosedResourceError):  # it was closed, which is seen above, or ``interrupt`` called
                    await trio.lowlevel.wait_writable(self._socket)
            except OSError as error:
                raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    async def wait_send_all_might_not_block(self) -> None:
        """As of any stream."""
        self._raise_if_closed()
        await trio.lowlevel.wait_writable(self._socket)

    def interrupt(self) -> None:
        """See above. A cancel scope around each read would cost as much as all the rest of it.

        Trio is told that the socket will be closed, on which it wakes who waits; and those look whether it was.
        """
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)

    async def aclose(self) -> None:
        """Close it. Who waits for it is told."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
        await trio.lowlevel.checkpoint()

    def _raise_if_closed(self) -> None:
        if self._socket.fileno() < 0:
            raise trio.ClosedResourceError("this stream was closed")
