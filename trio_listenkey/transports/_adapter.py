"""What all adapters share: the bounds of an answer, and the one place where foreign exceptions end.

An HTTP library's exceptions may carry headers, in their text (h11 quotes a header that it dislikes) or in the
locals of the frames that their traceback holds. So none of them leaves a transport, not even as the
``__cause__`` of another: :func:`translate_errors` turns each into a fresh :exc:`TransportError` with words of our own,
raised where no other exception is being handled, from frames without a secret.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from .._errors import TransportError, UsageError
from .._http import Request, Response
from .._redaction import chain, hide_from_logs, interruption, is_about_trust, safe_error_text

__all__ = ["BoundedBody", "SendTracker", "authority", "outgoing_headers", "refuse_encoding", "translate_errors"]

_LONGEST_REASON = 200
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"(?:[!-~]+(?:[ \t]+[!-~]+)*)?")
# Strict in what the libraries would each understand in their own way, such as a user name before the host.
_URL = re.compile(r"https?://((?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?)(?:[/?#][!-~]*)?")


class SendTracker:
    """Watches one request, to know whether any byte of it can have reached the exchange.

    Args:
        connecting: ``True`` where the library surely tells us before it sends; then silence means "unsent".
            ``False`` where it may not (a user's client can have any transport below it); then silence means
            nothing, until the library has told that it is connecting.
    """

    def __init__(self, *, connecting: bool) -> None:
        self.connecting = connecting
        self.sending = False
        """Never reset: whatever comes later, something may have been sent."""
        self.in_handshake = False
        """Between a TCP connection and TLS."""
        self.adopt: Callable[[Any], None] = _let_be
        """Called with the network stream of each new connection, before TLS."""

    @property
    def unsent(self) -> bool:
        """Whether it is certain that nothing was sent."""
        return self.connecting and not self.sending

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """The ``trace`` extension of httpcore and its kin, which is told of every step of a request.

        A CONNECT to a proxy counts as sending: that errs on the safe side.
        """
        step = event.partition(".")[2]
        if step == "connect_tcp.started":
            self.connecting = True
        elif step == "connect_tcp.complete":
            self.adopt(info["return_value"])
        elif step in ("start_tls.started", "start_tls.complete"):
            self.in_handshake = step == "start_tls.started"
        elif step == "send_request_headers.started":
            self.sending = True


def _let_be(stream: Any) -> None:
    """Adopt nothing."""


class BoundedBody:
    """The body of an answer, up to so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._chunks = bytearray()

    async def add(self, chunk: bytes) -> None:
        """Append ``chunk``; async, for asks awaits its callback.

        Raises:
            TransportError: The body is too long.
        """
        if len(self._chunks) + len(chunk) > self._limit:
            raise TransportError(f"the answer is larger than {self._limit} bytes")
        self._chunks += chunk

    def __bytes__(self) -> bytes:
        return bytes(self._chunks)


def authority(url: str) -> str:
    """Host and port as they stand in ``url``; nothing if it is not a valid one."""
    match = _URL.fullmatch(url)
    return match[1] if match else ""


def outgoing_headers(request: Request, *extra: tuple[str, str]) -> list[tuple[str, str]]:
    """The request's headers and ``extra``, and the wish for a body as it is.

    A few hundred bytes gain nothing from compression, and a decompressed body has no bound.
    """
    ours = (("Accept-Encoding", "identity"), *extra)
    replaced = {name.lower() for name, _ in ours}
    return [*(pair for pair in request.headers if pair[0].lower() not in replaced), *ours]


def refuse_encoding(headers: Iterable[tuple[str, str]]) -> None:
    """Accept the body as it is, and no other way.

    Raises:
        TransportError: The headers announce a content encoding, although none was asked for.
    """
    for name, value in headers:
        if name.lower() == "content-encoding" and value.strip().lower() not in ("", "identity"):
            raise TransportError("the answer has a content encoding that was not asked for")


async def translate_errors(
    send: Callable[[Request, SendTracker], Awaitable[Response]], request: Request, witness: SendTracker
) -> Response:
    """Bring back what ``send`` brings, or raise what its failure means to our callers.

    Raises:
        TransportError: For every ordinary exception.
    """
    outcome = await _outcome(send, request, witness)
    if isinstance(outcome, Response):
        return outcome
    try:
        # Here no exception is being handled, so nothing becomes its __context__.
        raise outcome
    finally:
        del outcome  # else exception -> traceback -> frame -> exception is a cycle


async def _outcome(
    send: Callable[[Request, SendTracker], Awaitable[Response]], request: Request, witness: SendTracker
) -> Response | BaseException:
    """``send``'s answer or its failure, as a value. A bare cancellation or Ctrl-C passes."""
    callers = sys.exception()
    try:
        _refuse_unsendable(request)
        with hide_from_logs():
            return await send(request, witness)
    except UsageError as error:
        return error.with_traceback(None)  # of what this transport was set up with; nothing was sent
    except Exception as error:  # noqa: BLE001 -- "and nothing else": asks alone raises errors of five packages
        return _failure(error, callers, request, unsent=witness.unsent)
    except BaseExceptionGroup as group:
        return interruption(group)


def _refuse_unsendable(request: Request) -> None:
    """Look at the request before any library does: h11 quotes a bad header in its exception and httpcore logs it.

    An API key that was read from a file with its newline is the likely case.

    Raises:
        TransportError: The request is no HTTP request.
    """
    if not _TOKEN.fullmatch(request.method):
        raise TransportError("the method is not a valid one", unsent=True)
    if not authority(request.url):
        raise TransportError("the address is not a valid HTTP URL", unsent=True)
    if not all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in request.headers):
        raise TransportError("a header of the request has a character that HTTP does not allow", unsent=True)


def _failure(error: Exception, callers: BaseException | None, request: Request, *, unsent: bool) -> TransportError:
    """The :exc:`TransportError` that ``error`` means."""
    links = [error] if isinstance(error, TransportError) else list(chain(error, callers))
    words = next(filter(None, (safe_error_text(link) for link in reversed(links))), None)
    reason = words or f"no readable answer ({type(error).__name__})"
    unsent = unsent or any(_surely_unsent(link) for link in links)
    if unsent and (host := authority(request.url)):
        reason = f"{reason} ({host})"  # what one looks at first when nothing could be sent
    untrusted = any(map(is_about_trust, links))
    return TransportError(" ".join(reason.split())[:_LONGEST_REASON], unsent=unsent, untrusted=untrusted)


def _surely_unsent(link: BaseException) -> bool:
    """Whether ``link`` is proof by itself: a request that never got a connection was never sent."""
    return type(link).__name__ == "PoolTimeout" or (isinstance(link, TransportError) and link.unsent)
