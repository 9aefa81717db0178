"""What the register in a file does when the disk is full or hangs, and when other programs lock the file."""

from __future__ import annotations

import sqlite3
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from register_kits import failure_of
from sqlite_files import connect, write

from trio_listenkey.sharing import RegisterAway, RegisterRefused, SQLiteRegister


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared.db"


class TestDisk:
    async def test_a_full_one(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SQLite says so; what is there can still be read, and when there is room again it goes on."""
        real = sqlite3.connect
        pages = 4

        def small(*args: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = real(*args, **options)
            connection.execute(f"PRAGMA max_page_count = {pages}")
            return connection

        monkeypatch.setattr(sqlite3, "connect", small)
        register = SQLiteRegister(path)
        assert await register.swap("name", "0", b"x")
        _, version = await register.read("name")
        error = await failure_of(partial(register.swap, "name", version, b"x" * 100_000))
        assert isinstance(error, RegisterRefused)
        assert "disk is full" in str(error)
        assert error.code == "SQLITE_FULL"
        pages = 1000
        assert await register.read("name") == (b"x", version)
        assert await register.swap("name", version, b"x" * 100_000)
        await register.aclose()

    async def test_one_that_hangs(self, path: Path, disk: Disk) -> None:
        """A call ends in time, and so does closing; the thread that nobody waits for any more leaves nothing open."""
        register = SQLiteRegister(path, timeout=0.1)
        disk.hangs.clear()
        for _ in range(2):
            error = await failure_of(partial(register.read, "name"))
            assert isinstance(error, RegisterAway)
            assert "gave no answer within 0.1 s" in str(error)
        with trio.fail_after(5):
            await register.aclose()
        disk.hangs.set()
        await trio.to_thread.run_sync(disk.wait_until_closed)
        assert isinstance(await failure_of(partial(register.read, "name")), trio.ClosedResourceError)

    async def test_one_that_hung(self, path: Path, disk: Disk) -> None:
        """When it goes on, so does the register, which has had one thread at a time and none of anybody else's."""
        register = SQLiteRegister(path, timeout=0.1)
        disk.hangs.clear()
        await failure_of(partial(register.read, "name"))
        with trio.move_on_after(0.05) as scope:
            await register.swap("name", "0", b"cancelled")
        assert scope.cancelled_caught
        await failure_of(partial(register.read, "name"))
        assert disk.threads <= 1
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        disk.hangs.set()
        with trio.fail_after(30):
            while not await has_written(register, b"x"):
                await trio.sleep(0.01)
        await register.aclose()


async def has_written(register: SQLiteRegister, document: bytes) -> bool:
    """Write, and look whether it is there; a call that was given up, on a busy machine, may have written it, too."""
    try:
        found, version = await register.read("name")
        return found == document or await register.swap("name", version, document)
    except RegisterAway:
        return False


class Disk:
    """Where files are opened; it hangs while it is told to."""

    def __init__(self) -> None:
        self.hangs = threading.Event()
        self.hangs.set()
        self.threads = 0
        self.begins = threading.Event()
        """Set when a transaction is about to begin."""
        self._connect = sqlite3.connect
        self._connections: list[sqlite3.Connection] = []

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        self.threads += 1
        self.hangs.wait(10)
        connection: sqlite3.Connection = self._connect(*args, **options)
        connection.set_trace_callback(self._trace)
        self._connections.append(connection)
        return connection

    def _trace(self, statement: str) -> None:
        if statement.startswith("BEGIN"):
            self.begins.set()

    def wait_until_closed(self) -> None:
        """Until everything that was opened is closed again."""
        deadline = time.monotonic() + 5
        while not (self._connections and all(map(_is_closed, self._connections))):
            assert time.monotonic() < deadline
            time.sleep(0.005)


def _is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.total_changes  # noqa: B018 - it is the question
    except sqlite3.ProgrammingError as error:
        return "closed" in str(error)
    return False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk()
    monkeypatch.setattr(sqlite3, "connect", found.connect)
    return found


class TestLocks:
    async def test_a_lock_that_lasts(self, path: Path) -> None:
        """Another program with a transaction open keeps all from writing: they are told, and may read meanwhile."""
        await write(path)
        register, impatient = SQLiteRegister(path, timeout=30), SQLiteRegister(path, timeout=1)
        _, version = await register.read("name")
        with connect(path) as other:
            other.execute("BEGIN IMMEDIATE")
            before = trio.current_time()
            error = await failure_of(partial(impatient.swap, "name", version, b"y"))
            assert isinstance(error, RegisterAway)
            assert "is locked by another program" in str(error)
            assert 0.4 <= trio.current_time() - before < 5
            assert await register.read("name") == (b"x", version)
            other.execute("COMMIT")
        assert await register.swap("name", version, b"y")
        await register.aclose()
        await impatient.aclose()

    async def test_a_lock_that_passes(self, path: Path) -> None:
        """It is waited for."""
        await write(path)
        register = SQLiteRegister(path, timeout=30)
        _, version = await register.read("name")
        with connect(path) as other:
            other.execute("BEGIN IMMEDIATE")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(commit_soon, other)
                assert await register.swap("name", version, b"y")
        await register.aclose()

    async def test_a_lock_on_a_new_file(self, path: Path) -> None:
        """Who finds an empty file waits for the program that is about to make the table, within bounds."""
        impatient = SQLiteRegister(path, timeout=0.1)
        with connect(path) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert isinstance(await failure_of(partial(impatient.read, "name")), RegisterAway)
            other.execute("COMMIT")
        await impatient.aclose()
        await write(path)

    @pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
    async def test_a_lock_on_the_journal_mode(self, path: Path, begin: str) -> None:
        """Of who writes SQLite does not wait for it by itself, so the register does, within bounds."""
        await write(path)
        register, impatient = SQLiteRegister(path, timeout=30), SQLiteRegister(path, timeout=0.1)
        with connect(path) as other:
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute(begin)
            other.execute("SELECT * FROM register").fetchall()
            assert isinstance(await failure_of(partial(impatient.read, "name")), RegisterAway)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(commit_soon, other)
                assert (await register.read("name"))[0] == b"x"
        await impatient.aclose()
        await register.aclose()


async def commit_soon(other: sqlite3.Connection) -> None:
    await trio.sleep(0.05)
    other.execute("COMMIT")


class TestNewFiles:
    async def test_another_program_was_faster(self, path: Path, disk: Disk) -> None:
        """Between looking at an empty file and making its table: then the table is there."""
        path.touch()
        register = SQLiteRegister(path)
        with connect(path) as other:
            other.execute("BEGIN IMMEDIATE")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(make_meanwhile, other, disk)
                assert await register.read("name") == (None, "0")
        await register.aclose()


async def make_meanwhile(other: sqlite3.Connection, disk: Disk) -> None:
    """When the register has found nothing, and wants to make it."""
    await trio.to_thread.run_sync(disk.begins.wait)
    other.execute(
        "CREATE TABLE register (name TEXT PRIMARY KEY, version TEXT NOT NULL, document BLOB NOT NULL) WITHOUT ROWID"
    )
    other.execute(f"PRAGMA application_id = {0x746C6B72}")
    other.execute("PRAGMA user_version = 1")
    other.execute("COMMIT")
