"""The port through which every HTTP request leaves, and the contract of those who implement it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .._http import Request, Response

__all__ = ["MAX_BODY", "Transport"]

MAX_BODY = 64 * 1024
"""Bytes of body that a transport reads at most, unless the request says otherwise by ``max_answer``. The longest
documented answer of a listen-key call has less than 300 bytes; a proxy's HTML error page has a few thousand."""


@runtime_checkable
class Transport(Protocol):
    """Sends one HTTP request. Anything with these two methods will do; the contract is what it must keep to.

    The **error contract**, which one conformance suite holds every adapter to:

    * A complete answer is returned whatever its status, redirects included; none is followed, for it would
      carry the API key to another host.
    * Where there is no complete answer (no connection, TLS refused, reset, truncated, not HTTP, a body of more
      than ``request.max_answer`` bytes, a content encoding that was not asked for) it raises
      :exc:`TransportError`, and nothing else. The error's text has no secret in it.
    * It sends the request at most once. Whether to try again is not its decision.
    * It sets no time limit: its caller brings a cancel scope. Cancelled at any checkpoint, it leaves
      no connection behind that a later request could be given in a wrong state.
    * TLS is verified, host name included.
    * ``request`` may be called from several tasks at once.
    """

    async def request(self, request: Request) -> Response:
        """Send ``request`` and return the complete answer.

        Raises:
            TransportError: There is no complete answer.
        """
        ...

    async def aclose(self) -> None:
        """Close what this transport opened itself; never what its user handed in."""
        ...
