"""The exchange on a loopback port, over real HTTP: for clients that bring their own HTTP library, or language.

Hypercorn is the HTTP server; a :class:`Relay` before it does what HTTP cannot say, and hands a WebSocket over to a
:class:`SocketLine`. Hypercorn, wsproto and trustme come with the extra ``testing`` and are imported when first used.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from importlib import import_module
from typing import Any, Protocol, TypeVar

import trio

from .._errors import UsageError
from ._asgi import ExchangeApp
from ._exchange import Exchange
from ._hypercorn import with_hypercorn
from ._relay import Relay

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
        rest_url: ``"http://127.0.0.1:PORT"``, or ``https``.
        stream_url: ``"ws://127.0.0.1:PORT"``, or ``wss``. The port is the same.
        ca_pem: The certificate of the throw-away CA, for clients in other languages; ``None`` without TLS.
    """

    def __init__(self, exchange: Exchange, port: int, ca_pem: bytes | None, time_scale: float) -> None:
        secure = "" if ca_pem is None else "s"
        self.exchange = exchange
        self.rest_url: str = f"http{secure}://127.0.0.1:{port}"
        self.stream_url: str = f"ws{secure}://127.0.0.1:{port}"
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
) -> AbstractAsyncContextManager[ServedExchange]:
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
    with _extra():
        import_module("hypercorn.trio")
        import_module("wsproto")
        tls_context, ca_pem = _certify(certificate_for) if tls else (None, None)
    return _serve(exchange, port, tls_context, ca_pem, time_scale)


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ImportError("to serve an exchange, run: pip install 'trio-listenkey[testing]'") from error


def _certify(name: str) -> tuple[ssl.SSLContext, bytes]:
    """A server's TLS context with a certificate for ``name``, and the CA that signed it, which is then forgotten."""
    import trustme  # noqa: PLC0415 - only who speaks TLS needs it

    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context, ca.cert_pem.bytes()


@asynccontextmanager
async def _serve(
    exchange: Exchange, port: int, tls: ssl.SSLContext | None, ca_pem: bytes | None, time_scale: float
) -> AsyncIterator[ServedExchange]:
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    served = ServedExchange(exchange, listener.socket.getsockname()[1], ca_pem, time_scale)
    if exchange.epoch is None:
        exchange.epoch = time.time() - served.now()
    async with _running(_Server(served, listener, tls, time_scale)):
        yield served


@asynccontextmanager
async def _running(server: _Server) -> AsyncIterator[None]:
    """Run ``server`` for as long as the block lasts, and let the block's exception out as it was.

    No exception enters the nursery, so that none leaves it in a group: the block's is parked beside it, and the
    server raises none. The server is waited for inside, because Ctrl-C could come in the nursery's own wait.
    """
    parked: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        try:
            try:
                yield
            finally:
                server.stop()
                # Despite cancellation, or connections would be left to the garbage collector. It cannot hang: what is
                # left after stop() is bounded, see run().
                with trio.CancelScope(shield=True):
                    await server.stopped.wait()
        except BaseException as error:  # noqa: ASYNC103, BLE001 - parked, not swallowed
            parked = error
    if parked is not None:
        raise parked


class _Server:
    """Accepts clients, and gives each a relay and a Hypercorn of its own."""

    def __init__(
        self, served: ServedExchange, listener: trio.SocketListener, tls: ssl.SSLContext | None, time_scale: float
    ) -> None:
        self.stopped = trio.Event()
        self._served = served
        self._listener = listener
        self._tls = tls
        self._time_scale = time_scale
        self._accepting = trio.CancelScope()

    async def run(self) -> None:
        # Shielded: whoever is in the block may still need the exchange while it cleans up. It cannot hang: stop() is
        # called when the block has ended, and after that nothing waits but each connection's Hypercorn, which has a
        # deadline.
        try:
            with trio.CancelScope(shield=True), self._accepting:
                await trio.serve_listeners(self._serve, [self._listener])
        finally:
            self.stopped.set()

    def stop(self) -> None:
        """End soon; :attr:`stopped` says when."""
        self._accepting.cancel()

    async def _serve(self, wire: trio.SocketStream) -> None:
        """Serve one client until either side is done. It never raises, whatever the client does."""
        try:
            with closing(wire.socket):
                await self._relay(wire, await self._meet(wire))
        except* (OSError, trio.BrokenResourceError):
            # The TLS handshake failed, or the system has no more sockets for us.
            pass
        except* UsageError:
            # The exchange was told a later time than ours. It breaks this connection, as it breaks a request.
            pass

    async def _meet(self, wire: trio.SocketStream) -> trio.abc.Stream:
        if self._tls is None:
            return wire
        client = trio.SSLStream(wire, self._tls, server_side=True, https_compatible=True)
        with trio.move_on_after(_HANDSHAKE) as limit:
            await client.do_handshake()
        if limit.cancelled_caught:
            raise trio.BrokenResourceError
        return client

    async def _relay(self, wire: trio.SocketStream, client: trio.abc.Stream) -> None:
        relay = Relay(wire, client, self._time_scale)
        app = ExchangeApp(self._served.exchange, self._served.now, self._time_scale, relay)
        await with_hypercorn(app, relay.run)
        if relay.upgrade is not None:
            from ._socket_line import SocketLine  # noqa: PLC0415 - wsproto comes with the extra

            line = SocketLine(client, relay.reset, self._served.exchange, self._served.now, self._time_scale)
            await line.upgrade(relay.upgrade)
