"""A register belongs to one run of one process at a time: after that it begins anew, or says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from forking import count_up
from register_kits import Kit, Servers, failure_of
from scripted_server import script

from trio_listenkey.sharing import RedisRegister, RegisterRefused

outside_of_this_process = pytest.mark.parametrize("kit", ["sqlite", "redis"], indirect=True)


@outside_of_this_process
def test_another_run_begins_anew(kit: Kit, name: str) -> None:
    """A program that starts its loop again after a failure need not make another register."""
    register = kit.make()
    assert trio.run(count_up, register, name) is None
    assert trio.run(count_up, register, name) == b"1"
    trio.run(register.aclose)


def test_another_run_does_not_wait_for_the_pause_of_the_one_before() -> None:
    """Each run's clock begins somewhere else, so that a pause of a second could last for days."""

    async def fails() -> None:
        async with script(lambda command: None) as server:
            register = RedisRegister(server.url())
            registers.append(register)
            for _ in range(3):
                await failure_of(partial(register.read, "name"))

    async def why() -> str:
        return str(await failure_of(partial(register.read, "name")))

    registers: list[RedisRegister] = []
    for _ in range(4):  # the clocks begin by chance: one run in two has an earlier time than the one before
        trio.run(fails)
        register = registers.pop()
        # It was tried, for now nobody listens there.
        assert "refused" in trio.run(why)


@outside_of_this_process
def test_two_runs_at_once_are_refused(kit: Kit, name: str) -> None:
    """Two threads that meet in one object would take each other's answers. The first one goes on."""

    async def outer() -> None:
        register = kit.make()
        await count_up(register, name)

        async def inner() -> Exception:
            return await failure_of(partial(register.read, name))

        error = await trio.to_thread.run_sync(trio.run, inner)
        assert isinstance(error, RegisterRefused)
        assert "in use by another trio.run" in str(error)
        assert "Make one for each run" in str(error)
        assert await count_up(register, name) == b"1"
        await register.aclose()

    trio.run(outer)


def forked(name: str, *urls: str) -> str:
    """What a child of a fork reads, and the parent after it, from a register that the parent has used."""
    command = [sys.executable, str(Path(__file__).with_name("forking.py")), name, *urls]
    search = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environ = {**os.environ, "PYTHONPATH": search}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_fork_has_a_connection_of_its_own(servers: Servers, name: str) -> None:
    """On the parent's, the two would be given each other's answers."""
    assert forked(name, servers.valkey("new").url()) == "child read b'1'\nparent read b'2'\n"


def test_a_fork_does_not_use_the_file_that_its_parent_has_open(tmp_path: Path, name: str) -> None:
    """SQLite would lose what it writes. A register of its own for the same file is no better; another file is."""
    own, new, *rest = forked(name, f"sqlite:{tmp_path / 'shared.db'}", f"sqlite:{tmp_path / 'other.db'}").splitlines()
    assert own == new
    assert "shared.db was in use when this process was forked" in own
    assert rest == ["child read None", "parent read b'1'"]
