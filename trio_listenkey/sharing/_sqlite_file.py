"""The file of an SQLite register: blocking calls, for one thread at a time."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final
from weakref import WeakSet

from .._errors import RegisterRefused
from ._register import ABSENT, MAX_DOCUMENT
from ._sqlite_errors import is_locked

__all__ = ["SQLiteFile"]

# "tlkr", so that no file of another program is taken for one of ours; and the version of what is in it.
_APPLICATION: Final = 0x746C6B72
_SCHEMA: Final = 1

_CREATE = f"""
CREATE TABLE register (name TEXT PRIMARY KEY, version TEXT NOT NULL, document BLOB NOT NULL) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_SCHEMA};
"""

_READ = "SELECT document, version FROM register WHERE name = ?"
# One statement each, so that SQLite's own lock makes it atomic: no BEGIN that a lost thread could leave behind.
_INSERT = "INSERT OR IGNORE INTO register (version, document, name) VALUES (?, ?, ?)"
_UPDATE = "UPDATE register SET version = ?, document = ? WHERE name = ? AND version = ?"


# SQLite keeps a table of the locks that a process has on a file. The child of a fork finds its parent's there, and has
# none of them. So another connection of the child takes no lock, the parent deletes the log under it, and what the
# child writes is lost. ("How To Corrupt An SQLite Database File", section 2.6; seen with SQLite 3.40.)
_files: Final[WeakSet[SQLiteFile]] = WeakSet()
_inherited: Final[dict[tuple[int, int], list[sqlite3.Connection]]] = {}


class SQLiteFile:
    """An SQLite file that is opened when it is needed.

    Args:
        path: Where it is.
        patience: Seconds to wait for a lock that another program holds.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        _files.add(self)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """The document and its version, if there is one."""
        row: tuple[bytes, str] | None = self._opened().execute(_READ, (name,)).fetchone()
        return row

    def swap(self, name: str, version: str, new: str, document: bytes) -> bool:
        """Write the document, as version ``new``, if its version is still ``version``; whether it was written."""
        if version == ABSENT:
            cursor = self._opened().execute(_INSERT, (new, document, name))
        else:
            cursor = self._opened().execute(_UPDATE, (new, document, name, version))
        return cursor.rowcount == 1

    def close(self) -> None:
        """Close it; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        # If somebody has deleted the file, those who have it open still see each other in what has no name any more,
        # and those who come see a new one. Two that do not know of each other would close each other's key. So all
        # follow the name.
        if self._connection is None or self._identity != _identity(self._path):
            self.close()
            self._check_place()
            self._connection = self._connect()
            self._identity = _identity(self._path)
        return self._connection

    def _check_place(self) -> None:
        """Of all that SQLite calls "unable to open database file", say what people do wrong most often."""
        if self._path.is_dir():
            raise RegisterRefused(f"the register {self._path} is a directory", advice="Name a file, which may be new")
        if not self._path.parent.is_dir():
            raise RegisterRefused(
                f"the register {self._path} has no directory to be in", advice="Make the directory, or name another"
            )
        if _identity(self._path) in _inherited:
            raise RegisterRefused(
                f"the register {self._path} was in use when this process was forked, and is lost to SQLite here",
                advice='Fork before it is first used; or start processes by another way, such as "spawn"',
            )

    def leave_to_parent(self) -> None:
        """In the child of a fork: neither use the parent's connection nor close it, nor open the file anew."""
        if self._connection is not None:
            assert self._identity is not None
            # Kept for as long as the process lives, because Python closes a connection without a reference.
            _inherited.setdefault(self._identity, []).append(self._connection)
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        is_new = not self._path.exists()
        # Python's check that it is always the same thread is off: our caller sees to it that there is one at a time.
        connection = sqlite3.connect(self._path, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            if is_new:
                # Nothing is in it yet; the two files beside it will have the same mode. Not made by us, with that mode
                # from the start: closing it again would let go of SQLite's locks, for a process has one set of locks
                # for all its descriptors of a file.
                self._path.chmod(0o600)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_DOCUMENT + 1024)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _marks(connection) == (0, 0):
            self._create(connection)
        application, schema = _marks(connection)
        if application != _APPLICATION:
            raise RegisterRefused(
                f"the register {self._path} is a database of another program", advice="Name a file of its own"
            )
        if schema != _SCHEMA:
            raise RegisterRefused(
                f"the register {self._path} was made by another version of trio-listenkey (format {schema}, not"
                f" {_SCHEMA})",
                advice="Have all programs that share it use one version; then stop them, and delete the file",
            )
        self._write_ahead(connection)
        # What power takes away, it takes away from all programs that share it: it was one machine.
        connection.execute("PRAGMA synchronous = NORMAL")

    def _create(self, connection: sqlite3.Connection) -> None:
        """Make the table, unless another program has done so meanwhile, or the file is a stranger's."""
        # If anything goes wrong before the end, our caller closes the connection, and SQLite takes all of it back.
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
            for statement in _CREATE.strip().splitlines():
                connection.execute(statement)
        connection.execute("COMMIT")

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        """Use a write-ahead log, so that readers do not wait. It stays so for all who open the file."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # While another program writes, as when several open a new file at once, SQLite does not wait by itself.
                if not is_locked(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is that has the name now."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _marks(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return application, schema


def _leave_all_to_parent() -> None:
    for file in list(_files):
        file.leave_to_parent()


# Not on Windows, which does not fork.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_leave_all_to_parent)
