"""The extra ``proxy``: events through a SOCKS proxy."""

from __future__ import annotations

from functools import partial

import trio
from loopback import an_exchange

from trio_listenkey import Credentials, Gap, UserEvent, open_user_stream
from trio_listenkey.connectors import WebSocketConnector

asked_for: list[bytes] = []


async def socks(client: trio.SocketStream) -> None:
    await client.receive_some()
    await client.send_all(b"\x05\x00")  # no password
    asked_for.append(bytes(await client.receive_some()))
    server = await trio.open_tcp_stream("127.0.0.1", int.from_bytes(asked_for[0][8:]))
    async with server, trio.open_nursery() as nursery:
        await client.send_all(b"\x05\x00\x00\x01" + bytes(6))
        nursery.start_soon(relay, client, server)
        await relay(server, client)


async def relay(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    async for some in source:
        await sink.send_all(some)


async def main() -> None:
    async with an_exchange() as venue, trio.open_nursery() as nursery:
        (proxy,) = await nursery.start(partial(trio.serve_tcp, socks, 0, host="127.0.0.1"))
        connector = WebSocketConnector(proxy=f"socks5://127.0.0.1:{proxy.socket.getsockname()[1]}")
        async with open_user_stream(venue, Credentials("the-api-key-of-alice"), connector=connector) as stream:
            assert isinstance(await stream.receive(), Gap)  # as each stream begins
            assert isinstance(await stream.receive(), UserEvent)
        nursery.cancel_scope.cancel()


trio.run(main)
assert [each[:8] for each in asked_for] == [b"\x05\x01\x00\x01\x7f\x00\x00\x01"]  # connect to 127.0.0.1
