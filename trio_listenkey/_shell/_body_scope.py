"""How a block that hides a nursery ends, so that the nursery does not show."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import NoReturn

import trio

from .._redaction import interruption

__all__ = ["BodyScope", "close_nursery", "error_to_raise", "reraise_unchanged"]


class BodyScope:
    """The block, which may have to be cancelled because what it stands on has failed."""

    __slots__ = ("_interrupt", "_scope")

    def __init__(self) -> None:
        self._scope = trio.CancelScope()
        self._interrupt: BaseException | None = None

    def enter(self) -> None:
        """It begins."""
        self._scope.__enter__()

    def cancel(self, reason: str) -> None:
        """What it stands on has failed."""
        self._scope.cancel(reason=reason)

    @property
    def is_interrupted(self) -> bool:
        """Whether it has to end with an interrupt."""
        return self._interrupt is not None

    def interrupt(self, fault: BaseException) -> None:
        """Ctrl-C, or another exception that is no error, came out of a background task: the block ends with it.

        Libraries connect in tasks of their own, which no protection of ours reaches: Ctrl-C may come out of any call
        to a transport or a connector. It is meant for the user's code, and no background task may end with it.
        """
        leaf = interruption(fault) if isinstance(fault, BaseExceptionGroup) else fault
        # Where it came up is of no interest, and the frames there know the request with its secrets.
        leaf.__cause__ = leaf.__context__ = None
        self._interrupt = self._interrupt or leaf.with_traceback(None)
        self._scope.cancel(reason="interrupted in a background task")

    def ended_by(self, error: BaseException | None) -> BaseException | None:
        """What the block ends with: an interrupt, if there was one, else ``error``, which it raised itself."""
        if self._interrupt is None:
            return error
        if error is not None and not _is_only_cancelled(error):
            self._interrupt.__context__ = error
        return self._interrupt

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
