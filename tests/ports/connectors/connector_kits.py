"""Every connector, made ready for the conformance tests in the same way, and what these tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from throwaway_tls import client_tls

from trio_listenkey.connectors import (
    Connection,
    Connector,
    SocketError,
    TrioWebSocketConnector,
    WebSocketConnector,
    WebSocketsTrioConnector,
)

__all__ = ["CONNECTORS", "Make", "receive", "refused", "why_over"]

Make = Callable[..., Connector]
"""Makes a connector that trusts the throw-away authority, unless it is told whom to trust or how to dial."""


def _trusting(kind: Callable[..., Connector]) -> Make:
    def make(**arguments: Any) -> Connector:
        return kind(**({} if "dial" in arguments else {"ssl_context": client_tls()}) | arguments)

    return make


CONNECTORS: dict[str, Make] = {
    "core": _trusting(WebSocketConnector),
    "trio-websocket": _trusting(TrioWebSocketConnector),
    "websockets-trio": _trusting(WebSocketsTrioConnector),
}


async def receive(connection: Connection, count: int) -> list[bytes]:
    """The next ``count`` messages, and no more."""
    messages: list[bytes] = []
    with trio.fail_after(5):
        while len(messages) < count:
            batch = await connection.receive()
            assert batch, "a receive that brings nothing waits"
            messages += batch
    assert len(messages) == count
    return messages


async def why_over(connection: Connection) -> SocketError:
    """The error that says that ``connection`` is over, which may not take long and comes again."""
    errors: list[SocketError] = []
    for _ in range(2):
        try:
            with trio.fail_after(2):
                await connection.receive()
        except SocketError as error:
            errors.append(error)
    first, again = errors
    assert (str(first), first.code) == (str(again), again.code)
    assert first is not again
    return first


async def refused(connector: Connector, url: str) -> SocketError:
    """The error with which connecting fails, alone and from nobody's handling."""
    with pytest.raises(SocketError) as caught, trio.fail_after(5):
        async with connector.connect(url):
            raise AssertionError("it was to be refused")
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value
