"""A program that computes, so that nobody reads: for a while, at a moment when that hurts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import trio

from trio_listenkey.connectors import Connection, Connector, SocketError

Moment = Literal["now", "connect", "101", "ping", "drop"]


class BusyConnector:
    """Hands everything on to another connector, and says at which moment the program is.

    Args:
        inner: What connects.
        reach: Called at each such moment; it may let time pass.
    """

    in_memory = True

    def __init__(self, inner: Connector, reach: Callable[[Moment], None]) -> None:
        self._inner, self.reach = inner, reach

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        self.reach("connect")
        async with self._inner.connect(url) as connection:
            self.reach("101")
            yield _BusyConnection(self, connection)


class _BusyConnection:
    def __init__(self, connector: BusyConnector, inner: Connection) -> None:
        self._reach, self._inner, self.send = connector.reach, inner, inner.send

    async def receive(self) -> Sequence[bytes]:
        try:
            return await self._inner.receive()
        except SocketError:
            self._reach("drop")
            raise

    async def ping(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._inner.ping)
            await trio.lowlevel.checkpoint()  # it is sent, or about to be
            self._reach("ping")
