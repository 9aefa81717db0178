"""Small proxies on loopback: HTTP's CONNECT, in the clear and over TLS, and SOCKS5."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

__all__ = ["ProxyServer", "serve_proxy"]


@dataclass
class ProxyServer:
    """What happened at one proxy."""

    answer: bytes = b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n"
    """What CONNECT is answered with."""
    piece: int = 1000
    """In pieces of how many bytes."""
    hangs: bool = False
    credentials: tuple[str, str] | None = None
    port: int = 0
    open: int = 0
    asked_for: list[str] = field(default_factory=list)


@asynccontextmanager
async def serve_proxy(proxy: ProxyServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[ProxyServer]:
    """Run ``proxy`` as long as the block."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy.port = listener.socket.getsockname()[1]

    async def handle(raw: trio.SocketStream) -> None:
        proxy.open += 1
        stream: trio.abc.Stream = raw
        if tls is not None:
            stream = trio.SSLStream(raw, tls, server_side=True, https_compatible=True)
        try:
            first = bytes(await stream.receive_some(1))
            if first == b"\x05":
                await _socks(proxy, stream)
            elif first:
                await _connect(proxy, stream, first)
        except (trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
            pass
        finally:
            raw.socket.close()
            proxy.open -= 1

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handle, [listener])
        yield proxy
        nursery.cancel_scope.cancel()


async def _connect(proxy: ProxyServer, stream: trio.abc.Stream, head: bytes) -> None:
    while not head.endswith(b"\r\n\r\n"):
        head += await _exactly(stream, 1)
    lines = head.decode().split("\r\n")
    place = lines[0].removeprefix("CONNECT ").removesuffix(" HTTP/1.1")
    proxy.asked_for.append(place)
    assert f"Host: {place}" in lines
    if proxy.credentials is not None:
        wanted = b64encode(":".join(proxy.credentials).encode()).decode()
        if f"Proxy-Authorization: Basic {wanted}" not in lines:
            await stream.send_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\n")
            await _until_gone(stream)
    if proxy.hangs:
        await _until_gone(stream)
    for start in range(0, len(proxy.answer), proxy.piece):
        await stream.send_all(proxy.answer[start : start + proxy.piece])
        await trio.lowlevel.checkpoint()
    if b" 200 " not in proxy.answer[:20]:
        await _until_gone(stream)
    await _relay(stream, place)


async def _socks(proxy: ProxyServer, stream: trio.abc.Stream) -> None:
    methods = await _exactly(stream, (await _exactly(stream, 1))[0])
    if proxy.credentials is None:
        await stream.send_all(b"\x05\x00")
    else:
        if 2 not in methods:
            await stream.send_all(b"\x05\xff")
            return
        await stream.send_all(b"\x05\x02")
        assert await _exactly(stream, 1) == b"\x01"
        given = tuple([(await _exactly(stream, (await _exactly(stream, 1))[0])).decode() for _ in range(2)])
        await stream.send_all(b"\x01\x00" if given == proxy.credentials else b"\x01\x01")
    assert await _exactly(stream, 3) == b"\x05\x01\x00"
    if (await _exactly(stream, 1)) == b"\x01":
        host = ".".join(map(str, await _exactly(stream, 4)))
    else:
        host = (await _exactly(stream, (await _exactly(stream, 1))[0])).decode()
    place = f"{host}:{int.from_bytes(await _exactly(stream, 2))}"
    proxy.asked_for.append(place)
    if proxy.hangs:
        await _until_gone(stream)
    await stream.send_all(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    await _relay(stream, place)


async def _until_gone(stream: trio.abc.Stream) -> None:
    while await stream.receive_some():
        pass
    raise EOFError


async def _exactly(stream: trio.abc.Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


async def _relay(stream: trio.abc.Stream, place: str) -> None:
    host, _, port = place.rpartition(":")
    other = await trio.open_tcp_stream(host, int(port))

    async def pump(source: trio.abc.Stream, sink: trio.abc.Stream, scope: trio.CancelScope) -> None:
        try:
            async for data in source:
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump, stream, other, nursery.cancel_scope)
            nursery.start_soon(pump, other, stream, nursery.cancel_scope)
    finally:
        await trio.aclose_forcefully(other)
