"""Every adapter, made ready for the conformance tests in the same way."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from throwaway_tls import client_tls

from trio_listenkey.transports import AsksTransport, HTTPCore2Transport, HTTPXTransport, Request, Transport

__all__ = ["API_KEY", "BODY", "KITS", "Kit", "post"]

API_KEY = "SECRET-API-KEY-0123456789"
BODY = b"listenKey=SECRET-LISTEN-KEY"

Opener = Callable[[ssl.SSLContext], AbstractAsyncContextManager[Transport]]


@dataclass(frozen=True)
class Kit:
    """One adapter, and what its library is not able to do."""

    name: str
    opener: Opener
    reads_everything: bool = True
    """Whether it reads every answer that is complete."""
    owns_connections: bool = True
    """Whether its ``aclose`` is to close the connections that are open."""

    @asynccontextmanager
    async def open(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Transport]:
        """The transport, which trusts the throw-away authority; closed with the block, and so is all it had."""
        async with self.opener(tls or client_tls()) as transport:
            try:
                yield transport
            finally:
                await transport.aclose()


def post(url: str, *, method: str = "POST", body: bytes = BODY) -> Request:
    """A request as the library sends it, with a secret in headers and body."""
    headers = [("X-MBX-APIKEY", API_KEY)]
    if body:
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return Request(method, url, tuple(headers), body)


@asynccontextmanager
async def _httpcore2(tls: ssl.SSLContext) -> AsyncIterator[Transport]:
    yield HTTPCore2Transport(ssl_context=tls)


@asynccontextmanager
async def _asks(tls: ssl.SSLContext) -> AsyncIterator[Transport]:
    yield AsksTransport(ssl_context=tls)


@asynccontextmanager
async def _asks_session(tls: ssl.SSLContext) -> AsyncIterator[Transport]:
    asks = pytest.importorskip("asks")
    session = asks.Session(connections=30, ssl_context=tls)
    yield AsksTransport(session)
    await session.close()


def _httpx(module: str) -> Opener:
    @asynccontextmanager
    async def opener(tls: ssl.SSLContext) -> AsyncIterator[Transport]:
        library = importlib.import_module(module)
        async with library.AsyncClient(verify=tls, trust_env=False) as client:
            yield HTTPXTransport(client)

    return opener


KITS = (
    Kit("httpcore2", _httpcore2),
    Kit("asks", _asks, reads_everything=False),
    Kit("asks-session", _asks_session, reads_everything=False),
    Kit("httpx2", _httpx("httpx2"), owns_connections=False),
    Kit("httpx", _httpx("httpx"), owns_connections=False),
)
