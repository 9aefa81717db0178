"""A lock that tasks take in turn, whichever run and thread they are in."""

from __future__ import annotations

from contextlib import AbstractContextManager

import trio

__all__ = ["Turn"]


class Turn:
    """Like :class:`trio.Lock`, which is for the tasks of one run; first come, first served.

    Args:
        lock: One that the thread which has it may take again. It is held for as long as it takes to see whose turn it
            is, and never while anybody waits.
    """

    __slots__ = ("_is_taken", "_lock", "_waiting")

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._is_taken = False
        self._waiting: tuple[_Waiter, ...] = ()  # a few at most; an empty deque would be a tenth of what a key costs

    def acquire_nowait(self) -> bool:
        """Take it if it is free; whether it was."""
        with self._lock:
            was_free = not self._is_taken
            self._is_taken = True
        return was_free

    async def acquire(self) -> None:
        """Wait for it. Cancelled, one has not got it."""
        await trio.lowlevel.checkpoint_if_cancelled()
        with self._lock:
            if self.acquire_nowait():
                return
            waiter = _Waiter()
            self._waiting += (waiter,)
        try:
            await waiter.given.wait()
        except BaseException:
            with self._lock:
                if waiter.has_it:  # another thread gave it just now
                    self.release()
                elif waiter in self._waiting:
                    self._waiting = tuple([each for each in self._waiting if each is not waiter])
            raise

    def release(self) -> None:
        """Give it to the next one who waits."""
        with self._lock:
            while self._waiting:
                first, *rest = self._waiting
                self._waiting = tuple(rest)
                if first.give():
                    return
            self._is_taken = False


class _Waiter:
    """A task that waits."""

    def __init__(self) -> None:
        self.given = trio.Event()
        self.has_it = False
        self._token = trio.lowlevel.current_trio_token()

    def give(self) -> bool:
        """It has it now; ``False`` if its run is over."""
        if trio.lowlevel.current_trio_token() is self._token:
            self.given.set()
        else:
            try:
                self._token.run_sync_soon(self.given.set)
            except trio.RunFinishedError:
                return False
        self.has_it = True
        return True
