"""Ways through a proxy.

HTTP's is a request and the head of an answer. python-socks does SOCKS, and not this one: it takes what one read
brings for the whole answer to a CONNECT.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import unquote

import trio

from .._errors import UsageError
from .._http import DEFAULT_PORTS
from ._base import SocketError
from ._handshake import read_head, status_of

__all__ = ["Proxy", "http_tunnel", "import_socks", "socks_tunnel"]

_URL = re.compile(
    r"(?P<scheme>https?|socks5h?)://(?:(?P<user>[^\s:@/]+):(?P<password>[^\s:@/]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_PORTS = DEFAULT_PORTS | {"socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, repr=False)
class Proxy:
    """Where a proxy is. There is no ``repr``, for there may be a password in it."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None

    @classmethod
    def of(cls, url: str) -> Proxy:
        """Read ``url``.

        Raises:
            UsageError: It is not the URL of a proxy.
        """
        match = _URL.fullmatch(url)
        port = int(match["port"] or _PORTS[match["scheme"]]) if match else 0
        if match is None or not 0 < port < 65536:
            raise UsageError(
                "proxy is not the URL of a proxy",  # and is not shown, for there may be a password in it
                advice="Pass http, https, socks5 or socks5h, ://, perhaps user:password@, and host:port",
            )
        user, password = (None if part is None else unquote(part) for part in match.group("user", "password"))
        return cls(match["scheme"], match["host"].strip("[]"), port, user, password)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS5, and not HTTP."""
        return self.scheme.startswith("socks")


async def http_tunnel(stream: trio.abc.Stream, proxy: Proxy, host: str, port: int) -> None:
    """Have the HTTP proxy at the other end of ``stream`` connect it; it is closed if that cannot be had.

    Raises:
        SocketError: The proxy refused.
    """
    try:
        await _ask(stream, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise


async def _ask(stream: trio.abc.Stream, proxy: Proxy, place: str) -> None:
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.user is not None:
        lines.append(f"Proxy-Authorization: Basic {b64encode(f'{proxy.user}:{proxy.password}'.encode()).decode()}")
    await stream.send_all("\r\n".join([*lines, "", ""]).encode())
    head, _ = await read_head(stream.receive_some)  # and no more: whom the proxy connects waits to be spoken to
    status = status_of(head)
    if not 200 <= status < 300:
        raise SocketError(f"the proxy refused to connect: HTTP {status}")


async def socks_tunnel(proxy: Proxy, host: str, port: int) -> trio.SocketStream:
    """Connect through a SOCKS5 proxy."""
    socks, v2 = import_socks()
    client = v2.Proxy(
        socks.ProxyType.SOCKS5, proxy.host, proxy.port, proxy.user, proxy.password, rdns=proxy.scheme == "socks5h"
    )
    # Without a limit of its own: the time is our caller's to give.
    tunnel = await client.connect(host, port, timeout=float("inf"))
    stream: trio.SocketStream = tunnel.trio_stream
    return stream


def import_socks() -> tuple[Any, Any]:
    """Import what python-socks has for trio.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        return import_module("python_socks"), import_module("python_socks.async_.trio.v2")
    except ModuleNotFoundError as error:
        if error.name != "python_socks":
            raise  # it is there, and lacks something: its own message names it
    raise ModuleNotFoundError(
        "a SOCKS proxy needs python-socks: pip install 'trio-listenkey[proxy]'", name="python_socks"
    )
