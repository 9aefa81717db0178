"""What other libraries raise, in words of our own.

Their exceptions may quote a request, and with it an API key or a listen key: so none is shown, or chained to one of
ours. What is said of them here comes from us, from the TLS library or from the system.

Keeps the loggers of other libraries from telling what our requests and answers have in them.

At DEBUG httpcore logs every header of an answer, and the exception in which h11 quotes a header of the request;
hpack logs the headers of a request; httpx logs URLs, at INFO even; trio-websocket logs its URL. A listen key may be
in any of these: in a socket's URL, in the query of a keepalive, and so in the ``Location`` of a redirect. So a filter
on just these loggers drops what is logged during one of our own requests. Everything else that goes through them is
untouched, and so are the loggers that tell of connections.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import trio

from ._errors import TransportError

__all__ = ["chain", "hide_from_logs", "interruption", "is_about_trust", "safe_error_text"]


def interruption(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception that a group means in which there is more than ordinary exceptions.

    Connecting to several addresses at once runs in a nursery, and so a cancellation may come as a group of
    :exc:`trio.Cancelled`, perhaps with the ``OSError`` of an address that failed earlier. That error no longer
    matters to anybody: left in, it would come out of the caller's cancelled scope. Ctrl-C matters most.
    """
    leaves = [leaf for leaf in _leaves(group) if not isinstance(leaf, Exception)]
    return next((leaf for leaf in leaves if not isinstance(leaf, trio.Cancelled)), leaves[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for member in group.exceptions:
        if isinstance(member, BaseExceptionGroup):
            yield from _leaves(member)
        else:
            yield member


def chain(error: BaseException, callers: BaseException | None) -> Iterator[BaseException]:
    """``error`` and what led to it, the deepest last.

    ``__context__`` is followed even where it is suppressed: httpcore's pool ends in ``raise exc from None``,
    which cuts the certificate's error off its own ``ConnectError``. The walk ends at ``callers``, the
    exception that our caller was handling when it called: that one is not ours.
    """
    seen = [callers]
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop(0)
        if link is None or any(link is known for known in seen):
            continue
        seen.append(link)
        yield link
        # Not only of groups: anyio 3 has a class of its own for several failed attempts to connect.
        members = getattr(link, "exceptions", ())
        waiting += [member for member in members if isinstance(member, BaseException)]
        if not _is_about_local_address(link):  # it says more than what led to it
            waiting.append(link.__cause__ or link.__context__)


def is_about_trust(link: BaseException) -> bool:
    """Whether it says that the peer's TLS certificate was refused."""
    return isinstance(link, ssl.SSLCertVerificationError) or (isinstance(link, TransportError) and link.untrusted)


def _is_about_local_address(link: BaseException) -> bool:
    """Whether it is trio's word that it cannot connect from there, which has no number to know it by."""
    return isinstance(link, OSError) and str(link).startswith("local_address=")


_BY_NAME = {
    "BadHttpResponse": "an answer that asks cannot read",
    "BrokenResourceError": "connection broken",
    "ClosedResourceError": "connection closed on this side",
    "PoolTimeout": "no connection of the client's pool became free",
    "ProxyError": "the proxy refused to connect",
    "RemoteProtocolError": "an answer that is not valid HTTP",
}
"""By name, for the same exception has several homes: trio and anyio, httpcore and httpcore2, httpx and httpx2."""

_BY_PROTOCOL = (
    ("disconnected without sending", "connection closed without an answer"),
    ("event type ConnectionClosed when", "connection closed without an answer"),
    ("unexpectedly closed connection", "connection closed in the middle of an answer"),
    ("without sending complete message body", "connection closed in the middle of an answer"),
)
"""What h11 and httpcore say, and what we say. Their other texts may quote the answer, hence are not repeated."""


def safe_error_text(link: BaseException) -> str | None:
    """What one exception tells, in words that come from us, from the TLS library or from the system."""
    match link:
        case TransportError():
            return link.reason
        case ssl.SSLError():
            return _tls_words(link)
        case BlockingIOError():
            return None  # no error at all: trio and anyio meet it on their way into waiting
        case socket.gaierror():
            return f"host name not resolved: {link.strerror}"
        case OSError(errno=errno.EBADF):
            return _BY_NAME["ClosedResourceError"]
        case OSError(errno=int(code)) if code:
            return os.strerror(code).lower()
        case OSError() if _is_about_local_address(link):
            return "local_address is not an address of this machine, or not of the host's kind (IPv4 or IPv6)"
        case _ if type(link).__name__ == "RemoteProtocolError":
            text = str(link)
            return next((ours for theirs, ours in _BY_PROTOCOL if theirs in text), _BY_NAME["RemoteProtocolError"])
        case _:
            return _BY_NAME.get(type(link).__name__)


def _tls_words(link: ssl.SSLError) -> str | None:
    # OpenSSL's errors have more attributes than those that Python code makes.
    match link:
        case ssl.SSLCertVerificationError():
            return f"TLS certificate refused: {getattr(link, 'verify_message', 'no reason given')}"
        case ssl.SSLWantReadError() | ssl.SSLWantWriteError():
            return None  # no error at all: the TLS library asks for more to read or to write
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return "TLS connection closed by the other side"
        case _:
            reason: str | None = getattr(link, "reason", None)
            return f"TLS failed: {(reason or 'no reason given').replace('_', ' ').lower()}"


_INDISCREET = (
    "hpack.hpack",
    "hpack.huffman_table",
    "hpack.table",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpx",
    "httpx2",
    "trio-websocket",
)

_ours: ContextVar[bool] = ContextVar("trio_listenkey_request", default=False)


def _someone_elses(_: logging.LogRecord) -> bool:
    """Whether a record comes from outside of our own requests."""
    return not _ours.get()


@contextmanager
def hide_from_logs() -> Iterator[None]:
    """Let nothing be logged of a request that is sent inside; it is known by its context, as the task's own."""
    for name in _INDISCREET:
        # Every time, not once: logging.config may have replaced what was there. Adding it again does nothing.
        logging.getLogger(name).addFilter(_someone_elses)
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
