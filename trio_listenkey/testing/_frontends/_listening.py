"""Serve every client of a listener for as long as a block lasts."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing

import trio

from ..._errors import UsageError

__all__ = ["WILDCARDS", "listen", "listening", "reset", "url_host"]

WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - a name for it
"""Addresses that stand for all of a machine's: one cannot connect to them, but to 127.0.0.1."""


# The ports that the system has chosen for this process so far. Clients remember for minutes or hours that an address
# has banned them, and a system gives a port again soon after it was closed: a new server would find them silent.
_chosen: set[int] = set()
_TRIES = 100


async def listen(host: str, port: int) -> trio.SocketListener:
    """Listen at one address: where a name has several, at the first.

    Args:
        host: The address, or a name.
        port: The port; 0 lets the system choose one that it has not chosen for this process before.

    Raises:
        OSError: The port is taken, or the address none of this machine's.
    """
    listener = await _listen(host, port)
    if port != 0:
        return listener
    # Left open until there is a new one, or the system would choose the same one again.
    used: list[trio.SocketListener] = []
    while (chosen := listener.socket.getsockname()[1]) in _chosen and len(used) < _TRIES:
        used.append(listener)
        listener = await _listen(host, 0)
    _chosen.add(chosen)
    for each in used:
        each.socket.close()
    return listener


async def _listen(host: str, port: int) -> trio.SocketListener:
    listener, *others = await trio.open_tcp_listeners(port, host=host)
    for other in others:
        other.socket.close()
    return listener


def url_host(host: str) -> str:
    """How a program on this machine reaches what listens at ``host``, as a URL has it."""
    if host in WILDCARDS:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


@asynccontextmanager
async def listening(
    listener: trio.SocketListener, serve: Callable[[trio.SocketStream], Awaitable[None]]
) -> AsyncIterator[None]:
    """Call ``serve`` for every client of ``listener``, and let the block's exception out as it was.

    No exception enters the nursery, so that none leaves it in a group: the block's is parked beside it, and the
    server raises none. The server is waited for inside, because Ctrl-C could come in the nursery's own wait.
    """
    parked: BaseException | None = None
    # Shielded: whoever is in the block may still need the server while it cleans up. It cannot hang: it is cancelled
    # when the block has ended.
    accepting = trio.CancelScope(shield=True)
    stopped = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_accept, listener, serve, accepting, stopped)
        try:
            try:
                yield
            finally:
                accepting.cancel()
                # Despite cancellation, or connections would be left to the garbage collector. It cannot hang: all
                # that serves a client is cancelled, and whatever that waits for then has a deadline of its own.
                with trio.CancelScope(shield=True):
                    await stopped.wait()
        except BaseException as error:  # noqa: ASYNC103, BLE001 - parked, not swallowed
            parked = error
    if parked is not None:
        raise parked


async def _accept(
    listener: trio.SocketListener,
    serve: Callable[[trio.SocketStream], Awaitable[None]],
    accepting: trio.CancelScope,
    stopped: trio.Event,
) -> None:
    async def serve_one(wire: trio.SocketStream) -> None:
        """Serve one client until either side is done. It never raises, whatever the client does."""
        try:
            with closing(wire.socket):
                await serve(wire)
        except* (OSError, trio.BrokenResourceError):
            # The client has gone, or its TLS handshake failed.
            pass
        except* UsageError:
            # The exchange was told a later time than ours. It breaks this connection, as it breaks a request.
            pass

    try:
        with accepting:
            await trio.serve_listeners(serve_one, [listener])
    finally:
        stopped.set()


def reset(wire: trio.SocketStream) -> None:
    """End a connection with RST."""
    # Closing with a linger time of zero sends RST. Windows has a shorter struct, and reads its part of this one.
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.socket.close()
