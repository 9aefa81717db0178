"""What every register keeps to: the contract in ``trio_listenkey/sharing/_register.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from register_kits import ENGINES, Kit, failure_of, open_patiently
from steps import at_step

from trio_listenkey.sharing import MAX_DOCUMENT, Register, RegisterRefused

ENOUGH = 200

outside_of_this_process = pytest.mark.parametrize(
    "kit", [engine for engine in ENGINES if engine != "memory"], indirect=True
)


async def add_one(register: Register, name: str) -> None:
    """As programs that share a key do: read, and swap until it is done."""
    while True:
        document, version = await register.read(name)
        if await register.swap(name, version, b"%d" % (int(document or b"0") + 1)):
            return


class TestOneDocument:
    async def test_absent(self, kit: Kit, name: str) -> None:
        """What nobody wrote is not there, and its version says so."""
        register = kit.make()
        assert await register.read(name) == (None, "0")
        assert not await register.swap(name, "1", b"x")
        assert await register.read(name) == (None, "0")
        await register.aclose()

    async def test_written(self, kit: Kit, name: str) -> None:
        """The first write finds nothing there; what it wrote can be read by everybody."""
        mine, theirs = kit.make(), kit.make()
        assert await mine.swap(name, "0", b"first") is True
        document, version = await mine.read(name)
        assert document == b"first"
        assert version != "0"
        assert await theirs.read(name) == (b"first", version)
        await mine.aclose()
        await theirs.aclose()

    async def test_a_lost_race(self, kit: Kit, name: str) -> None:
        """Who has read what is no longer the newest changes nothing."""
        mine, theirs = kit.make(), kit.make()
        assert await theirs.swap(name, "0", b"theirs")
        assert await mine.swap(name, "0", b"mine") is False
        document, version = await mine.read(name)
        assert document == b"theirs"
        assert await theirs.swap(name, version, b"theirs again")
        assert await mine.swap(name, version, b"mine") is False
        assert (await mine.read(name))[0] == b"theirs again"
        await mine.aclose()
        await theirs.aclose()

    async def test_a_version_comes_once(self, kit: Kit, name: str) -> None:
        """Even where the document is the same again: who read the old one may not replace the new one."""
        register = kit.make()
        versions = []
        for _ in range(20):
            _, version = await register.read(name)
            assert await register.swap(name, version, b"same")
            versions.append(version)
        assert len(set(versions)) == 20
        for version in versions:
            assert not await register.swap(name, version, b"other")
        await register.aclose()

    async def test_names_are_apart(self, kit: Kit, name: str) -> None:
        """Each has its own document and its own versions."""
        register = kit.make()
        for each in (name, f"{name}-", f"{name}:2", name.upper(), name[:1]):
            assert await register.read(each) == (None, "0")
            assert await register.swap(each, "0", each.encode())
        assert (await register.read(name))[0] == name.encode()
        assert (await register.read(f"{name}:2"))[0] == f"{name}:2".encode()
        _, version = await register.read(name)
        assert not await register.swap(f"{name}:2", version, b"x")
        # This one is not of this test alone.
        document, version = await register.read(name[:1])
        await register.swap(name[:1], version, document or b"")
        await register.aclose()

    @pytest.mark.parametrize(
        "document",
        [b"", b"\0", bytes(range(256)), "é\r\n$5\r\n".encode(), b"0" * MAX_DOCUMENT],
        ids=["empty", "nul", "all", "lines", "largest"],
    )
    async def test_bytes_are_kept(self, kit: Kit, name: str, document: bytes) -> None:
        """As they are, up to the largest document."""
        register = kit.make()
        assert await register.swap(name, "0", document)
        found, version = await register.read(name)
        assert found == document
        assert isinstance(found, bytes)
        assert version != "0"
        await register.aclose()

    async def test_too_large(self, kit: Kit, name: str) -> None:
        """One byte more is refused, and whatever was there stays."""
        register = kit.make()
        error = await failure_of(partial(register.swap, name, "0", b"0" * (MAX_DOCUMENT + 1)))
        assert isinstance(error, RegisterRefused)
        assert "1,048,577 bytes" in str(error)
        assert await register.read(name) == (None, "0")
        await register.aclose()


class TestManyWriters:
    async def test_one_wins(self, kit: Kit, name: str) -> None:
        """Of all that swap the same version at once, one writes, and it is what is there."""
        registers = [kit.make() for _ in range(4)]
        for _ in range(5):
            _, version = await registers[0].read(name)
            winners: list[bytes] = []

            async def swap(register: Register, document: bytes, version: str, winners: list[bytes]) -> None:
                if await register.swap(name, version, document):
                    winners.append(document)

            async with trio.open_nursery() as nursery:
                for number in range(12):
                    nursery.start_soon(swap, registers[number % 4], b"%d" % number, version, winners)
            assert winners == [(await registers[0].read(name))[0]]
        for register in registers:
            await register.aclose()

    async def test_no_task_loses_a_write(self, kit: Kit, name: str) -> None:
        """A thousand increments by tasks, some of which have a register together, are a thousand."""
        registers = [kit.make(), kit.make()]

        async def work(register: Register) -> None:
            for _ in range(250):
                await add_one(register, name)

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(work, registers[number % 2])
        assert (await registers[0].read(name))[0] == b"1000"
        for register in registers:
            await register.aclose()

    @outside_of_this_process
    def test_no_process_loses_a_write(self, kit: Kit, name: str) -> None:
        """A thousand increments by processes that begin at the same time, with nothing there, are a thousand."""
        command = [sys.executable, __file__, str(kit.url), name]
        shared = Path(__file__).parents[:2]  # where the tests of registers, and of all ports, have what they share
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, shared))}
        workers = [subprocess.Popen([*command, "250"], stderr=subprocess.PIPE, env=environ) for _ in range(4)]
        for worker in workers:
            _, errors = worker.communicate(timeout=60)
            assert worker.returncode == 0, errors.decode()
        assert trio.run(count, kit, name) == b"1000"


async def count(kit: Kit, name: str) -> bytes | None:
    register = kit.make()
    document, _ = await register.read(name)
    await register.aclose()
    return document


class TestCancellation:
    async def test_at_every_checkpoint_of_a_read(self, kit: Kit, name: str) -> None:
        """The next call has its own answer, at once, whatever came of the last one."""
        register = kit.make()
        assert await register.swap(name, "0", b"this")
        assert await register.swap(f"{name}:other", "0", b"other")
        for step in range(ENOUGH):
            with trio.CancelScope() as scope:
                came = await at_step(step, scope.cancel, partial(read, register, name, b"this"))
            assert (await register.read(f"{name}:other"))[0] == b"other"
            if not scope.cancelled_caught and not came:
                break
        assert 2 <= step < ENOUGH - 1
        await register.aclose()

    async def test_at_every_checkpoint_of_a_swap(self, kit: Kit, name: str) -> None:
        """It was written or it was not, and the next calls have their own answers."""
        register = kit.make()
        outcomes = set()
        for step in range(ENOUGH):
            document, version = await register.read(name)
            new = b"%d" % step
            with trio.CancelScope() as scope:
                came = await at_step(step, scope.cancel, partial(swap, register, name, version, new))
            assert await register.read(f"{name}:other") == (None, "0")
            found = (await settled(register, name))[0]
            assert found in {document, new}
            outcomes.add(scope.cancelled_caught)
            assert scope.cancelled_caught or found == new
            if not scope.cancelled_caught and not came:
                break
        assert 2 <= step < ENOUGH - 1
        assert True in outcomes
        await register.aclose()

    async def test_at_every_checkpoint_of_the_first_call(self, kit: Kit, name: str) -> None:
        """When the file is being made, or the connection opened, too; and nothing is left open."""
        for step in range(ENOUGH):
            register = kit.make()
            with trio.CancelScope() as scope:
                came = await at_step(step, scope.cancel, partial(read, register, name, None))
            assert await register.read(name) == (None, "0")
            if kit.url is not None:
                await register.aclose()
            if not scope.cancelled_caught and not came:
                break
        assert 2 <= step < ENOUGH - 1


async def read(register: Register, name: str, document: bytes | None) -> None:
    assert (await register.read(name))[0] == document


async def swap(register: Register, name: str, version: str, document: bytes) -> None:
    assert await register.swap(name, version, document)


async def read_until_closed(step: int, register: Register, name: str, close: trio.Event) -> bool:
    """Have it closed after ``step`` steps of a read; whether there were so many."""
    try:
        return await at_step(step, close.set, partial(read, register, name, None))
    except trio.ClosedResourceError:
        return True


async def close_when_told(register: Register, close: trio.Event) -> None:
    await close.wait()
    await register.aclose()


async def settled(register: Register, name: str) -> tuple[bytes | None, str]:
    """What is there, when nothing that was begun can still change it."""
    before = await register.read(name)
    await trio.sleep(0.002)
    return before if await register.read(name) == before else await settled(register, name)


class TestTheEnd:
    async def test_closed(self, kit: Kit, name: str) -> None:
        """It says so, and can be closed again."""
        register = kit.make()
        await register.swap(name, "0", b"x")
        await register.aclose()
        await register.aclose()
        for call in (partial(register.read, name), partial(register.swap, name, "0", b"y")):
            assert isinstance(await failure_of(call), trio.ClosedResourceError)

    async def test_closed_before_it_was_used(self, kit: Kit) -> None:
        """There is nothing to close."""
        register = kit.make()
        await register.aclose()
        assert isinstance(await failure_of(partial(register.read, "a")), trio.ClosedResourceError)

    async def test_closed_when_cancelled(self, kit: Kit, name: str) -> None:
        """A block that is cancelled leaves nothing open."""
        register = kit.make()
        await register.read(name)
        with trio.CancelScope() as scope:
            scope.cancel()
            await register.aclose()
        assert scope.cancelled_caught
        assert isinstance(await failure_of(partial(register.read, name)), trio.ClosedResourceError)

    @outside_of_this_process
    @pytest.mark.parametrize("used", [True, False], ids=["used", "new"])
    async def test_closed_at_every_checkpoint_of_a_call(self, kit: Kit, name: str, used: bool) -> None:
        """The call still answers, or says that the register was closed; and nothing is left open."""
        for step in range(ENOUGH):
            register = kit.make()
            if used:
                await register.read(name)
            close = trio.Event()
            with trio.fail_after(5):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(close_when_told, register, close)
                    came = await read_until_closed(step, register, name, close)
                    close.set()
            assert isinstance(await failure_of(partial(register.read, name)), trio.ClosedResourceError)
            if not came:
                break
        assert 1 <= step < ENOUGH - 1

    async def test_it_is_a_register(self, kit: Kit) -> None:
        """As type checkers and programs see it."""
        register = kit.make()
        assert isinstance(register, Register)
        assert type(register).__name__ in repr(register)
        await register.aclose()


async def increment(url: str, name: str, times: int) -> None:
    register = open_patiently(url)
    for _ in range(times):
        await add_one(register, name)
    await register.aclose()


if __name__ == "__main__":
    trio.run(increment, sys.argv[1], sys.argv[2], int(sys.argv[3]))
