"""How a block that hides a nursery is left, so that nobody notices the nursery."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import NoReturn

import trio

__all__ = ["BodyScope", "close_nursery", "error_to_raise", "reraise_unchanged"]


class BodyScope:
    """The block, which may have to be cancelled because what it stands on has failed."""

    def __init__(self) -> None:
        self._scope = trio.CancelScope()

    def enter(self) -> None:
        """It begins."""
        self._scope.__enter__()

    def cancel(self, reason: str) -> None:
        """What it stands on has failed."""
        self._scope.cancel(reason=reason)

    def leave(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> BaseException | None:
        """It is over; what it ended with besides our cancellation."""
        try:
            if self._scope.__exit__(exc_type, exc, tb):
                return None  # the cancellation was ours: the failure tells why
        except BaseException as rest:  # noqa: ASYNC103, BLE001 - parked: what was in a group besides our cancellation
            return _original(exc, rest)  # noqa: ASYNC104 - as above
        return exc


def error_to_raise(error: BaseException | None, failure: Exception | None, what: str) -> BaseException | None:
    """What to raise where the block ended with ``error`` and ``what`` it stands on with ``failure``."""
    if failure is None:
        return error
    if error is None or _is_only_cancelled(error):
        return failure
    error.add_note(f"Besides, {what} failed: {failure}")
    return error


async def close_nursery(
    nursery_manager: AbstractAsyncContextManager[trio.Nursery], error: BaseException | None
) -> BaseException | None:
    """Wait for tasks that never raise, and say what the block ends with: ``error``, in most cases."""
    try:
        # Nothing is handed in and the tasks never raise: the block's error goes round the nursery.
        await nursery_manager.__aexit__(None, None, None)
    except BaseException as exc:  # noqa: ASYNC103, BLE001 - it is what the block ends with
        # Only Ctrl-C comes out of it: trio gives it to the main task, wherever that waits. How it is wrapped depends on
        # the run's ``strict_exception_groups``.
        interrupt = exc
        while isinstance(interrupt, BaseExceptionGroup):
            interrupt = interrupt.exceptions[0]
        interrupt.__context__ = error
        return interrupt  # noqa: ASYNC104
    return error


def _is_only_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


def reraise_unchanged(error: BaseException) -> NoReturn:
    """Raise ``error`` with the context that it has: a bare ``raise`` would put the block's cancellation there."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        del error, context  # or the traceback's frame refers to the error, and both to each other


def _original(exc: BaseException | None, rest: BaseException) -> BaseException:
    """What the block raised, if a cancel scope has only rebuilt the group without taking anything out."""
    if isinstance(exc, BaseExceptionGroup) and isinstance(rest, BaseExceptionGroup):
        return rest if exc.subgroup(trio.Cancelled) else exc
    return rest
