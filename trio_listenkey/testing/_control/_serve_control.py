"""The control API on a port of its own, so that the exchange's paths stay the real one's."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import trio

from ..._http import Request
from .._faults._effects import JSON_TYPE
from .._frontends._listening import listen, listening, reset, url_host
from .._frontends._serve import ServedExchange
from .._state._reply import Reply
from ._control import MAX_COMMAND, Control

__all__ = ["ServedControl", "serve_control"]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ServedControl:
    """Where a control API is.

    Attributes:
        url: ``"http://127.0.0.1:PORT"``, or another address.
        control: What it does.
    """

    def __init__(self, url: str, control: Control) -> None:
        self.url = url
        self.control = control


@asynccontextmanager
async def serve_control(
    served: ServedExchange, *, port: int = 0, shut_down: Callable[[], None] | None = None
) -> AsyncIterator[ServedControl]:
    """Serve commands to an exchange for as long as the block lasts, at the exchange's own address: HTTP and JSON.

    ::

        async with serve_exchange(exchange) as served, serve_control(served) as control:
            print(control.url)

    Anyone who can connect to it can control the exchange. Web pages cannot, not even those that have their name
    resolved to this machine.

    The block's exception comes out as it was, never in a group.

    Args:
        served: The exchange.
        port: Where; 0 lets the system choose.
        shut_down: Called by ``POST /shutdown``. Without it there is no such command.

    Raises:
        OSError: The port is taken.
    """
    listener = await listen(served.host, port)
    url = f"http://{url_host(served.host)}:{listener.socket.getsockname()[1]}"
    urls = {"rest": served.rest_url, "websocket": served.stream_url, "control": url}
    control = Control(served.exchange, urls=urls, shut_down=shut_down)
    from .._frontends._http_server import HTTPServer  # noqa: PLC0415 - h11 comes with the extra, as it did for the exchange

    async def serve(client: trio.SocketStream) -> None:
        answer = partial(_carry_out, control, served.now, served.host in _LOOPBACK)
        server = HTTPServer(
            client, partial(reset, client), answer, max_body=MAX_COMMAND, too_long=_TOO_LONG, upgrades=False
        )
        await server.serve()

    async with listening(listener, serve):
        yield ServedControl(url, control)


def _carry_out(control: Control, now: Callable[[], float], local: bool, request: Request) -> Reply:
    """Carry a command to the control, and its answer back; ``local`` is whether this machine alone can be asking."""
    if not _is_program(request.headers, local=local):
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


def _is_program(headers: Iterable[tuple[str, str]], *, local: bool) -> bool:
    """Whether this comes from a program, and not from a web page that may have had its name resolved to this machine.

    Where other machines may ask, they do it by address, or by a name without dots, as containers have. No stranger owns
    such a name. And no page but one of this machine's own may ask at all.
    """
    for name, value in headers:
        host = _host_in(value) if name.lower() in {"host", "origin"} else "localhost"
        if host in _LOOPBACK:
            continue
        if local or host is None or name.lower() == "origin" or ("." in host and not _is_address(host)):
            return False
    return True


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_in(value: str) -> str | None:
    try:
        return urlsplit(value if "://" in value else f"//{value}").hostname
    except ValueError:
        return None
