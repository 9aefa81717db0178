"""How a block that hides a nursery is left, so that nobody notices the nursery."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import trio

__all__ = ["is_only_cancelled", "raise_as_it_is", "run_down"]


async def run_down(
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


def is_only_cancelled(error: BaseException) -> bool:
    """Whether there is nothing but cancellation in ``error``."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


def raise_as_it_is(error: BaseException) -> NoReturn:
    """Raise ``error`` with the context that it has: a bare ``raise`` would put the block's cancellation there."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        del error, context  # or the traceback's frame refers to the error, and both to each other
