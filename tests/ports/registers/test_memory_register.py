"""The register in memory fails as real ones do, when it is told to, and under a virtual clock."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from register_kits import failure_of
from trio.testing import MockClock

from trio_listenkey.sharing import MemoryRegister, RegisterAway


async def test_it_is_away() -> None:
    """For as long as it is told to; what it holds is there afterwards."""
    register = MemoryRegister()
    assert await register.swap("name", "0", b"x")
    register.away = True
    for call in (partial(register.read, "name"), partial(register.swap, "name", "0", b"y")):
        assert isinstance(await failure_of(call), RegisterAway)
    register.away = False
    assert (await register.read("name"))[0] == b"x"


async def test_it_forgets() -> None:
    """And no version comes again for another document."""
    register = MemoryRegister()
    assert await register.swap("name", "0", b"x")
    _, old = await register.read("name")
    register.forget()
    assert await register.read("name") == (None, "0")
    assert await register.swap("name", "0", b"y")
    assert not await register.swap("name", old, b"z")
    assert (await register.read("name"))[0] == b"y"


async def test_it_goes_back_to_yesterday() -> None:
    """As often as it is told to; what was restored can be written to like anything else."""
    register = MemoryRegister()
    assert await register.swap("name", "0", b"yesterday")
    snapshot = register.snapshot()
    _, yesterday = await register.read("name")
    assert await register.swap("name", yesterday, b"today")
    _, today = await register.read("name")
    for _ in range(2):
        register.restore(snapshot)
        assert await register.read("name") == (b"yesterday", yesterday)
        assert not await register.swap("name", today, b"tomorrow")
        assert await register.swap("name", yesterday, b"tomorrow")
        assert (await register.read("name"))[0] == b"tomorrow"


async def test_it_takes_its_time(autojump_clock: MockClock) -> None:
    """A call takes twice the latency; it is done in the middle, whoever still waits for it then."""
    register = MemoryRegister(latency=1.0)
    assert repr(register) == "MemoryRegister(latency=1.0)"
    before = trio.current_time()
    assert await register.swap("name", "0", b"x")
    assert await register.read("name") == (b"x", "1")
    assert trio.current_time() == pytest.approx(before + 4)
    for patience, document in ((0.5, b"x"), (1.5, b"z")):
        with trio.move_on_after(patience) as scope:
            await register.swap("name", "1", b"z")
        assert scope.cancelled_caught
        assert (await register.read("name"))[0] == document


async def test_a_snapshot_is_none_of_the_registers_business() -> None:
    """What is done to it later changes nothing, and the other way round."""
    register = MemoryRegister()
    snapshot = register.snapshot()
    assert await register.swap("name", "0", b"x")
    assert snapshot == {}
    register.restore(snapshot)
    assert await register.swap("name", "0", b"x")
    assert snapshot == {}
