"""The control API on a loopback port of its own, so that the exchange's paths stay the real one's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import urlsplit

import trio

from ._control import MAX_COMMAND, Control
from ._hypercorn import with_hypercorn
from ._serve import ServedExchange

__all__ = ["ServedControl", "serve_control"]

_Message = MutableMapping[str, Any]
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ServedControl:
    """Where a control API is.

    Attributes:
        url: ``"http://127.0.0.1:PORT"``.
        control: What it does.
    """

    def __init__(self, url: str, control: Control) -> None:
        self.url = url
        self.control = control


@asynccontextmanager
async def serve_control(
    served: ServedExchange, *, port: int = 0, shut_down: Callable[[], None] | None = None
) -> AsyncIterator[ServedControl]:
    """Serve commands to an exchange on 127.0.0.1 for as long as the block lasts: HTTP and JSON.

    ::

        async with serve_exchange(exchange) as served, serve_control(served) as control:
            print(control.url)

    Whoever can connect to this machine's loopback can command the exchange. Web pages cannot, not even those that
    have their name resolved to this machine.

    The block's exception comes out as it was, never in a group.

    Args:
        served: The exchange.
        port: Where; 0 lets the system choose.
        shut_down: Called by ``POST /shutdown``. Without it there is no such command.

    Raises:
        OSError: The port is taken.
    """
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    urls = {"rest": served.rest_url, "websocket": served.stream_url, "control": url}
    control = Control(served.exchange, urls=urls, shut_down=shut_down)
    async with _running(listener, _ControlApp(control, served.now)):
        yield ServedControl(url, control)


@asynccontextmanager
async def _running(listener: trio.SocketListener, app: _ControlApp) -> AsyncIterator[None]:
    """Accept commands for as long as the block lasts, and let the block's exception out as it was.

    No exception enters the nursery, so that none leaves it in a group: the block's is parked beside it, and the
    server raises none. The server is waited for inside, because Ctrl-C could come in the nursery's own wait.
    """
    parked: BaseException | None = None
    accepting = trio.CancelScope(shield=True)
    stopped = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_accept, listener, app, accepting, stopped)
        try:
            try:
                yield
            finally:
                accepting.cancel()
                # Despite cancellation, or connections would be left to the garbage collector. It cannot hang: nothing
                # waits after this but each connection's Hypercorn, which has a deadline.
                with trio.CancelScope(shield=True):
                    await stopped.wait()
        except BaseException as error:  # noqa: ASYNC103, BLE001 - parked, not swallowed
            parked = error
    if parked is not None:
        raise parked


async def _accept(
    listener: trio.SocketListener, app: _ControlApp, accepting: trio.CancelScope, stopped: trio.Event
) -> None:
    async def serve(client: trio.SocketStream) -> None:
        try:
            with closing(client.socket):
                await with_hypercorn(app, lambda server: _relay(client, server))
        except* (OSError, trio.BrokenResourceError):
            # The client has gone, or the system has no more sockets for us.
            pass

    try:
        with accepting:
            await trio.serve_listeners(serve, [listener])
    finally:
        stopped.set()


async def _relay(client: trio.SocketStream, server: trio.SocketStream) -> None:
    """Pass bytes both ways until the server is done."""

    async def pass_commands() -> None:
        async for data in client:
            await server.send_all(data)
        await server.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_commands)
        async for data in server:
            await client.send_all(data)
        nursery.cancel_scope.cancel()


class _ControlApp:
    """Carries commands to the control, and its answers back."""

    def __init__(self, control: Control, now: Callable[[], float]) -> None:
        self._control = control
        self._now = now

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "websocket":
            # Refused in so many words: Hypercorn breaks down over an application that merely raises.
            await receive()
            await send({"type": "websocket.close"})
        elif scope["type"] != "http":
            raise NotImplementedError("no lifespan events; the server goes on without them")
        elif (body := await _read(receive)) is not None:
            status, answer = self._answer(scope, body)
            await _send(send, status, answer)

    def _answer(self, scope: _Message, body: bytes) -> tuple[int, Any]:
        if not _is_local(scope["headers"]):
            return 403, {"error": "this is for programs on this machine", "advice": "Ask 127.0.0.1 or localhost"}
        if len(body) > MAX_COMMAND:
            return 413, {"error": f"the body has more than {MAX_COMMAND} bytes", "advice": "Send several"}
        target = f"{scope['raw_path'].decode('latin-1')}?{scope['query_string'].decode('latin-1')}"
        return self._control.handle(scope["method"], target, body, self._now())


def _is_local(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether neither name nor origin is another machine's: a web page's that had its name resolved to this one."""
    told = [value.decode("latin-1") for name, value in headers if name.lower() in {b"host", b"origin"}]
    return all(_host_in(value) in _LOOPBACK for value in told)


def _host_in(value: str) -> str | None:
    try:
        return urlsplit(value if "://" in value else f"//{value}").hostname
    except ValueError:
        return None


async def _read(receive: Callable[[], Awaitable[_Message]]) -> bytes | None:
    """The body, or what there is of it when it is too long; ``None`` if the client left."""
    body = b""
    more = True
    while more and len(body) <= MAX_COMMAND:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        more = message["more_body"]
    return body


async def _send(send: Callable[[_Message], Awaitable[None]], status: int, answer: Any) -> None:
    body = json.dumps(answer, indent=2).encode() + b"\n"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 413:  # the rest of the body is still to come
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
