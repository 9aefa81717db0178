"""The port through which every WebSocket is opened, and the contract of those who implement it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

import trio

from .._errors import TransportError

__all__ = ["MAX_MESSAGE", "Connection", "Connector", "Dial", "OpenToAll", "SocketError"]

MAX_MESSAGE = 1024 * 1024
"""Bytes of one message that a connector accepts by default. The longest events documented (an account's whole
balance sheet) have some ten thousand."""

Dial = Callable[[str], Awaitable[trio.abc.Stream]]
"""Opens the byte stream, TLS included, that the WebSocket to a URL runs over."""


class SocketError(TransportError):
    """A WebSocket could not be opened, or is over: part of the port's error contract.

    Args:
        reason: What happened, for people to read; without secrets, and so without the URL.
        status: The HTTP status of a handshake that was refused.
        retry_after: Seconds of the ``Retry-After`` of a refused handshake.
        code: The code of the peer's close frame (RFC 6455, 7.4): 1001 is "going away", 1005 that there was no code;
            ``None`` where it was not the peer who closed.
        untrusted: ``True`` if the peer's TLS certificate was refused.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        code: int | None = None,
        untrusted: bool = False,
    ) -> None:
        super().__init__(reason, untrusted=untrusted)
        self.status = status
        self.retry_after = retry_after
        self.code = code


@runtime_checkable
class Connection(Protocol):
    """An open WebSocket.

    Messages to send are small, and are sent completely: if the peer does not read for 0.4 s, the connection ends,
    because a frame cannot be sent in part. Cancellation waits for that.
    """

    async def receive(self) -> Sequence[bytes]:
        """Wait for messages, and return all that are there, in order: at least one, text and binary alike.

        Cancelled, it has lost nothing. A text that is not valid UTF-8 is returned as it came, or ends the connection.

        Raises:
            SocketError: The connection is over, and every message before its end was returned.
        """
        ...

    async def send(self, message: str) -> None:
        """Send a text.

        Raises:
            SocketError: The connection is over.
        """
        ...

    async def ping(self) -> None:
        """Send a ping, and wait for its pong.

        Pongs are seen only while another task is in :meth:`receive`. When this returns, that task has been given
        every message that came before the pong: so a ping shows that no earlier message is still to come. The
        pong of a later ping counts, too. If cancelled, it leaves nothing behind.

        Raises:
            SocketError: The connection is over.
        """
        ...


@runtime_checkable
class OpenToAll(Connection, Protocol):
    """A connection that the user's own task may read from, for which no other task has to be scheduled.

    Having these two methods is left to each connector. Without them everything is as it is with them, and costs more.
    """

    async def receive_only(self) -> Sequence[bytes]:
        """As ``receive``, for whoever comes by, one at a time. It sends nothing, and what it raises is a cancellation.

        It returns nothing where :meth:`receive` is wanted: there is something to send, the connection is over, or
        :meth:`interrupt` was called.
        """
        ...

    def interrupt(self) -> None:
        """Have the :meth:`receive_only` that is under way return, if there is one."""
        ...


@runtime_checkable
class Connector(Protocol):
    """Opens WebSockets. Anything with this method will do; the contract is what it must keep to.

    One conformance suite holds every adapter to it:

    * Entering the context connects, TLS and handshake included. Where that fails it raises :exc:`SocketError` and
      nothing else, and leaves nothing open. It sets itself no time limit: its caller brings a cancel scope.
    * Left normally, it sends a close frame, even in a cancelled scope, and does not wait for the answer. Left
      by an exception, it closes the connection at once, without another byte. Neither takes more than half a second,
      whatever the peer does.
    * An exception of the block passes through unchanged: the same object, in no group.
    * The peer's pings are answered while a task is in ``receive``.
    * A message of more bytes than it was told to accept ends the connection.
    * No redirect is followed, and no compression asked for. TLS is verified, host name included.
    * The URL has a listen key in it: it appears in no log record and in no exception, a dependency's included.
    * Several connections may be open at once.
    """

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        """Open a WebSocket to ``url`` for as long as the block.

        Raises:
            SocketError: It could not be opened.
        """
        ...
