"""Two ways to a connector of your own: another way to dial, and a wrapper."""

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import BinaryIO
from urllib.parse import urlsplit

import trio

from trio_listenkey.connectors import Connection, Connector, WebSocketConnector


def from_address(local_address: str) -> WebSocketConnector:
    """A connector that dials from the address that is on the API key's whitelist."""

    async def dial(url: str) -> trio.abc.Stream:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "wss"
        stream = await trio.open_tcp_stream(
            host, parts.port or (443 if secure else 80), local_address=local_address
        )
        if not secure:
            return stream
        return trio.SSLStream(
            stream,
            ssl.create_default_context(),
            server_hostname=host,
            https_compatible=True,
        )

    return WebSocketConnector(dial=dial)


class Recorder:
    """Writes every message to a file, one a line, before it is delivered."""

    def __init__(self, inner: Connector, file: BinaryIO) -> None:
        self._inner, self._file = inner, file

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[Connection, None]:
        """Open a socket whose messages are recorded."""
        async with self._inner.connect(url) as connection:
            yield _Recorded(connection, self._file)


class _Recorded:
    def __init__(self, inner: Connection, file: BinaryIO) -> None:
        self._inner, self._file = inner, file
        self.send, self.ping = inner.send, inner.ping

    async def receive(self) -> Sequence[bytes]:
        messages = await self._inner.receive()
        self._file.writelines(message + b"\n" for message in messages)
        return messages
