"""``--share`` and ``trio-listenkey members``: programs that share a key, as people start them."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_driver import API_KEY, SPOT, USDM, an_exchange, at, keys_left, run, running, running_process, signing

from trio_listenkey._cli import commands
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey.sharing import SQLiteRegister


async def test_two_that_hold_a_key_share_it(tmp_path: Path) -> None:
    """Both are shown; and the first that ends leaves the key to the other one."""
    url = f"sqlite:{tmp_path / 'shared.db'}"
    async with an_exchange() as served, running_process("hold", USDM, *at(served), "--share", url) as first:
        await first.tells("created", "keeper of 1")
        async with running("watch", USDM, *at(served), "--share", url) as second:
            await second.tells("connected", "follower of 2")
            shown = await run("members", "--share", url)
            assert await second.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert b"left        key 1, to the others who share it" in second.err
        (key,) = keys_left(served)
        assert await first.end_by(signal.SIGTERM) == Exit.TERMINATED
        # It was not there for long enough to be sure of that it was the last one.
        assert keys_left(served) == (key,)
    assert b"left behind key 1" in first.err
    assert shown.code == Exit.FINE
    heads, *rows = [line.split("\t") for line in shown.out.decode().splitlines()]
    assert heads == ["account", "member", "role", "beat every", "beats"]
    assert [(row[0], row[2], row[3]) for row in sorted(rows, key=lambda row: row[2])] == [
        (USDM, "follower", "5 s"),
        (USDM, "keeper", "5 s"),
    ]
    for secret in (API_KEY, key):
        assert secret.encode() not in shown.out


async def test_a_register_that_cannot_be_used_is_told_of(tmp_path: Path) -> None:
    """The key is held all the same."""
    url = f"sqlite:{tmp_path / 'nowhere' / 'shared.db'}"
    async with an_exchange() as served, running("hold", USDM, *at(served), "--share", url) as command:
        await command.tells("created", "the register cannot be used")
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
    shown = await run("members", "--share", url)
    assert shown.code == Exit.UNAVAILABLE
    assert b"Error: " in shown.err


async def test_the_doctor_looks_at_the_register_and_leaves_the_key(tmp_path: Path) -> None:
    """One step more. It closes nothing, for it cannot be sure that nobody shares the key."""
    url = f"sqlite:{tmp_path / 'shared.db'}"
    async with an_exchange() as served:
        healthy = await run("doctor", USDM, *at(served), "--share", url)
        assert healthy.code == Exit.FINE
        assert b"it answers, and knows 0 accounts" in healthy.out
        assert b"left open: others may share it" in healthy.out
        assert len(keys_left(served)) == 1
        with sqlite3.connect(tmp_path / "shared.db") as link:
            link.execute("SELECT 1")
        link.close()
        await _write_index(tmp_path / "shared.db", b'{"version":2}')
        ill = await run("doctor", USDM, *at(served), "--share", url)
    assert ill.code == Exit.BROKEN
    assert b"another version of trio-listenkey wrote it" in ill.out
    shown = await run("members", "--share", url)
    assert b"another version of trio-listenkey wrote this register" in shown.err
    assert shown.code == Exit.USAGE


async def _write_index(path: Path, raw: bytes) -> None:
    register = SQLiteRegister(path)
    _, version = await register.read("accounts")
    assert await register.swap("accounts", version, raw)
    await register.aclose()


async def test_accounts_without_a_document_are_passed_over(tmp_path: Path) -> None:
    """A register that forgot a part."""
    await _write_index(tmp_path / "shared.db", b'{"accounts":{"key-1":"binance-usdm"},"version":1}')
    shown = await run("members", "--share", f"sqlite:{tmp_path / 'shared.db'}")
    assert (shown.code, len(shown.out.splitlines())) == (Exit.FINE, 1)


@pytest.mark.parametrize("command", [("hold", USDM), ("watch", USDM), ("doctor", USDM), ("members",)])
def test_what_is_no_register_is_a_mistake(command: tuple[str, ...]) -> None:
    """Said before anything is sent, and not quoted, for a password may be in it."""
    result = CliRunner(env={"BINANCE_API_KEY": API_KEY}).invoke(commands, [*command, "--share", "hunter2://host"])
    assert result.exit_code == Exit.USAGE
    assert "no URL of a register" in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("command", ["watch", "doctor"])
async def test_where_there_are_no_keys_there_is_nothing_to_share(command: str, tmp_path: Path) -> None:
    """That is a mistake, too."""
    url = f"sqlite:{tmp_path / 'shared.db'}"
    async with an_exchange() as served:
        result = await run(command, SPOT, *at(served), "--share", url, env=signing())
    assert result.code == Exit.USAGE
    assert b"nothing to share" in result.err
