"""The exchange as an ASGI application: what HTTP can say. What it cannot is left to the relay."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio

from .._http import Request
from ..transports._base import MAX_BODY
from ._effects import Hang, Huge, html_page
from ._exchange import Exchange
from ._relay import Relay, Upgrade
from ._reply import Reply, from_status

__all__ = ["ExchangeApp"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PIECE = b"x" * 16_384


class ExchangeApp:
    """Carries the requests of one connection to the exchange, and its answers back.

    Args:
        exchange: Who answers.
        now: The exchange's clock.
        time_scale: How many of its seconds pass in one of ours.
        relay: Who does to the connection what HTTP cannot say.
    """

    def __init__(self, exchange: Exchange, now: Callable[[], float], time_scale: float, relay: Relay) -> None:
        self._exchange = exchange
        self._relay = relay
        self._now = now
        self._time_scale = time_scale

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            raise NotImplementedError("no lifespan events; the server goes on without them")

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        if scope["http_version"] == "1.1":
            # ASGI knows no pings, no resets and no half-open connections: from here on wsproto has the wire.
            self._relay.hand_over(_upgrade(scope))
            await receive()
        else:
            # Refused in so many words: Hypercorn breaks down over an application that merely raises.
            await send({"type": "websocket.close"})

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        if len(body) > MAX_BODY:
            reply = from_status(html_page(413, "413 Request Entity Too Large"))
        else:
            reply = self._exchange.handle(_request(scope, body), self._now())
        async with trio.open_nursery() as nursery:
            # Only ever entered round a wait of our own: cancelled inside Hypercorn's send, which tells the application
            # "http.disconnect" on its way to closing the connection, it would leave the connection open.
            client_waits = trio.CancelScope()
            nursery.start_soon(_watch, receive, client_waits)
            await self._answer(reply, send, client_waits)
            nursery.cancel_scope.cancel()

    async def _answer(self, reply: Reply, send: Send, client_waits: trio.CancelScope) -> None:
        wire = reply.wire
        with client_waits:
            await trio.sleep(math.inf if isinstance(wire, Hang) else reply.delay / self._time_scale)
        if client_waits.cancelled_caught:
            return
        if isinstance(wire, Huge):
            await _send_huge(reply, wire.size, send, client_waits)
        elif wire is None or isinstance(wire, Hang):
            await _send_all(reply, send)
        else:
            # The relay wants the whole answer, and knows its end by the end of the connection.
            self._relay.order = wire
            await _send_all(reply, send, close=True)


async def _read_body(receive: Receive) -> bytes | None:
    """The request's body, or what there is of it when it is too long; ``None`` if the client left."""
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            break
    return body


def _request(scope: Message, body: bytes) -> Request:
    path: str = scope["raw_path"].decode("latin-1")
    query: str = scope["query_string"].decode("latin-1")
    # A target is mostly a path; proxies are sent whole URLs, and OPTIONS may be sent a star.
    origin = "http://exchange" if path.startswith("/") else ""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Request(scope["method"], f"{origin}{path}?{query}", headers, body)


def _upgrade(scope: Message) -> Upgrade:
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    wanted = {b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version"}
    return Upgrade(target, [(name, value) for name, value in scope["headers"] if name in wanted])


async def _watch(receive: Receive, client_waits: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client_waits.cancel()


async def _send_all(reply: Reply, send: Send, *, close: bool = False) -> None:
    headers = [_encoded("Content-Length", str(len(reply.body)))]
    if close:
        headers.append(_encoded("Connection", "close"))
    await _send_head(reply, headers, send)
    await send({"type": "http.response.body", "body": reply.body})


async def _send_huge(reply: Reply, size: int | None, send: Send, client_waits: trio.CancelScope) -> None:
    headers = [] if size is None else [_encoded("Content-Length", str(size))]
    await _send_head(reply, headers, send)
    left = math.inf if size is None else size
    while left > 0:
        if client_waits.cancel_called:
            return
        piece = _PIECE[: int(min(left, len(_PIECE)))]
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        # Once the client has gone, Hypercorn takes everything at once and without a checkpoint.
        await trio.lowlevel.checkpoint()
    await send({"type": "http.response.body"})


async def _send_head(reply: Reply, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    told = [_encoded(name, value) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": told + headers})


def _encoded(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode("latin-1"), value.encode("latin-1")
