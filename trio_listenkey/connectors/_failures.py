"""The one place where foreign exceptions end while a socket is opened.

What a library raises may quote the request, and with it the listen key. So none of it leaves a connector, not even
as the ``__context__`` of another: each becomes a fresh :exc:`SocketError` with words of our own.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from .._errors import UsageError
from .._redaction import chain, hide_from_logs, interruption, is_about_trust, safe_error_text
from ._base import SocketError

__all__ = ["interrupt_in", "settled", "words"]

_T = TypeVar("_T")


async def settled(attempt: Callable[[], Awaitable[_T]], *, about: str = "") -> _T:
    """Return what ``attempt`` returns, or raise what its failure means to our callers.

    Args:
        attempt: What to try.
        about: Whom the error is about, for those who read it.

    Raises:
        SocketError: For every ordinary exception.
    """
    callers = sys.exception()
    failure: BaseException
    try:
        with hide_from_logs():
            return await attempt()
    except (SocketError, UsageError) as error:
        failure = error.with_traceback(None)  # its frames know too much
    except Exception as error:  # noqa: BLE001 -- "and nothing else", whatever libraries raise
        reason, untrusted = words(error, callers), any(map(is_about_trust, chain(error, callers)))
        failure = SocketError(f"{reason} ({about})" if about else reason, untrusted=untrusted)
    except BaseExceptionGroup as group:
        failure = interruption(group)
    try:
        # Here no exception is being handled, so nothing becomes its __context__.
        raise failure
    finally:
        del failure  # else exception -> traceback -> frame -> exception is a cycle


def words(error: BaseException, callers: BaseException | None = None) -> str:
    """What ``error`` tells, in words that come from us, from the TLS library or from the system."""
    links = list(chain(error, callers))
    found = next(filter(None, map(safe_error_text, reversed(links))), None)
    return found or f"no connection ({type(error).__name__})"


def interrupt_in(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """What is in ``group`` besides our caller's cancellation, which will come again: Ctrl-C, wherever we waited."""
    found = interruption(group)
    return None if isinstance(found, trio.Cancelled) else found
