"""A server that says what a test has it say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import hiredis
import trio

__all__ = ["OLD", "Scripted", "script"]

OLD = b"-ERR unknown command 'HELLO', with args beginning with: '3'\r\n"
"""What a server before version 6 says to HELLO."""

Reply = Callable[[list[str]], bytes | None]


@dataclass
class Scripted:
    """What came, and where it has to go."""

    port: int = 0
    connections: int = 0
    commands: list[list[str]] = field(default_factory=list)

    def url(self, login: str = "", end: str = "") -> str:
        return f"redis://{login}127.0.0.1:{self.port}{end}"


@asynccontextmanager
async def script(reply: Reply, *, delay: float = 0.0) -> AsyncIterator[Scripted]:
    """Answer each command with what ``reply`` returns for its words; close the connection where that is ``None``.

    Args:
        reply: What to say.
        delay: Seconds to think about it.
    """
    server = Scripted()

    async def serve(stream: trio.SocketStream) -> None:
        server.connections += 1
        reader = hiredis.Reader()
        async for data in stream:
            reader.feed(bytes(data))
            command: Any
            while (command := reader.gets()) is not False:
                words = [word.decode("latin-1") for word in command]
                server.commands.append(words)
                answer = reply(words)
                if answer is None:
                    return
                await trio.sleep(delay)
                await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, partial(_quietly, serve), 0, host="127.0.0.1"))
        server.port = listener.socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()


async def _quietly(serve: Callable[[trio.SocketStream], Any], stream: trio.SocketStream) -> None:
    try:
        async with stream:
            await serve(stream)
    except trio.BrokenResourceError:
        pass  # the client has gone
