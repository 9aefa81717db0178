"""What the register in a file does when the file is not what it should be."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from register_kits import as_nobody, failure_of
from sqlite_files import connect, write

from trio_listenkey import UsageError
from trio_listenkey.sharing import MAX_DOCUMENT, RegisterRefused, SQLiteRegister


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared.db"


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
        assert "cannot be used" in str(error)
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
