"""A tiny exchange on loopback, of nothing but the standard library and what the core brings along."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import trio
from websockets.trio.server import serve

from trio_listenkey import Venue, venues

__all__ = ["KEY", "an_exchange", "asked", "serve_keys"]

KEY = "key-of-alice"

asked: list[str] = []
"""The methods of the requests that came."""


class _Keys(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        asked.append(self.command)
        body = b'{"listenKey": "%s"}' % KEY.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - so they are called there

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called there
        pass


@asynccontextmanager
async def serve_keys() -> AsyncIterator[str]:
    """Give keys away at this URL for as long as the block."""
    with HTTPServer(("127.0.0.1", 0), _Keys) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def an_exchange() -> AsyncIterator[Venue]:
    """Give keys away, and send one event to whoever connects with one."""

    async def send_one_event(socket: Any) -> None:
        assert socket.request.path == f"/ws/{KEY}"
        await socket.send('{"e": "executionReport", "E": 1}')
        await socket.wait_closed()

    async with serve_keys() as rest_url, trio.open_nursery() as nursery:
        server: Any = await nursery.start(partial(serve, send_one_event, 0, host="127.0.0.1"))
        port = server.listeners[0].socket.getsockname()[1]
        yield venues.BINANCE_US.at(rest_url, f"ws://127.0.0.1:{port}")
        nursery.cancel_scope.cancel()
