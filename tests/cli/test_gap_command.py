"""``watch --exec``: a command that is run for each gap."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import trio
from click.testing import CliRunner
from command_driver import API_KEY, USDM, an_exchange, at, keys_left, running

from trio_listenkey import Credentials, Gap, venues
from trio_listenkey._cli import commands
from trio_listenkey._cli._account import Account
from trio_listenkey._cli._exit_codes import Exit
from trio_listenkey._cli._gap_command import GapCommand
from trio_listenkey.testing import CloseSocket, ServedExchange

ACCOUNT: Account[Any] = Account("main", venues.BINANCE_USDM, Credentials("k"), "BINANCE")
GAP = Gap("overflow", 1.0, 3.0, 1001.0, 1003.25, 1000500, 1, 2, missed=7)


def a_script(folder: Path, code: str) -> str:
    path = folder / "on gap.py"
    path.write_text(f"import json, os, sys, time\n{code}\n")
    return f"{sys.executable} '{path}'"


def interrupt(served: ServedExchange) -> None:
    assert served.exchange.strike_sockets(CloseSocket(1001), served.now()) == 1


async def test_it_is_told_of_the_gap(tmp_path: Path) -> None:
    """As JSON on its standard input, and in its environment; what it prints does not get among the events."""
    script = a_script(
        tmp_path,
        "gap = json.load(sys.stdin)['gap']\n"
        "if gap['cause'] == 'disconnected':\n"
        "    print('fetched', gap['cause'], os.environ['GAP_CAUSE'], os.environ['GAP_ACCOUNT'], flush=True)",
    )
    async with an_exchange() as served, running("watch", USDM, *at(served), "--exec", script) as command:
        await command.tells("connected")
        interrupt(served)
        await command.tells("fetched disconnected disconnected binance-usdm")
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
    assert all(json.loads(line) for line in command.out.splitlines())


async def test_one_that_hangs_holds_up_nothing(tmp_path: Path) -> None:
    """Events go on, and at the end it is terminated."""
    pid = tmp_path / "pid"
    script = a_script(tmp_path, f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")
    async with an_exchange() as served, running("watch", USDM, *at(served), "--exec", script) as command:
        await command.tells("connected")
        interrupt(served)
        await command.until(lambda _: pid.exists() and bool(pid.read_text()))
        await command.until(lambda running: running.err.count(b" connected ") == 2)
        served.exchange.emit("alice", served.now())
        await command.until(lambda running: b'"e"' in running.out)
        assert await command.end_by(signal.SIGINT) == Exit.INTERRUPTED
        assert keys_left(served) == ()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def run_once(command: str, *gaps: Gap) -> list[str]:
    """What is noted of it."""
    noted: list[str] = []
    done = trio.Event()

    def note(what: str, about: str, tone: str, account: str) -> None:
        noted.append(f"{account} {what}: {about}")
        done.set()

    hook = GapCommand(command, 2, note)
    for gap in gaps:
        hook.tell(ACCOUNT, gap, b"{}")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hook.run)
        with trio.fail_after(30):
            await done.wait()
        nursery.cancel_scope.cancel()
    return noted


async def test_one_that_fails_is_told_of() -> None:
    """With its status."""
    assert await run_once(f"{sys.executable} -c 'raise SystemExit(3)'", GAP) == [
        f"main exec: {sys.executable} ended with status 3"
    ]


async def test_one_that_is_not_there_is_told_of() -> None:
    """Each time, for it may come."""
    assert await run_once("/nowhere/fetch now", GAP) == ["main exec: /nowhere/fetch: No such file or directory"]


async def test_what_it_knows_of_a_gap(tmp_path: Path) -> None:
    """Times are Unix times; that of the last event is the exchange's, or empty."""
    out = tmp_path / "out"
    names = ["ACCOUNT", "VENUE", "CAUSE", "STARTED_AT", "ENDED_AT", "LAST_EVENT_TIME"]
    script = a_script(
        tmp_path,
        f"told = [os.environ['GAP_' + name] for name in {names}]\n"
        f"open({str(out)!r}, 'a').write(json.dumps(told) + '\\n')\n"
        "raise SystemExit(told[-1] == '')",
    )
    await run_once(script, GAP, Gap("key_lost", 1.0, 3.0, 1001.0, 1003.25, None, 1, 2))
    first, second = map(json.loads, out.read_text().splitlines())
    assert first == ["main", "binance-usdm", "overflow", "1001.000", "1003.250", "1000500"]
    assert second[-1] == ""


async def test_there_is_an_end_to_what_waits() -> None:
    """A command that takes for ever fills no memory, and what is skipped is told of."""
    noted: list[str] = []
    hook = GapCommand("sleep", 2, lambda what, about, tone, account: noted.append(about))
    for _ in range(101):
        hook.tell(ACCOUNT, GAP, b"{}")
    assert noted == ["skipped: 100 gaps wait for sleep"]


@pytest.mark.parametrize(("command", "complaint"), [("", "there is no command"), ("a 'b", "No closing quotation")])
def test_what_is_no_command(command: str, complaint: str) -> None:
    """It is said at once."""
    with pytest.raises(click.UsageError, match=complaint):
        GapCommand(command, 2, lambda *_: None)
    result = CliRunner().invoke(commands, ["watch", USDM, "--exec", command], env={"BINANCE_API_KEY": API_KEY})
    assert result.exit_code == Exit.USAGE
