"""A transport for those who use asks.

asks 3.0.0 follows redirects and sends all headers along, to any host and from https to http; sends a request
again after a ``ConnectionError``; reads bodies of any size; and waits for a minute to connect, for ever to be
answered. Each request says no to all of these. What cannot be turned off is in the docstring of the class.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import trio

from .._errors import TransportError, UsageError
from .._http import Request, Response
from .._network import default_trust
from ._adapter import BoundedBody, SendTracker, authority, outgoing_headers, refuse_encoding, translate_errors
from ._anyio3 import import_asks, no_socket_left

__all__ = ["AsksTransport"]

_CONNECTIONS = 100


class AsksTransport:
    """Sends requests through an :class:`asks.Session`.

    asks cannot read some answers: one that is preceded by a 1xx answer, one with a header that has a byte
    above 0x7F, one whose body ends with a connection although the server did not announce it, one with a ``Set-Cookie``
    that has no ``=``. They raise :exc:`TransportError`: if an exchange sends such answers, use another transport.

    Args:
        session: A session of yours; it is neither closed nor changed. Its own headers and cookies are sent
            along, those of the request come first. asks lets one request at a time through a session that was
            made without ``connections=``; then the session's other requests hold up a keepalive. Without a
            session the transport makes one of its own.
        ssl_context: The TLS context of the transport's own session; by default the system's trust store.

    Raises:
        UsageError: Both are given, or ``session`` is no session.
        ModuleNotFoundError: asks is not installed.
    """

    def __init__(self, session: Any = None, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._asks = import_asks()
        # asks asks by isinstance. The class cannot be its subclass: this module is imported without asks, too.
        self._asks.PreResponseAuth.register(_BeforeSending)
        if session is not None and not isinstance(session, self._asks.Session):
            raise UsageError("session is no asks.Session", advice="Pass an asks.Session, or none.")
        if session is not None and ssl_context is not None:
            raise UsageError(
                "ssl_context is for the transport's own session",
                advice="Pass it to your asks.Session instead.",
            )
        self._session = session
        self._owned = session is None
        self._ssl_context = ssl_context
        self._closed = False

    async def request(self, request: Request) -> Response:
        """Send ``request`` and return the complete answer.

        Raises:
            TransportError: There is no complete answer.
        """
        return await translate_errors(self._send, request, SendTracker(connecting=True))

    async def aclose(self) -> None:
        """Close the transport, and its own session if it has one. Requests in flight are completed."""
        self._closed = True
        if self._owned and self._session is not None:
            # It holds no connection, for each has ended with its request.
            await self._session.close()
        await trio.lowlevel.checkpoint()

    async def _send(self, request: Request, witness: SendTracker) -> Response:
        if self._closed:
            raise TransportError("the transport is closed", unsent=True)
        body = BoundedBody(request.max_answer)
        with no_socket_left():
            answer = await self._current_session().request(
                request.method,
                request.url,
                headers=dict(
                    outgoing_headers(
                        request,
                        # asks' own Host header is wrong for an IPv6 address.
                        ("Host", authority(request.url)),
                        # asks does not notice that a pooled connection was closed meanwhile.
                        ("Connection", "close"),
                    )
                ),
                data=request.body or None,
                callback=body.add,
                auth=_BeforeSending(witness),
                follow_redirects=False,
                retries=0,
                connection_timeout=None,
            )
        headers = tuple(_pairs(answer.headers))
        refuse_encoding(headers)
        return Response(answer.status_code, headers, bytes(body))

    def _current_session(self) -> Any:
        if self._session is None:
            if self._ssl_context is None:
                self._ssl_context = default_trust()
            self._session = self._asks.Session(connections=_CONNECTIONS, ssl_context=self._ssl_context)
        return self._session


def _pairs(headers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value pairs; asks keeps one value per name, except for cookies, of which it makes a list."""
    for name, value in headers.items():
        for one in [value] if isinstance(value, str) else value:
            yield name, one


class _BeforeSending:
    """Passes for authentication, which asks calls when it is connected and has not sent anything."""

    def __init__(self, witness: SendTracker) -> None:
        self._witness = witness

    async def __call__(self, _: Any) -> dict[str, str]:
        self._witness.sending = True
        return {}
