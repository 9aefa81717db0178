"""Standard output and standard error, as files that may be slow, stuck or closed without holding up anything else.

A write to a full pipe blocks, and with it the task that keeps the key alive. So it is done in a thread,
past Python's buffers: those would be flushed at exit, and fail there.
"""

from __future__ import annotations

import io
import os
import select
import stat

import trio

__all__ = ["Descriptor", "give_up", "print_line", "reader_has_gone", "write_all"]


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however long it takes."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # another process that shares it has set this
            select.select([], [descriptor], [])


def give_up(descriptor: int) -> None:
    """Let what is still to be written to it go nowhere: Python would try again at exit, and complain of that."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def print_line(descriptor: int, line: str) -> None:
    """Print a line, at once.

    Raises:
        OSError: It cannot be.
    """
    write_all(descriptor, f"{line}\n".encode("utf-8", "replace"))


class Descriptor(io.TextIOBase):
    """A file descriptor as a text file, for Rich. When it cannot be written to, it keeps silent."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.failure: OSError | None = None
        """Why nothing more is written."""

    def fileno(self) -> int:
        """See ``io``."""
        return self._descriptor

    def isatty(self) -> bool:
        """See ``io``."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """See ``io``."""
        return True

    def write(self, text: str) -> int:
        """Write ``text`` at once."""
        if self.failure is None:
            try:
                write_all(self._descriptor, text.encode("utf-8", "replace"))
            except OSError as error:
                self.failure = error
        return len(text)


async def reader_has_gone(descriptor: int) -> None:
    """Return when the pipe has no reader any more, even if there is nothing to write; never if it is not a pipe."""
    if os.name == "posix" and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        # What can be read at the end for writing is that the other one is closed.
        await trio.lowlevel.wait_readable(descriptor)
        poll = select.poll()
        poll.register(descriptor, 0)
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            return
    await trio.sleep_forever()
