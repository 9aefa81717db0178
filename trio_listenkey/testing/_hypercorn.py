"""The HTTP server: a Hypercorn for each connection.

Hypercorn is made to serve many connections, but an error in its handling of one ends them all: with 0.18, three in a
hundred hostile connections do it, and so may a client that leaves in the middle of a long answer. With a server to
itself a connection can break nothing but itself. It costs half a millisecond and 25 KiB.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from importlib import import_module
from typing import Any

import trio

__all__ = ["with_hypercorn"]

# Seconds of real time within which Hypercorn has to end when its connection has ended. It does so at once.
_GRACE = 0.5


async def with_hypercorn(
    app: Callable[..., Awaitable[None]], use: Callable[[trio.SocketStream], Awaitable[None]]
) -> None:
    """Call ``use`` with a connection to a Hypercorn that serves ``app``; it is cancelled if that breaks down."""
    server = _Hypercorn(app)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, nursery.cancel_scope)
        try:
            stream = await trio.open_tcp_stream(*server.address)
            with closing(stream.socket):
                await use(stream)
        finally:
            server.stop()


class _Hypercorn:
    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.address: tuple[str, int] = self._listening.getsockname()
        # Shielded: Hypercorn ends by itself when its connection has ended, and closes its sockets only then. It
        # cannot hang, as stop() is called in any case and sets a deadline.
        self._running = trio.CancelScope(shield=True)
        self._stopping = trio.Event()

    async def run(self, users: trio.CancelScope) -> None:
        serve: Any = import_module("hypercorn.trio").serve
        with self._running, suppress(Exception):
            await serve(self._app, self._config(), shutdown_trigger=self._stopping.wait)
        users.cancel()

    def stop(self) -> None:
        self._listening.close()
        self._stopping.set()
        self._running.deadline = trio.current_time() + 2 * _GRACE

    def _config(self) -> Any:
        config: Any = import_module("hypercorn.config").Config()
        # A duplicate, for Hypercorn closes what it is given.
        config.bind = [f"fd://{self._listening.dup().detach()}"]
        config.accesslog = config.errorlog = None
        # The exchange sends its own Date, by its own clock.
        config.include_date_header = config.include_server_header = False
        config.graceful_timeout = _GRACE
        # Hypercorn's five seconds would end the connection of a client that thinks between two requests.
        config.keep_alive_timeout = 75.0
        return config
