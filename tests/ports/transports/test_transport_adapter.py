"""Whatever a library raises, what comes out is a TransportError, a cancellation, or Ctrl-C."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
import trio

from trio_listenkey.transports import Request, Response, TransportError
from trio_listenkey.transports._adapter import SendTracker, translate_errors

REQUEST = Request("POST", "http://localhost:1/path?query", ())


async def cancelled() -> trio.Cancelled:
    """A genuine one: trio makes no other."""
    with trio.CancelScope() as scope:
        scope.cancel()
        with pytest.raises(trio.Cancelled) as caught:
            await trio.lowlevel.checkpoint()
    return caught.value


def failing_with(error: BaseException) -> Callable[[Request, SendTracker], Awaitable[Response]]:
    async def send(request: Request, witness: SendTracker) -> Response:
        raise error

    return send


async def settled(error: BaseException, *, connecting: bool = False) -> Response:
    return await translate_errors(failing_with(error), REQUEST, SendTracker(connecting=connecting))


async def test_group_of_cancellations_is_one_cancellation() -> None:
    """A group in which there are only cancellations comes out as a bare one, and its scope absorbs it."""
    group = BaseExceptionGroup("", [await cancelled(), BaseExceptionGroup("", [await cancelled()])])
    with pytest.raises(trio.Cancelled):  # outside of its scope, which would absorb a group as well
        await settled(group)
    with trio.CancelScope() as scope:
        scope.cancel()
        await settled(group)
    assert scope.cancelled_caught


async def test_cancellation_outweighs_the_errors_beside_it() -> None:
    """An address that failed before the others were cancelled does not come out of the cancelled scope."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await settled(BaseExceptionGroup("", [OSError("refused"), await cancelled()]))
    assert scope.cancelled_caught


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
async def test_interrupt_outweighs_all(interrupt: type[BaseException]) -> None:
    """Ctrl-C comes out as it is, alone or in a group with anything else."""
    with pytest.raises(interrupt):
        await settled(interrupt())
    with pytest.raises(interrupt):
        await settled(BaseExceptionGroup("", [await cancelled(), OSError(), interrupt()]))


async def test_group_of_errors_is_one_error() -> None:
    """A group of ordinary exceptions is a TransportError."""
    with pytest.raises(TransportError, match="refused"):
        await settled(ExceptionGroup("", [ConnectionRefusedError(errno.ECONNREFUSED, "no")]))


async def test_own_error_keeps_its_words() -> None:
    """A TransportError that an adapter raised keeps its words, whatever hangs on it."""
    error = TransportError("these words", unsent=True)
    error.__context__ = ConnectionRefusedError(errno.ECONNREFUSED, "not these")
    with pytest.raises(TransportError, match="these words") as caught:
        await settled(error)
    assert caught.value is not error
    assert caught.value.unsent


def chain(*links: BaseException) -> BaseException:
    for link, cause in pairwise(links):
        link.__cause__ = cause
    return links[0]


TLS = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
TLS.reason = "WRONG_VERSION_NUMBER"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("SECRET"), "no readable answer (ValueError)"),
        (chain(RuntimeError("SECRET"), OSError(errno.ENETUNREACH, "x")), os.strerror(errno.ENETUNREACH).lower()),
        (chain(trio.BrokenResourceError(), TLS), "TLS failed: wrong version number"),
        (chain(trio.BrokenResourceError(), ssl.SSLError()), "TLS failed: no reason given"),
        (chain(trio.BrokenResourceError(), ssl.SSLWantReadError()), "connection broken"),
        (chain(trio.BrokenResourceError(), BlockingIOError(errno.EAGAIN, "x")), "connection broken"),
        (chain(trio.BrokenResourceError(), ssl.SSLEOFError()), "TLS connection closed by the other side"),
        (chain(trio.BrokenResourceError(), ssl.SSLCertVerificationError()), "TLS certificate refused: no reason given"),
        (OSError("SECRET", "SECRET"), "no readable answer (OSError)"),
        (OSError("SECRET"), "no readable answer (OSError)"),
    ],
)
async def test_words(error: Exception, reason: str) -> None:
    """The deepest exception that says anything is heard, and none is quoted that may know a secret."""
    with pytest.raises(TransportError) as caught:
        await settled(error)
    assert caught.value.reason == reason


async def test_chain_that_bites_its_tail() -> None:
    """A chain of exceptions that leads back to itself has an end all the same."""
    first, second = ValueError(), KeyError()
    first.__context__, second.__context__ = second, first
    with pytest.raises(TransportError, match="ValueError"):
        await settled(first)


async def test_unsent_until_it_sends() -> None:
    """Before a library tells that it sends nothing was sent; afterwards something may have been, for ever."""
    told = SendTracker(connecting=True)
    untold = SendTracker(connecting=False)
    assert [told.unsent, untold.unsent] == [True, False]
    await untold.trace("connection.connect_tcp.started", {})
    await untold.trace("connection.connect_tcp.complete", {"return_value": None})
    await untold.trace("connection.connect_tcp.failed", {})
    assert [told.unsent, untold.unsent] == [True, True]
    await untold.trace("http11.send_request_headers.started", {})
    await untold.trace("connection.connect_tcp.started", {})
    assert [told.unsent, untold.unsent] == [True, False]
