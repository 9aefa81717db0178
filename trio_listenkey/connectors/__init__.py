"""Connectors: the default one, and adapters for WebSocket libraries that you may know already.

A connector opens the sockets::

    connector = WebSocketConnector()
    async with connector.connect(url) as connection:
        while True:
            for message in await connection.receive():
                print(message)

Importing this module imports no WebSocket library; an adapter imports its own when its name is first used.

::

    _base             the port and its contract
    _websockets_core  the default: the sans-I/O core of websockets over a trio stream
    _trio_websocket   for trio-websocket
    _websockets_trio  for websockets.trio
    _hosted           a library that wants a nursery and a stream of its own
    _dial             names, TCP, TLS
    _tcp              a TCP stream that is read at little cost
    _tls              TLS, likewise
    _proxy            HTTP and SOCKS proxies
    _handshake        the answer to a handshake
    _frames           reads frames fast
    _protocol         settings of websockets' core
    _wire             a trio stream that can be dropped
    _failures         what went wrong, in words without secrets
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._base import MAX_MESSAGE, Connection, Connector, SocketError

if TYPE_CHECKING:
    from ._trio_websocket import TrioWebSocketConnector
    from ._websockets_core import WebSocketConnector
    from ._websockets_trio import WebSocketsTrioConnector
else:
    # Hidden from type checkers: a __getattr__ here would mean to them that every name exists.
    def __getattr__(name: str) -> Any:
        """Import an adapter when its name is first used."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            adapter = globals()[name] = getattr(import_module(_HOME[name], __name__), name)
        except ModuleNotFoundError as error:
            if error.name != "trio_websocket":
                raise  # the only library here that is an extra; if it lacks something, its own message names it
            wanted = "pip install 'trio-listenkey[trio-websocket]'"
            raise ModuleNotFoundError(f"{name} needs trio-websocket: {wanted}", name=error.name) from None
        adapter.__module__ = __name__  # where users find it; see the package's own __init__
        return adapter


__all__ = [
    "MAX_MESSAGE",
    "Connection",
    "Connector",
    "SocketError",
    "TrioWebSocketConnector",
    "WebSocketConnector",
    "WebSocketsTrioConnector",
]

_HOME = {
    "TrioWebSocketConnector": "._trio_websocket",
    "WebSocketConnector": "._websockets_core",
    "WebSocketsTrioConnector": "._websockets_trio",
}


for _word in (Connection, Connector, SocketError):
    _word.__module__ = __name__
del _word


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
