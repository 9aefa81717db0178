"""What the servers of the tests have in common: a port on the loopback address, and a count of what happens there."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

__all__ = ["Listener", "listening", "reset", "secured"]


Converse = Callable[[trio.SocketStream], Awaitable[None]]
"""Speaks with one client. It may fail as a connection does that is over."""


@dataclass
class Listener:
    """What happened at one listener."""

    port: int = 0
    connections: int = 0
    """All that there ever were, TLS or not."""
    open: int = 0
    """Those that the client has not closed, or that a script is still at work on."""
    _happened: trio.Event = field(default_factory=trio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what happened here makes ``condition`` true; it is an error if that takes long."""
        with trio.fail_after(5):
            while not condition():
                await self._happened.wait()

    async def wait_all_closed(self) -> None:
        """Wait until there is no connection."""
        await self.until(lambda: not self.open)

    def happened(self) -> None:
        """Tell those who wait."""
        self._happened.set()
        self._happened = trio.Event()


@asynccontextmanager
async def listening(
    listener: Listener, converse: Callable[[trio.SocketStream], Awaitable[None]]
) -> AsyncIterator[None]:
    """Have ``converse`` speak with each client on a loopback port, which is at an end with the block.

    It may fail as a connection does that is over.
    """
    (tcp,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener.port = tcp.socket.getsockname()[1]

    async def handle(raw: trio.SocketStream) -> None:
        listener.connections += 1
        listener.open += 1
        try:
            await converse(raw)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away, or the script did away with it
        finally:
            raw.socket.close()
            listener.open -= 1
            listener.happened()

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handle, [tcp])
        yield
        nursery.cancel_scope.cancel()


def secured(raw: trio.SocketStream, tls: ssl.SSLContext | None) -> trio.abc.Stream:
    """The server's side of a connection, with TLS or without."""
    return raw if tls is None else trio.SSLStream(raw, tls, server_side=True, https_compatible=True)


def reset(raw: trio.SocketStream) -> None:
    """End the connection with a TCP reset."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.socket.close()
