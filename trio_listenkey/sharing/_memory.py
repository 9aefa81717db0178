"""A register in memory, for tests: it is away, forgets and goes back to yesterday when it is told to."""

from __future__ import annotations

import threading
from typing import TypeAlias

import trio

from .._errors import RegisterAway
from ._register import ABSENT, check_size

__all__ = ["MemoryRegister", "Snapshot"]

Snapshot: TypeAlias = dict[str, tuple[bytes, str]]
"""Documents and versions by name."""


class MemoryRegister:
    """A register in the memory of one process: for tests, not for sharing.

    Pass the same object to all members of a test. It runs under a virtual clock, and can fail as real engines do.

    Attributes:
        away: While ``True``, every call ends in :exc:`RegisterAway`.
        latency: Seconds from a call to its effect, and again from there to its return. If a ``swap``
            is cancelled in the second half, it has been written although its caller does not know.
    """

    def __init__(self, *, latency: float = 0.0) -> None:
        self.away = False
        self.latency = latency
        self._documents: Snapshot = {}
        # Counts through whatever happens to the documents, so that no version comes a second time.
        self._writes = 0
        # Threads may have a trio.run each.
        self._lock = threading.Lock()
        self._closed = False

    def __repr__(self) -> str:
        return f"MemoryRegister(latency={self.latency!r})"

    async def read(self, name: str) -> tuple[bytes | None, str]:
        """As :meth:`Register.read`."""
        await self._arrive()
        found = self._documents.get(name, (None, ABSENT))
        await trio.sleep(self.latency)
        return found

    async def swap(self, name: str, version: str, document: bytes) -> bool:
        """As :meth:`Register.swap`."""
        check_size(document)
        await self._arrive()
        with self._lock:
            _, current = self._documents.get(name, (None, ABSENT))
            written = current == version
            if written:
                self._writes += 1
                self._documents[name] = bytes(document), str(self._writes)
        await trio.sleep(self.latency)
        return written

    async def aclose(self) -> None:
        """As :meth:`Register.aclose`, for everybody who has this object."""
        self._closed = True
        await trio.lowlevel.checkpoint()

    def forget(self) -> None:
        """Lose all documents, as a server without a disk does when it is restarted."""
        self.restore({})

    def snapshot(self) -> Snapshot:
        """What it holds now, for :meth:`restore`."""
        with self._lock:
            return dict(self._documents)

    def restore(self, snapshot: Snapshot) -> None:
        """Hold what it held at an earlier time, as after a failover to a replica that lagged, or from a backup."""
        with self._lock:
            self._documents = dict(snapshot)

    async def _arrive(self) -> None:
        await trio.sleep(self.latency)
        if self._closed:
            raise trio.ClosedResourceError("this register was closed")
        if self.away:
            raise RegisterAway("the register in memory is away", advice="Set its attribute away to False")
