"""The exchange's sockets behind the connector port, without a network: for tests under a virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from ...connectors._base import Connection, SocketError
from .._exchange import Exchange
from ._memory_socket import connect_in_memory

if TYPE_CHECKING:
    from ...connectors import WebSocketConnector

__all__ = ["MemoryConnector"]


class MemoryConnector:
    """Implements the connector port on an :class:`Exchange` in the same process, by trio's clock.

    It is the default connector over :func:`connect_in_memory`: what goes to and fro is RFC 6455.

    Args:
        exchange: Who answers.
        latency: Seconds from the handshake until it is known here that the socket is open. What is sent on it
            meanwhile is there then.

    Attributes:
        reachable: Whether a connection can be had; a plain attribute. If not, connecting fails at once.
    """

    in_memory = True
    """What it goes to is not on the network: bans there are of no concern to other runs of this process."""

    def __init__(self, exchange: Exchange, *, latency: float = 0.0) -> None:
        self.reachable = True
        self._latency = latency
        self._exchange = exchange
        self._inner: WebSocketConnector | None = None

    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        """Open a WebSocket to the exchange; ``url`` says which path, the host in it does not matter."""
        if self._inner is None:
            from ...connectors import WebSocketConnector  # noqa: PLC0415 - only who opens sockets needs it

            self._inner = WebSocketConnector(dial=self._dial)
        return self._inner.connect(url) if self._latency == 0 else self._connect_late(self._inner.connect(url))

    @asynccontextmanager
    async def _connect_late(self, opening: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
        async with opening as connection:
            await trio.sleep(self._latency)
            yield connection

    async def _dial(self, _url: str) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        if not self.reachable:
            raise SocketError("connection refused")
        return connect_in_memory(self._exchange)
