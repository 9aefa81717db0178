"""The default transport: httpcore2, which follows no redirect, keeps no cookie and retries nothing."""

from __future__ import annotations

import ssl
from contextlib import aclosing
from typing import Any

import httpcore2
import trio

from .._errors import TransportError, UsageError
from .._http import Request, Response
from .._network import check_local_address, default_trust
from ._adapter import BoundedBody, SendTracker, outgoing_headers, refuse_encoding, translate_errors

__all__ = ["HTTPCore2Transport"]

# Enough for a thousand keys. It is no less because a host that hangs must not keep another host's requests
# waiting for a connection.
_MAX_CONNECTIONS = 100
_MAX_IDLE = 20
# Seconds. Keys that are kept alive together share connections; half an hour later any connection would be
# stale. httpcore2 sees it when the server has closed an idle connection, and opens another. What it cannot see
# is a close that is on its way: such a request fails, and it is not known whether it was executed. So idle is brief.
_IDLE_FOR = 5.0


class HTTPCore2Transport:
    """Sends requests through connection pools of its own.

    TLS is verified, host name included. Of the environment, only ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``
    are used, if they are set.

    Args:
        ssl_context: The TLS context; by default the system's trust store. A context that you pass decides by
            itself whether it verifies. httpcore2 sets its ALPN protocols: pass one that is not used elsewhere.
        proxy: URL of an HTTP or SOCKS proxy; or an ``httpcore2.Proxy``, which may have credentials.
        local_address: Connect from this address of the machine, for an API key that is restricted to it; ``"0.0.0.0"``
            uses IPv4 only, ``"::"`` IPv6 only. Pass the same to the connector. Not with a proxy.

    Raises:
        UsageError: The proxy's URL has credentials in it, or ``local_address`` is given with a proxy.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: httpcore2.Proxy | str | None = None,
        local_address: str | None = None,
    ) -> None:
        check_local_address(local_address, proxy)
        if isinstance(proxy, str) and "@" in proxy:
            # httpcore2 would drop them without a word.
            raise UsageError(
                "proxy has a user name in its URL",
                advice="Pass httpcore2.Proxy(url, auth=(user, password)).",
            )
        self._ssl_context = ssl_context
        self._proxy = httpcore2.Proxy(proxy) if isinstance(proxy, str) else proxy
        self._local_address = local_address
        self._closed = False
        # The pool of new requests; None until there is one, and again after each failure.
        self._pool: _Pool | None = None
        # Pools that get no new requests, but have some in flight.
        self._retired: set[_Pool] = set()

    async def request(self, request: Request) -> Response:
        """Send ``request`` and return the complete answer.

        Raises:
            TransportError: There is no complete answer.
        """
        # httpcore2 tells of its steps before it takes them: as long as it has not, nothing was sent.
        return await translate_errors(self._send, request, SendTracker(connecting=True))

    async def aclose(self) -> None:
        """Close all connections, without waiting and even when cancelled. Requests in flight fail."""
        self._closed = True
        for pool in filter(None, (self._pool, *self._retired)):
            pool.close()
        await trio.lowlevel.checkpoint()

    async def _send(self, request: Request, witness: SendTracker) -> Response:
        if self._closed:
            raise TransportError("the transport is closed", unsent=True)
        pool = self._current_pool()
        witness.adopt = pool.adopt
        pool.users += 1
        try:
            return await pool.exchange(request, witness)
        except BaseException:
            # A request that is cancelled between the TLS handshake and its first byte leaves a connection that
            # is neither idle nor closed: its slot is lost to the pool. From outside this cannot be told from a
            # harmless failure, so after every one the next request gets a new pool. Requests that are in
            # flight in the old one go on there.
            self._retire(pool)
            raise
        finally:
            pool.users -= 1
            if pool in self._retired and not pool.users:
                self._retired.remove(pool)
                pool.close()

    def _current_pool(self) -> _Pool:
        if self._pool is None:
            if self._ssl_context is None:
                # Once, and not at import or in __init__: it reads all the system's certificates (20 ms).
                self._ssl_context = default_trust()
            self._pool = _Pool(self._ssl_context, self._proxy, self._local_address)
        return self._pool

    def _retire(self, pool: _Pool) -> None:
        self._retired.add(pool)
        if self._pool is pool:
            self._pool = None


class _Pool:
    """A pool of httpcore2's, and the sockets that it opened.

    They are closed here, under its feet, and not by its own ``aclose``: that waits, under a shield that has no
    deadline, and it does not know the socket whose TLS handshake was cancelled, which would be left to the
    garbage collector. Closing a socket is synchronous: it cannot hang and cannot be cancelled.
    """

    def __init__(self, ssl_context: ssl.SSLContext, proxy: httpcore2.Proxy | None, local_address: str | None) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            proxy=proxy,
            local_address=local_address,
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_IDLE,
            keepalive_expiry=_IDLE_FOR,
            retries=0,  # it would only connect again, but the time for that is the caller's to give
        )
        self._sockets: list[trio.socket.SocketType] = []
        self._closed = False
        self.users = 0
        """Requests in flight; who comes and who leaves counts."""

    async def exchange(self, request: Request, witness: SendTracker) -> Response:
        """Send ``request`` and read the answer."""
        # Without a body still a Content-Length, of 0: some servers refuse a POST that has none (HTTP 411).
        content = request.body if request.body or request.method != "GET" else None
        async with self._pool.stream(
            request.method,
            request.url,
            headers=outgoing_headers(request),
            content=content,
            extensions={"trace": witness.trace},
        ) as answer:
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers)
            refuse_encoding(headers)
            body = BoundedBody(request.max_answer)
            # An async generator that is left half-way would wait for the garbage collector.
            async with aclosing(answer.aiter_stream()) as chunks:
                async for chunk in chunks:
                    await body.add(chunk)
            return Response(answer.status, headers, bytes(body))

    def adopt(self, stream: Any) -> None:
        """Remember a connection that was just made."""
        self._sockets = [known for known in self._sockets if known.fileno() != -1]
        self._sockets.append(stream.get_extra_info("socket"))
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close every socket."""
        self._closed = True
        for known in self._sockets:
            known.close()
