"""What the register in a file does when the file is not what it should be."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from register_kits import as_nobody, failure_of

from trio_listenkey import UsageError
from trio_listenkey.sharing import MAX_DOCUMENT, RegisterAway, RegisterRefused, SQLiteRegister


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared.db"


async def write(path: Path, document: bytes = b"x") -> None:
    """Make the file, with one document in it."""
    register = SQLiteRegister(path)
    assert await register.swap("name", "0", document)
    await register.aclose()


def connect(path: Path) -> closing[sqlite3.Connection]:
    """As another program does."""
    return closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))


async def refused(register: SQLiteRegister) -> RegisterRefused:
    """The error of a read, which comes again; and nothing is left open."""
    errors = [await failure_of(partial(register.read, "name")) for _ in range(2)]
    await register.aclose()
    first, again = errors
    assert isinstance(first, RegisterRefused)
    assert str(first) == str(again)
    return first


class TestArguments:
    @pytest.mark.parametrize("path", ["", ":memory:"])
    def test_a_path_that_is_no_file(self, path: str) -> None:
        """What SQLite keeps for itself cannot be shared."""
        with pytest.raises(UsageError, match="names no file"):
            SQLiteRegister(path)

    @pytest.mark.parametrize("timeout", [0, -1, 61, float("inf"), float("nan")])
    def test_no_time(self, path: Path, timeout: float) -> None:
        """It is said at once, and the file is not made."""
        with pytest.raises(UsageError, match="not between 0 and 60 seconds"):
            SQLiteRegister(path, timeout=timeout)
        assert not path.exists()

    @pytest.mark.parametrize("path", [None, 7, b"shared.db"])
    def test_no_path(self, path: Any) -> None:
        """What is no path is told apart from a file that is not there."""
        with pytest.raises(UsageError, match="path is of type"):
            SQLiteRegister(path)

    async def test_a_relative_path_stays_where_it_was(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A program that changes its directory goes on with the same file."""
        monkeypatch.chdir(path.parent)
        register = SQLiteRegister(path.name)
        monkeypatch.chdir("/")
        assert await register.swap("name", "0", b"x")
        assert path.exists()
        assert str(path) in repr(register)
        await register.aclose()


class TestFile:
    async def test_it_is_for_its_owner_alone(self, path: Path) -> None:
        """With the two that SQLite keeps beside it."""
        before = os.umask(0)
        try:
            register = SQLiteRegister(path)
            await register.swap("name", "0", b"x")
        finally:
            os.umask(before)
        files = sorted(path.parent.iterdir())
        assert [each.name for each in files] == ["shared.db", "shared.db-shm", "shared.db-wal"]
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
        await register.aclose()

    async def test_its_owner_may_open_it_to_others(self, path: Path) -> None:
        """The mode is that of a new file; one that is there is left as it is."""
        await write(path)
        path.chmod(0o660)
        await write_again(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660

    async def test_it_lasts(self, path: Path) -> None:
        """Documents outlive the programs that wrote them."""
        await write(path, b"kept")
        register = SQLiteRegister(path)
        assert (await register.read("name"))[0] == b"kept"
        await register.aclose()

    async def test_one_that_was_deleted_is_followed(self, path: Path) -> None:
        """Who has the file without a name open does not go on with it alone: all meet in the new one."""
        mine, theirs = SQLiteRegister(path), SQLiteRegister(path)
        assert await mine.swap("name", "0", b"old")
        _, version = await theirs.read("name")
        for each in path.parent.iterdir():
            each.unlink()
        assert await theirs.read("name") == (None, "0")
        assert await theirs.swap("name", "0", b"new")
        assert not await mine.swap("name", version, b"mine")
        assert (await mine.read("name"))[0] == b"new"
        await mine.aclose()
        await theirs.aclose()

    async def test_one_that_was_replaced_is_followed(self, path: Path) -> None:
        """By a backup, for example."""
        register = SQLiteRegister(path)
        await register.swap("name", "0", b"now")
        other = path.with_name("backup.db")
        await write(other, b"yesterday")
        for each in path.parent.glob("shared.db*"):
            each.unlink()
        other.rename(path)
        assert (await register.read("name"))[0] == b"yesterday"
        await register.aclose()

    async def test_an_empty_file_is_new(self, path: Path) -> None:
        """As ``mktemp`` makes it."""
        path.touch()
        await write(path)


async def write_again(path: Path) -> None:
    register = SQLiteRegister(path)
    _, version = await register.read("name")
    assert await register.swap("name", version, b"again")
    await register.aclose()


class TestWrongFile:
    async def test_a_directory(self, tmp_path: Path) -> None:
        """A path that names one."""
        error = await refused(SQLiteRegister(tmp_path))
        assert f"{tmp_path} is a directory" in str(error)

    async def test_no_directory(self, tmp_path: Path) -> None:
        """It is not made: a typing error would go unnoticed."""
        error = await refused(SQLiteRegister(tmp_path / "not" / "there"))
        assert "has no directory to be in" in str(error)
        assert list(tmp_path.iterdir()) == []

    async def test_no_database(self, path: Path) -> None:
        """It is left as it is."""
        path.write_bytes(b"This is somebody's diary.\n" * 100)
        error = await refused(SQLiteRegister(path))
        assert "is no SQLite database" in str(error)
        assert error.code == "SQLITE_NOTADB"
        assert path.read_bytes().startswith(b"This is somebody's diary.\n")

    async def test_another_programs(self, path: Path) -> None:
        """It is left as it is, and not put into another journal mode either."""
        with connect(path) as other:
            other.execute("CREATE TABLE diary (day, text)")
        before = path.read_bytes()
        error = await refused(SQLiteRegister(path))
        assert "is a database of another program" in str(error)
        assert path.read_bytes() == before

    async def test_another_programs_that_says_whose_it_is(self, path: Path) -> None:
        """An application id that is not ours is enough."""
        with connect(path) as other:
            other.execute("PRAGMA application_id = 7")
            other.execute("PRAGMA user_version = 1")
        assert "is a database of another program" in str(await refused(SQLiteRegister(path)))

    async def test_another_version(self, path: Path) -> None:
        """A file that a later version of this library made is not guessed at."""
        await write(path)
        with connect(path) as other:
            other.execute("PRAGMA user_version = 2")
        error = await refused(SQLiteRegister(path))
        assert "by another version of trio-listenkey (format 2, not 1)" in str(error)

    async def test_one_without_its_table(self, path: Path) -> None:
        """Whatever else is wrong with it is told by SQLite's name for it."""
        await write(path)
        with connect(path) as other:
            other.execute("DROP TABLE register")
        error = await refused(SQLiteRegister(path))
        assert "is of no use" in str(error)
        assert error.code == "SQLITE_ERROR"

    async def test_a_document_that_is_too_large(self, path: Path) -> None:
        """What comes is bounded, too, whoever wrote it."""
        await write(path)
        with connect(path) as other:
            other.execute("UPDATE register SET document = zeroblob(?)", (2 * MAX_DOCUMENT,))
        error = await refused(SQLiteRegister(path))
        assert "takes no document of more than 1,048,576 bytes" in str(error)

    async def test_it_is_mended_while_the_program_runs(self, path: Path) -> None:
        """A refusal is not for ever."""
        path.write_bytes(b"This is somebody's diary.\n" * 100)
        register = SQLiteRegister(path)
        assert isinstance(await failure_of(partial(register.read, "name")), RegisterRefused)
        path.unlink()
        assert await register.swap("name", "0", b"x")
        await register.aclose()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that others may look into, but not write in."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


class TestPermissions:
    async def test_a_directory_that_is_not_ours(self, directory: Path) -> None:
        """No file can be made there."""
        directory.chmod(0o555)
        with as_nobody():
            error = await refused(SQLiteRegister(directory / "shared.db"))
        assert "cannot be opened or written" in str(error)
        assert error.code == "SQLITE_CANTOPEN"

    @pytest.mark.parametrize("mode", ["WAL", "DELETE"])
    async def test_a_file_that_is_not_ours(self, directory: Path, mode: str) -> None:
        """It can be read, as everybody's: that does not do."""
        path = directory / "shared.db"
        await write(path)
        with connect(path) as other:
            other.execute(f"PRAGMA journal_mode = {mode}")
        path.chmod(0o444)
        directory.chmod(0o555)
        with as_nobody():
            error = await refused(SQLiteRegister(path))
        assert "cannot be opened or written" in str(error)

    async def test_a_directory_that_cannot_be_looked_into(self, directory: Path) -> None:
        """The system's own error says so."""
        (directory / "closed").mkdir(mode=0o000)
        with as_nobody():
            error = await refused(SQLiteRegister(directory / "closed" / "shared.db"))
        assert "cannot be opened or written: permission denied" in str(error)


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
        assert disk.threads == 1
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        disk.hangs.set()
        with trio.fail_after(5):
            while not await swapped(register):
                await trio.sleep(0.01)
        await register.aclose()


async def swapped(register: SQLiteRegister) -> bool:
    try:
        return await register.swap("name", "0", b"x")
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
        register = SQLiteRegister(path, timeout=0.2)
        _, version = await register.read("name")
        with connect(path) as other:
            other.execute("BEGIN IMMEDIATE")
            before = trio.current_time()
            error = await failure_of(partial(register.swap, "name", version, b"y"))
            assert isinstance(error, RegisterAway)
            assert "is locked by another program" in str(error)
            assert 0.1 <= trio.current_time() - before < 5
            assert await register.read("name") == (b"x", version)
            other.execute("COMMIT")
        assert await register.swap("name", version, b"y")
        await register.aclose()

    async def test_a_lock_that_passes(self, path: Path) -> None:
        """It is waited for."""
        await write(path)
        register = SQLiteRegister(path, timeout=10)
        _, version = await register.read("name")
        with connect(path) as other:
            other.execute("BEGIN IMMEDIATE")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(commit_soon, other)
                assert await register.swap("name", version, b"y")
        await register.aclose()

    async def test_a_lock_on_a_new_file(self, path: Path) -> None:
        """Who finds an empty file waits for the program that is about to make the table."""
        register = SQLiteRegister(path, timeout=0.1)
        with connect(path) as other:
            other.execute("BEGIN EXCLUSIVE")
            error = await failure_of(partial(register.read, "name"))
            assert isinstance(error, RegisterAway)
            other.execute("COMMIT")
        assert await register.read("name") == (None, "0")
        await register.aclose()

    @pytest.mark.parametrize("passes", [True, False], ids=["passes", "lasts"])
    @pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
    async def test_a_lock_on_the_journal_mode(self, path: Path, begin: str, passes: bool) -> None:
        """Of who writes SQLite does not wait for it by itself, so the register does, within bounds."""
        await write(path)
        with connect(path) as other:
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute(begin)
            other.execute("SELECT * FROM register").fetchall()
            register = SQLiteRegister(path, timeout=10 if passes else 0.1)
            async with trio.open_nursery() as nursery:
                if passes:
                    nursery.start_soon(commit_soon, other)
                    assert (await register.read("name"))[0] == b"x"
                else:
                    assert isinstance(await failure_of(partial(register.read, "name")), RegisterAway)
                    other.execute("COMMIT")
        assert (await register.read("name"))[0] == b"x"
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
