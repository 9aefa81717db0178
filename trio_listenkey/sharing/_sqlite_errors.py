"""What goes wrong with an SQLite file, in terms of the port."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from .._errors import RegisterAway, RegisterRefused
from ._register import MAX_DOCUMENT

__all__ = ["is_locked", "meaning"]

_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}

_PERMISSIONS: Final = (
    "cannot be opened or written",
    "Give this user the right to write both the file and its directory, in which SQLite makes two more",
)
_DAMAGED: Final = (
    "is no SQLite database, or a damaged one",
    "Name another file; or stop all programs that share it, and delete it",
)
_REFUSED: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_CANTOPEN: _PERMISSIONS,
    sqlite3.SQLITE_PERM: _PERMISSIONS,
    sqlite3.SQLITE_READONLY: _PERMISSIONS,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: ("has no room to grow: the disk is full", "Make room on the disk"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "Look at the disk; network file systems do not work"),
    sqlite3.SQLITE_TOOBIG: (f"takes no document of more than {MAX_DOCUMENT:,} bytes", "Share with fewer programs"),
}
_OTHERWISE: Final = ("cannot be used", "Stop all programs that share it, and delete it")


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another program holds a lock: that passes."""
    return _primary(error) in _LOCKED


def meaning(error: sqlite3.Error | OSError, path: Path) -> RegisterAway | RegisterRefused:
    """What to tell of ``error``."""
    if isinstance(error, OSError):
        problem, advice = _PERMISSIONS
        return RegisterRefused(f"the register {path} {problem}: {os.strerror(error.errno or 0).lower()}", advice=advice)
    if is_locked(error):
        return RegisterAway(
            f"the register {path} is locked by another program",
            advice="It is asked again; look for a program that keeps a transaction open in this file",
        )
    problem, advice = _REFUSED.get(_primary(error), _OTHERWISE)
    name = getattr(error, "sqlite_errorname", None)
    return RegisterRefused(f"the register {path} {problem}", advice=advice, code=name)


def _primary(error: sqlite3.Error) -> int:
    # Extended codes have more in the upper bits. What Python itself raises has none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
