"""What the tests of files share: another program that has one open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from trio_listenkey.sharing import SQLiteRegister

__all__ = ["connect", "write"]


async def write(path: Path, document: bytes = b"x") -> None:
    """Make the file, with one document in it."""
    register = SQLiteRegister(path)
    assert await register.swap("name", "0", document)
    await register.aclose()


def connect(path: Path) -> closing[sqlite3.Connection]:
    """As another program does."""
    return closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
