"""Every connector, made ready for the conformance tests in the same way, and what these tests share."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import pytest
import trio
import trustme

from trio_listenkey.connectors import (
    Connection,
    Connector,
    SocketError,
    TrioWebSocketConnector,
    WebSocketConnector,
    WebSocketsTrioConnector,
)

__all__ = [
    "CONNECTORS",
    "CancelAtStep",
    "Make",
    "at_step",
    "authority_pem",
    "client_tls",
    "receive",
    "refused",
    "server_tls",
    "why_over",
]

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


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def server_tls(host: str = "localhost") -> ssl.SSLContext:
    """For a server that is called ``host``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(host).configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


@cache
def client_tls() -> ssl.SSLContext:
    """For a client that trusts the servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _authority().configure_trust(context)
    return context


def authority_pem() -> bytes:
    """The authority's certificate."""
    return bytes(_authority().cert_pem.bytes())


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


class CancelAtStep(trio.abc.Instrument):
    """Calls ``act`` after the given step of a task or of its descendants.

    A step ends where its task is suspended, so that all steps together are all moments at which a cancellation
    can come.
    """

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.step = step
        self.act = act
        self.root = trio.lowlevel.current_task()
        self.count = 0
        self.acted = False

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._descends(task):
            if self.count == self.step:
                self.acted = True
                self.act()
            self.count += 1

    def _descends(self, task: trio.lowlevel.Task | None) -> bool:
        while task is not None and task is not self.root:
            task = task.parent_nursery.parent_task if task.parent_nursery else None
        return task is self.root


async def at_step(step: int, act: Callable[[], None], work: Callable[[], Awaitable[None]]) -> bool:
    """Do ``work``, and ``act`` after the given step of it; whether there were so many."""
    instrument = CancelAtStep(step, act)
    trio.lowlevel.add_instrument(instrument)
    try:
        await work()
    finally:
        trio.lowlevel.remove_instrument(instrument)
    return instrument.acted
