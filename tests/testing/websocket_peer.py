"""A WebSocket client that is nothing but wsproto on a stream: what it gets is what was on the wire."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from asking import API_KEY
from plain_socket import connected
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

from trio_listenkey.testing import Dialect, Exchange, ServedExchange, connect_in_memory, event_number

EPOCH = 1_793_491_200.0
"""2026-11-01 00:00 UTC: the exchange's day here, so that its times can be told in advance."""


def open_exchange(**kwargs: Any) -> Exchange:
    exchange = Exchange(**{"epoch": EPOCH, **kwargs})
    exchange.add_account(API_KEY, name="alice")
    return exchange


def new_key(exchange: Exchange, dialect: Dialect, now: float) -> str:
    """A key of alice, in place of any that she has there."""
    return exchange.replace_key("alice", now, dialect=dialect)


@dataclass
class Peer:
    """One client. Everything that came is in :attr:`got`: texts as JSON, other events as they are, then the end."""

    stream: trio.abc.Stream
    answers_pings: bool = True
    got: deque[Any] = field(default_factory=deque)
    status: int | None = None

    def __post_init__(self) -> None:
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.body = b""
        self._text = ""

    async def shake_hands(self, target: str, patience: float = 5.0) -> int | None:
        """The status of the answer; ``None`` if there was none, in which case :attr:`got` says why."""
        await self.send(Request(host="exchange.test", target=target))
        await self._read(patience, lambda: self.status == 101 or self._over)
        return self.status

    async def send(self, event: Event) -> None:
        await self.stream.send_all(self.ws.send(event))

    async def say(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        await self.send(TextMessage(text))

    async def next(self, *, patience: float = 5.0) -> Any:
        """What comes next; ``"silence"`` if that is nothing."""
        await self._read(patience, lambda: bool(self.got))
        return self.got.popleft() if self.got else "silence"

    async def numbers(self, *, patience: float = 0.1) -> list[int]:
        """The numbers of all account events that come."""
        await self._read(patience, lambda: self._over)
        texts = [each.get("data", each) for each in self.got if isinstance(each, dict)]
        self.got.clear()
        return [event_number(each) for each in texts if each.get("e") not in {"listenKeyExpired", "serverShutdown"}]

    @property
    def _over(self) -> bool:
        return bool(self.got) and self.got[-1] in ("end", "reset")

    async def _read(self, patience: float, enough: Callable[[], bool]) -> None:
        with trio.move_on_after(patience):
            while not enough():
                try:
                    data = await self.stream.receive_some()
                except trio.BrokenResourceError:
                    self.got.append("reset")
                    return
                if not data:
                    self.got.append("end")
                    return
                await self._take(bytes(data))

    async def _take(self, data: bytes) -> None:
        try:
            self.ws.receive_data(data)
        except Exception as error:
            self.got.append(("no WebSocket", data, type(error)))
            return
        for event in self.ws.events():
            match event:
                case AcceptConnection():
                    self.status = 101
                case RejectConnection(status_code=status):
                    self.status = status
                case RejectData(data=piece):
                    self.body += piece
                case TextMessage(data=text, message_finished=finished):
                    self._text += text
                    if finished:
                        self.got.append(json.loads(self._text))
                        self._text = ""
                case Ping():
                    self.got.append(event)
                    if self.answers_pings:
                        await self.send(event.response())
                case _:
                    self.got.append(event)


@asynccontextmanager
async def in_memory(exchange: Exchange) -> AsyncIterator[trio.abc.Stream]:
    stream = connect_in_memory(exchange)
    try:
        yield stream
    finally:
        await stream.aclose()


@asynccontextmanager
async def joined(
    exchange: Exchange | ServedExchange, target: str, *, answers_pings: bool = True, patience: float = 5.0
) -> AsyncIterator[Peer]:
    """A client whose handshake succeeded, in memory or on loopback."""
    opening = connected(exchange) if isinstance(exchange, ServedExchange) else in_memory(exchange)
    async with opening as stream:
        peer = Peer(stream, answers_pings=answers_pings)
        assert await peer.shake_hands(target, patience) == 101
        yield peer


async def shake(exchange: Exchange | ServedExchange, target: str, *, patience: float = 5.0) -> Peer:
    """A client that is gone by now, whatever it got for its handshake."""
    opening = connected(exchange) if isinstance(exchange, ServedExchange) else in_memory(exchange)
    async with opening as stream:
        peer = Peer(stream)
        await peer.shake_hands(target, patience)
        return peer


def closed(event: Any) -> tuple[int, str | None]:
    assert isinstance(event, CloseConnection), event
    return event.code, event.reason
