"""The exchange on a loopback port, over real HTTP: for clients that bring their own HTTP library, or language.

Hypercorn is the server; a :class:`Relay` before it does what HTTP cannot say, TLS included. Both are imported when
first used, as they come with the extra ``testing``.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import Any, Protocol, TypeVar

import trio

from .._errors import UsageError
from ._asgi import ExchangeApp
from ._exchange import Exchange
from ._relay import Relay

__all__ = ["ServedExchange", "serve_exchange"]

# Seconds that Hypercorn has for its connections when the relay has closed them all: they end at once.
_GRACE = 0.5


class _Movable(Protocol):
    def at(self, rest_url: str, stream_url: str) -> Any: ...


_V = TypeVar("_V", bound=_Movable)


class ServedExchange:
    """Where a served exchange is, and what time it has.

    Attributes:
        exchange: The exchange itself.
        rest_url: ``"http://127.0.0.1:PORT"``, or ``https``.
        stream_url: ``"ws://127.0.0.1:PORT"``, or ``wss``. The port is the same; no WebSocket is accepted yet.
        ca_pem: The certificate of the throw-away CA, for clients in other languages; ``None`` without TLS.
    """

    def __init__(self, exchange: Exchange, port: int, ca_pem: bytes | None, time_scale: float) -> None:
        secure = "" if ca_pem is None else "s"
        self.exchange = exchange
        self.rest_url = f"http{secure}://127.0.0.1:{port}"
        self.stream_url = f"ws{secure}://127.0.0.1:{port}"
        self.ca_pem = ca_pem
        self._time_scale = time_scale
        self._began = trio.current_time()
        # An exchange that has seen other times already goes on from there.
        self._zero = max(0.0, exchange.latest)

    def now(self) -> float:
        """The exchange's time: seconds since it was served, ``time_scale`` of them in a second of ours."""
        return self._zero + (trio.current_time() - self._began) * self._time_scale

    def ssl_context(self) -> ssl.SSLContext:
        """A client's TLS context that trusts this exchange and nobody else; a new one with each call.

        Raises:
            UsageError: The exchange is served without TLS.
        """
        if self.ca_pem is None:
            raise UsageError("this exchange is served without TLS", advice="Pass tls=True to serve_exchange")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.ca_pem.decode("ascii"))
        return context

    def venue_at(self, venue: _V) -> _V:
        """``venue`` with this exchange's address: ``venue.at(rest_url, stream_url)``."""
        moved: _V = venue.at(self.rest_url, self.stream_url)
        return moved


def serve_exchange(
    exchange: Exchange,
    *,
    port: int = 0,
    tls: bool = False,
    certificate_for: str = "127.0.0.1",
    time_scale: float = 1.0,
) -> AbstractAsyncContextManager[ServedExchange, None]:
    """Serve ``exchange`` on 127.0.0.1 for as long as the block lasts.

    The block's exception comes out as it was, never in a group. Leaving takes a moment, whatever requests hang.

    Args:
        exchange: What to serve. Its time is :meth:`ServedExchange.now` from now on, and its ``epoch``, if it has
            none, is set to the time of day.
        port: Where; 0 lets the system choose.
        tls: Whether to speak TLS, with a certificate of a throw-away CA.
        certificate_for: The host name or address in the certificate; another one shows who checks it.
        time_scale: How many of the exchange's seconds pass in one of ours. It holds for every duration that the
            exchange measures, and for ``Date``. What the exchange *says* is in its own seconds, too: a client that
            waits ``Retry-After`` on its own clock waits longer than it would have to.

    Raises:
        ImportError: The extra ``testing`` is not installed.
        UsageError: ``time_scale`` is not positive.
        OSError: The port is taken.
    """
    if not time_scale > 0:
        raise UsageError(f"time_scale={time_scale} lets no time pass", advice="Pass a positive number")
    return _serve(exchange, port, certificate_for if tls else None, time_scale)


@asynccontextmanager
async def _serve(
    exchange: Exchange, port: int, certificate_for: str | None, time_scale: float
) -> AsyncIterator[ServedExchange]:
    tls, ca_pem = (None, None) if certificate_for is None else _certify(certificate_for)
    with closing(_listen_in_the_clear()) as inner:
        relay = Relay(inner.getsockname()[1], tls, time_scale)
        (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
        served = ServedExchange(exchange, listener.socket.getsockname()[1], ca_pem, time_scale)
        if exchange.epoch is None:
            exchange.epoch = time.time() - served.now()
        app = ExchangeApp(exchange, relay, served.now, time_scale)
        server = _Server(app, relay, inner, listener)
        async with _beside(server):
            yield served
