"""A WebSocket server that is nothing but bytes, and does to a connection what a test wants it to do."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1

import trio
from loopback_listener import Listener, listening, reset, secured

__all__ = ["CLOSE", "PING", "PONG", "Peer", "Server", "close", "frame", "serve"]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(payload: bytes = b"", opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = False) -> bytes:
    """A frame's bytes."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask | 126]) + len(payload).to_bytes(2)
    else:
        head += bytes([mask | 127]) + len(payload).to_bytes(8)
    return head + (bytes(4) if masked else b"") + payload


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame's bytes."""
    return frame(code.to_bytes(2) + reason, CLOSE)


@dataclass(kw_only=True)
class Server(Listener):
    """What happened at one listener."""

    scheme: str
    frames: list[tuple[int, bytes]] = field(default_factory=list)
    """Opcode and payload of all frames that clients sent."""
    ends: list[str] = field(default_factory=list)
    """How connections ended: ``"end"`` or ``"reset"``."""
    heads: list[bytes] = field(default_factory=list)
    """The requests."""

    def url(self, target: str = "/ws/key", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{target}"


class Peer:
    """One client, as a script sees it."""

    def __init__(self, stream: trio.abc.Stream, raw: trio.SocketStream, server: Server) -> None:
        self.stream = stream
        self.raw = raw
        self.server = server
        self._buffer = b""

    async def read_request(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += await self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        self.server.heads.append(head)
        self.server.happened()
        return head

    def acceptance(self) -> bytes:
        """The answer that a client wants."""
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", self.server.heads[-1])
        assert key is not None
        accept = b64encode(sha1(key[1] + _GUID, usedforsecurity=False).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    async def send(self, *pieces: bytes) -> None:
        await self.stream.send_all(b"".join(pieces))

    async def read_frame(self) -> tuple[int, bytes]:
        """The next frame of the client, which has to be masked."""
        header = await self._exactly(2)
        assert header[0] & 0x80
        assert header[1] & 0x80
        length = header[1] & 0x7F
        assert length < 126
        mask = await self._exactly(4)
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(await self._exactly(length)))
        self.server.frames.append((header[0] & 0x0F, payload))
        self.server.happened()
        return self.server.frames[-1]

    async def reset(self) -> None:
        """End the connection with a TCP reset."""
        reset(self.raw)
        await trio.lowlevel.checkpoint()

    async def hang_up(self) -> None:
        """End the connection in order, without a close frame."""
        self.raw.socket.close()
        await trio.lowlevel.checkpoint()

    async def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += await self._more()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    async def _more(self) -> bytes:
        data = await self.stream.receive_some()
        if not data:
            raise EOFError
        return bytes(data)


Script = Callable[[Peer], Awaitable[None]]
"""What to do with one client after its handshake. Then its frames are read until it goes away."""


async def silent(peer: Peer) -> None:
    """Say nothing."""


@asynccontextmanager
async def serve(
    script: Script = silent, tls: ssl.SSLContext | None = None, *, shakes: bool = True
) -> AsyncIterator[Server]:
    """Run a server on a loopback port, which is at an end with the block.

    Args:
        script: What to do with each client.
        tls: The server's side of TLS, or none.
        shakes: Whether clients are accepted before the script begins; else it begins after their request.
    """
    server = Server(scheme="wss" if tls else "ws")

    async def converse(raw: trio.SocketStream) -> None:
        peer = Peer(secured(raw, tls), raw, server)
        try:
            await peer.read_request()
            if shakes:
                await peer.send(peer.acceptance())
            await script(peer)
            while True:
                await peer.read_frame()
        except EOFError:
            server.ends.append("end")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            server.ends.append("reset")

    async with listening(server, converse):
        yield server
