"""The extra ``redis``: a document that is read and swapped, on a server that does nothing else."""

from __future__ import annotations

from functools import partial

import hiredis
import trio

from trio_listenkey.sharing import RedisRegister

ANSWERS = {b"HELLO": b"%1\r\n+proto\r\n:3\r\n", b"HMGET": b"*2\r\n$1\r\n7\r\n$5\r\nalice\r\n", b"EVAL": b":1\r\n"}

asked: list[list[bytes]] = []


async def serve(client: trio.SocketStream) -> None:
    reader = hiredis.Reader()
    async for data in client:
        reader.feed(bytes(data))
        while (command := reader.gets()) is not False:
            asked.append(command)
            await client.send_all(ANSWERS[command[0]])


async def main() -> None:
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        register = RedisRegister(f"redis://127.0.0.1:{listener.socket.getsockname()[1]}")
        assert await register.read("name") == (b"alice", "7")
        assert await register.swap("name", "7", b"bob")
        await register.aclose()
        nursery.cancel_scope.cancel()


trio.run(main)
assert [command[0] for command in asked] == [b"HELLO", b"HMGET", b"EVAL"]
assert asked[2][4:7:2] == [b"7", b"bob"]
