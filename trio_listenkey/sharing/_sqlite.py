"""A register in a file: for all programs of one machine, without a server."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from .._errors import RegisterAway, RegisterRefused, UsageError
from .._validation import check_type
from ._one_run import OneRun
from ._register import ABSENT, check_size, check_timeout
from ._sqlite_errors import meaning
from ._sqlite_file import SQLiteFile

__all__ = ["SQLiteRegister"]

_T = TypeVar("_T")


class SQLiteRegister:
    """A register in an SQLite file: for programs on one machine.

    It needs no server, no other package, and no account. The file is created when it is first needed, readable by its
    owner only; the directory must exist. It must be on a local disk: SQLite's locks do not work over NFS or SMB.
    Nothing is lost if the file is deleted while no program uses it.

    An object belongs to one ``trio.run``; all that share a file need not share an object.

    Args:
        path: The file. Next to it SQLite keeps two more, with ``-wal`` and ``-shm`` after the name.
        timeout: The limit of a call in seconds: for the disk, and for other programs that hold the lock.

    Raises:
        UsageError: The path is not one of a file, or ``timeout`` is not between 0 and 60 seconds.
    """

    __module__ = __package__ or ""  # where users find it

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 2.0) -> None:
        check_type("path", path, str | os.PathLike, "the path of a file")
        if os.fspath(path) in {"", ":memory:"}:
            raise UsageError(
                f"path={os.fspath(path)!r} names no file that programs could share",
                advice="Pass the path of a file, which need not exist; for tests, use MemoryRegister",
            )
        check_timeout(timeout)
        # Absolute, for the program may change its working directory.
        self._path = Path(os.fspath(path)).absolute()
        self._timeout = timeout
        # It waits half as long for a lock, so that it is SQLite who says that there is one.
        self._file = SQLiteFile(self._path, timeout / 2)
        # One thread at a time uses the file, and it counts until it is over, even if no task waits for it any more: see
        # _in_thread. A limiter of its own, so that threads which hang on a dead disk take none from other parts of the
        # program, such as those that resolve host names.
        self._limiter = trio.CapacityLimiter(1)
        self._run = OneRun()
        self._closed = False

    def __repr__(self) -> str:
        return f"SQLiteRegister({str(self._path)!r})"

    async def read(self, name: str) -> tuple[bytes | None, str]:
        """As :meth:`Register.read`."""
        row = await self._in_thread(lambda: self._file.read(name))
        return row or (None, ABSENT)

    async def swap(self, name: str, version: str, document: bytes) -> bool:
        """As :meth:`Register.swap`."""
        check_size(document)
        # By chance and not counted: after somebody has deleted the file, a count would start again, and a version that
        # was read before would fit a document that was written after.
        new = secrets.token_hex(8)
        return await self._in_thread(lambda: self._file.swap(name, version, new, document))

    async def aclose(self) -> None:
        """As :meth:`Register.aclose`."""
        self._closed = True
        # Shielded, so that nothing is left open. It takes no longer than the call that is at work, if there is one; if
        # that hangs on a dead disk, its own thread closes the file when it is over (see _work), and no task waits for
        # it.
        with trio.move_on_after(self._timeout, shield=True):
            await trio.to_thread.run_sync(self._file.close, abandon_on_cancel=True, limiter=self._limiter)
        await trio.lowlevel.checkpoint()

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        """What ``call`` returns in a worker thread, or what its failure means to our callers.

        When it is cancelled, or out of time, its thread goes on and is left alone. It still holds the limiter's only
        token; so the next call waits until the file is free, and never finds a statement half done.
        """
        if self._closed:
            raise trio.ClosedResourceError("this register was closed")
        failure: Exception
        try:
            if self._run.has_changed(self):
                self._limiter = trio.CapacityLimiter(1)
            with trio.fail_after(self._timeout):
                return await trio.to_thread.run_sync(self._work, call, abandon_on_cancel=True, limiter=self._limiter)
        except trio.TooSlowError:
            failure = RegisterAway(
                f"the register {self._path} gave no answer within {self._timeout:g} s",
                advice="It is asked again; look whether its disk answers",
            )
        except (sqlite3.Error, OSError) as error:
            failure = meaning(error, self._path)
        except RegisterRefused as error:
            failure = error
        try:
            # Here no exception is being handled, so nothing becomes its __context__.
            raise failure
        finally:
            del failure  # else exception -> traceback -> frame -> exception is a cycle

    def _work(self, call: Callable[[], _T]) -> _T:
        """In the thread: do ``call``, and close the file if something went wrong, or that was asked for meanwhile."""
        worked = False
        try:
            result = call()
            worked = True
        finally:
            if self._closed or not worked:
                self._file.close()
        return result
