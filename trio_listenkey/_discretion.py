"""Keeps the loggers of other libraries from telling what our requests and answers have in them.

At DEBUG httpcore logs every header of an answer, and the exception in which h11 quotes a header of the request;
hpack logs the headers of a request; httpx logs URLs, at INFO even; trio-websocket logs its URL. A listen key may be
in any of these: in a socket's URL, in the query of a keepalive, and so in the ``Location`` of a redirect. So a filter
on just these loggers drops what is logged during one of our own requests. Everything else that goes through them is
untouched, and so are the loggers that tell of connections.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["discretion"]

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
def discretion() -> Iterator[None]:
    """Let nothing be logged of a request that is sent inside; it is known by its context, as the task's own."""
    for name in _INDISCREET:
        # Every time, not once: logging.config may have replaced what was there. Adding it again does nothing.
        logging.getLogger(name).addFilter(_someone_elses)
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
