"""A transport for those who have a client of httpx2 or httpx."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio

from .._errors import TransportError, UsageError
from .._http import Request, Response
from ._adapter import BoundedBody, SendTracker, outgoing_headers, refuse_encoding, translate_errors

__all__ = ["HTTPXTransport"]

# Seconds to wait for a free connection. The other waits are the caller's to bound; but without this one a pool
# that has lost its slots would look like an exchange that does not answer.
_POOL_WAIT = 5.0


class HTTPXTransport:
    """Sends requests through an ``AsyncClient`` of httpx2 or of httpx.

    The client is neither closed nor changed by this transport. Its own headers, parameters and cookies are sent
    along, as with every request of its; the headers of the request come first. Its authentication is not used
    and redirects are not followed, whatever the client is set to.

    Configure spare connections (the default of 100 is enough; 1 is not). A request that is cancelled at one point
    of a TLS handshake costs the client one of them for good: a fault of httpcore up to 1.0.9 and of httpcore2
    up to 2.16.2 that cannot be repaired from outside.

    Args:
        client: The client.

    Raises:
        UsageError: It is not an asynchronous client.
    """

    def __init__(self, client: Any) -> None:
        if not hasattr(client, "aclose") or not hasattr(client, "stream"):
            raise UsageError("client is no AsyncClient", advice="Pass an httpx2.AsyncClient or httpx.AsyncClient.")
        self._client = client
        self._closed = False

    async def request(self, request: Request) -> Response:
        """Send ``request`` and return the complete answer.

        Raises:
            TransportError: There is no complete answer.
        """
        # The client may send through anything, so silence of the trace extension is no proof.
        return await translate_errors(self._send, request, SendTracker(connecting=False))

    async def aclose(self) -> None:
        """Close the transport. The client stays open: it is yours."""
        self._closed = True
        await trio.lowlevel.checkpoint()

    async def _send(self, request: Request, witness: SendTracker) -> Response:
        if self._closed or self._client.is_closed:
            raise TransportError("the transport or its client is closed", unsent=True)
        opened: list[Any] = []
        witness.adopt = opened.append
        try:
            return await self._exchange(request, witness)
        except BaseException:
            if witness.in_handshake:
                # httpcore leaves the socket to the garbage collector when its TLS handshake is cancelled. As yet
                # nobody but this request can use it; any later, and with HTTP/2 it may have others on it.
                for stream in opened:
                    stream.get_extra_info("socket").close()
            raise

    async def _exchange(self, request: Request, witness: SendTracker) -> Response:
        async with self._client.stream(
            request.method,
            request.url,
            headers=outgoing_headers(request),
            content=request.body,
            auth=None,  # a digest authentication would send the request twice
            follow_redirects=False,
            timeout=(None, None, None, _POOL_WAIT),
            extensions={"trace": witness.trace},
        ) as answer:
            headers = tuple(answer.headers.multi_items())
            refuse_encoding(headers)
            return Response(answer.status_code, headers, await _read_body(answer, request.max_answer))


async def _read_body(answer: Any, limit: int) -> bytes:
    body = BoundedBody(limit)
    chunks = answer.aiter_raw()
    try:
        async for chunk in chunks:
            await body.add(chunk)
        return bytes(body)
    except TransportError as error:
        too_long = error
    # Several async generators of httpx's are half-way now, and closing the first would leave the others to the
    # garbage collector. Without their connection they run out of themselves, in an error that tells no news.
    await answer.aclose()
    with suppress(Exception):
        async for _ in chunks:
            pass
    raise too_long
