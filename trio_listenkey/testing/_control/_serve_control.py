"""The control API on a loopback port of its own, so that the exchange's paths stay the real one's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import trio

from ..._http import Request
from .._faults._effects import JSON_TYPE
from .._frontends._listening import listening, reset
from .._frontends._serve import ServedExchange
from .._state._reply import Reply
from ._control import MAX_COMMAND, Control

__all__ = ["ServedControl", "serve_control"]

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
    from .._frontends._http_server import HTTPServer  # noqa: PLC0415 - h11 comes with the extra, as it did for the exchange

    async def serve(client: trio.SocketStream) -> None:
        answer = partial(_carry_out, control, served.now)
        server = HTTPServer(
            client, partial(reset, client), answer, max_body=MAX_COMMAND, too_long=_TOO_LONG, upgrades=False
        )
        await server.serve()

    async with listening(listener, serve):
        yield ServedControl(url, control)


def _carry_out(control: Control, now: Callable[[], float], request: Request) -> Reply:
    """Carry a command to the control, and its answer back."""
    if not _is_local(request.headers):
        return _as_json(403, {"error": "this is for programs on this machine", "advice": "Ask 127.0.0.1 or localhost"})
    if any(name.lower() == "upgrade" for name, _ in request.headers):
        return _as_json(403, {"error": "there is no WebSocket here", "advice": "Send HTTP requests"})
    return _as_json(*control.handle(request.method, _target(request.url), request.body, now()))


def _target(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its partner, and other ways to write no URL
        return url
    return f"{parts.path}?{parts.query}"


def _as_json(status: int, answer: Any) -> Reply:
    return Reply(status=status, headers=(JSON_TYPE,), body=json.dumps(answer, indent=2).encode() + b"\n")


_TOO_LONG = _as_json(413, {"error": f"the body has more than {MAX_COMMAND} bytes", "advice": "Send several"})


def _is_local(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether neither name nor origin is another machine's: a web page's that had its name resolved to this one."""
    told = [value for name, value in headers if name.lower() in {"host", "origin"}]
    return all(_host_in(value) in _LOOPBACK for value in told)


def _host_in(value: str) -> str | None:
    try:
        return urlsplit(value if "://" in value else f"//{value}").hostname
    except ValueError:
        return None
