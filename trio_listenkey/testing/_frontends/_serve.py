"""The exchange on a loopback port, over real HTTP: for clients that bring their own HTTP library, or language.

Each connection is an :class:`HTTPServer`'s, which hands it over to a :class:`WebSocketServer` after a handshake. h11,
wsproto and trustme come with the extra ``testing`` and are imported when first used.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeVar

import trio

from ..._errors import UsageError
from .._exchange import Exchange
from ._listening import listen, listening, reset, url_host

__all__ = ["ServedExchange", "serve_exchange"]

# Seconds of real time within which a client must have done its TLS handshake.
_HANDSHAKE = 10.0


class _Movable(Protocol):
    def at(self, rest_url: str, stream_url: str) -> Any: ...


_V = TypeVar("_V", bound=_Movable)


class ServedExchange:
    """Where a served exchange is, and what time it has.

    Attributes:
        exchange: The exchange itself.
        host: The address that it listens at.
        rest_url: ``"http://127.0.0.1:PORT"``, or ``https``, or another address.
        stream_url: ``"ws://127.0.0.1:PORT"``, or ``wss``. The port is the same.
        ca_pem: The certificate of the throw-away CA, for clients in other languages; ``None`` without TLS.
        time_scale: How many of the exchange's seconds pass in one of ours.
    """

    def __init__(self, exchange: Exchange, host: str, port: int, ca_pem: bytes | None, time_scale: float) -> None:
        secure = "" if ca_pem is None else "s"
        self.exchange = exchange
        self.host: str = host
        self.rest_url: str = f"http{secure}://{url_host(host)}:{port}"
        self.stream_url: str = f"ws{secure}://{url_host(host)}:{port}"
        self.ca_pem = ca_pem
        self.time_scale = time_scale
        self._began = trio.current_time()
        # An exchange that has seen other times already goes on from there.
        self._zero = max(0.0, exchange.latest)

    def now(self) -> float:
        """The exchange's time: seconds since it was served, ``time_scale`` of them in a second of ours."""
        return self._zero + (trio.current_time() - self._began) * self.time_scale

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
    host: str = "127.0.0.1",
    port: int = 0,
    tls: bool = False,
    certificate_for: str = "127.0.0.1",
    time_scale: float = 1.0,
) -> AbstractAsyncContextManager[ServedExchange]:
    """Serve ``exchange`` for as long as the block lasts.

    The block's exception comes out as it was, never in a group. Leaving takes a moment, whatever requests hang.

    Args:
        exchange: What to serve. Its time is :meth:`ServedExchange.now` from now on, and its ``epoch``, if it has
            none, is set to the time of day.
        host: The address to listen at; ``"0.0.0.0"`` for other machines and containers, too. **Anyone who reaches it
            can use it**: it has no secret that is worth anything, and so protects none.
        port: Where; 0 lets the system choose.
        tls: Whether to speak TLS, with a certificate of a throw-away CA.
        certificate_for: The host name or address in the certificate; another one shows who checks it.
        time_scale: How many of the exchange's seconds pass in one of ours. It holds for every duration that the
            exchange measures, and for ``Date``. What the exchange *says* is in its own seconds, too: a client that
            waits ``Retry-After`` on its own clock waits longer than it would have to.

    Raises:
        ImportError: The extra ``testing`` is not installed.
        UsageError: ``time_scale`` is not positive.
        OSError: The port is taken, or the address none of this machine's.
    """
    if not time_scale > 0:
        raise UsageError(f"time_scale={time_scale} lets no time pass", advice="Pass a positive number")
    try:
        import_module("h11")
        import_module("wsproto")
        tls_context, ca_pem = _certify(certificate_for) if tls else (None, None)
    except ImportError as error:
        raise ImportError("to serve an exchange, run: pip install 'trio-listenkey[testing]'") from error
    return _serve(exchange, host, port, tls_context, ca_pem, time_scale)


def _certify(name: str) -> tuple[ssl.SSLContext, bytes]:
    """A server's TLS context with a certificate for ``name``, and the CA that signed it, which is then forgotten."""
    import trustme  # noqa: PLC0415 - only who speaks TLS needs it

    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context, ca.cert_pem.bytes()


@asynccontextmanager
async def _serve(
    exchange: Exchange, host: str, port: int, tls: ssl.SSLContext | None, ca_pem: bytes | None, time_scale: float
) -> AsyncIterator[ServedExchange]:
    listener = await listen(host, port)
    served = ServedExchange(exchange, host, listener.socket.getsockname()[1], ca_pem, time_scale)
    if exchange.epoch is None:
        exchange.epoch = time.time() - served.now()
    async with listening(listener, partial(_serve_client, served, tls)):
        yield served


async def _serve_client(served: ServedExchange, tls: ssl.SSLContext | None, wire: trio.SocketStream) -> None:
    """Serve one client until either side is done."""
    from ._http_server import HTTPServer  # noqa: PLC0415 - h11 and wsproto come with the extra
    from ._ws_server import WebSocketServer  # noqa: PLC0415

    exchange, now, time_scale = served.exchange, served.now, served.time_scale
    client = wire if tls is None else await _over_tls(wire, tls)
    server = HTTPServer(
        client, partial(reset, wire), lambda request: exchange.handle(request, now()), time_scale=time_scale
    )
    handshake = await server.serve()
    if handshake is not None:
        await WebSocketServer(client, partial(reset, wire), exchange, now, time_scale).accept(handshake)


async def _over_tls(wire: trio.SocketStream, context: ssl.SSLContext) -> trio.abc.Stream:
    client = trio.SSLStream(wire, context, server_side=True, https_compatible=True)
    with trio.move_on_after(_HANDSHAKE) as limit:
        await client.do_handshake()
    if limit.cancelled_caught:
        raise trio.BrokenResourceError
    return client
