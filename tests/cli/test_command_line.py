"""The command line, as people run it: in a pipe, on a terminal, and interrupted."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner
from command_driver import a_terminal, environment, run, run_process, running_process

from trio_listenkey._cli import commands
from trio_listenkey._cli._exit_codes import Exit

DEMO = [sys.executable, "-m", "trio_listenkey", "demo"]


async def test_demo_in_a_pipe_and_on_a_terminal() -> None:
    """It ends by itself within 15 seconds, with status 0, plain lines in a pipe and a panel on a terminal.

    By its own clock: until a process has started, a machine that is busy takes seconds.
    """
    outputs: dict[str, str] = {}
    with trio.fail_after(90):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run_in_pipe, outputs)
            nursery.start_soon(_run_on_terminal, outputs)
    for output in outputs.values():
        for what in ["created", "kept alive", "HTTP 503", "HTTP 429", "drops the key", "replaced", "closed"]:
            assert what in output
        assert "Everything was as promised." in output
        assert max(map(float, re.findall(r"(\d+\.\d\d) s  ", output))) < 15
        assert "BROKEN" not in output
    assert "\x1b" not in outputs["pipe"]
    assert "LIVE for" in outputs["terminal"]


async def _run_in_pipe(outputs: dict[str, str]) -> None:
    process = await trio.run_process([*DEMO, "--no-tls"], capture_stdout=True, capture_stderr=True)
    outputs["pipe"] = process.stdout.decode()
    assert process.stderr == b""


async def _run_on_terminal(outputs: dict[str, str]) -> None:
    master, slave = pty.openpty()
    try:
        environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
        run = partial(subprocess.run, DEMO, stdout=slave, stderr=slave, stdin=slave, env=environ, check=True)
        async with trio.open_nursery() as nursery:
            chunks: list[bytes] = []
            nursery.start_soon(_read_all, master, chunks)
            await trio.to_thread.run_sync(run)
            await trio.testing.wait_all_tasks_blocked(0.1)
            nursery.cancel_scope.cancel()
    finally:
        os.close(slave)
        os.close(master)
    outputs["terminal"] = b"".join(chunks).decode()


async def _read_all(master: int, chunks: list[bytes]) -> None:
    os.set_blocking(master, False)
    while True:
        await trio.lowlevel.wait_readable(master)
        chunks.append(os.read(master, 65536))


async def test_interrupted_demo_closes_its_key() -> None:
    """Ctrl-C ends it at once, with status 130, and the last thing told is that the key was closed."""
    with trio.fail_after(60):  # to start takes seconds where the machine is busy
        async with trio.open_nursery() as nursery:
            process = await nursery.start(
                partial(trio.run_process, DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            )
            output = b""
            async for chunk in process.stdout:
                output += chunk
                if b"created" in output and process.returncode is None and b"closed" not in output:
                    process.send_signal(signal.SIGINT)
            errors = b"".join([chunk async for chunk in process.stderr])
            await process.wait()
    assert process.returncode == 130
    assert output.splitlines()[-1].split()[2:] == [b"closed", b"key", b"1"]
    assert errors == b"Interrupted; no key was left behind.\n"


async def test_a_demo_that_nobody_reads_any_more_ends_quietly() -> None:
    """With status 0: ``demo | head -2`` was not interrupted, and is not told so."""
    read, write = os.pipe()
    async with running_process("demo", "--no-tls", stdout=write) as command:
        os.close(write)
        await trio.to_thread.run_sync(os.read, read, 65536)
        os.close(read)
        assert await command.ends() == Exit.FINE
    assert command.err == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
@pytest.mark.parametrize(
    "arguments", [["demo", "--no-tls"], ["venues"], ["watch", "--help"], ["exchange"]], ids=" ".join
)
async def test_a_full_disk_is_an_error(arguments: list[str]) -> None:
    """One line, whatever the command."""
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - it opens at once
        ended = await run_process(*arguments, stdout=full)
    assert ended.code == Exit.BROKEN
    assert ended.err.startswith(b"Error: ")
    assert ended.err.endswith(b"No space left on device\n")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["venues", "exchange"])
async def test_what_nobody_reads_is_no_error(command: str) -> None:
    """As ``venues | head -1``: it had enough."""
    read, write = os.pipe()
    os.close(read)
    ended = await run_process(command, stdout=write)
    os.close(write)
    assert (ended.code, ended.err) == (Exit.FINE, b"")


async def test_an_interrupted_demo_cleans_up_its_terminal() -> None:
    """No panel and no hidden cursor; what it says last is that nothing is left."""
    with a_terminal() as terminal:
        async with running_process("demo", "--no-tls", env=environment(COLUMNS="60"), **terminal.streams) as command:
            await terminal.shows("created", "LIVE for", "╯")
            assert not terminal.has_cursor()
            assert await command.end_by(signal.SIGTERM) == Exit.TERMINATED
        await terminal.shows("closed      key 1", "Interrupted; no key was left behind.")
        assert terminal.has_cursor()
        assert {len(line) for line in re.findall("[╭╰].*?[╮╯]", terminal.drawn)} == {60 - len("^C^C")}


async def test_demo_admits_what_was_not_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its verdict is the exchange's: without the story, promises are broken, and it says so, also by its status."""

    async def nothing_happens(*_: Any) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr("trio_listenkey._cli._demo._play", nothing_happens)
    ended = await run("demo", "--no-tls")
    assert ended.code == Exit.BROKEN
    assert b"BROKEN      two keys, " in ended.out
    assert ended.out.endswith(b"\nSomething was not as promised.\n")


def test_help_and_version() -> None:
    """Help says what the demo does; the version is the package's."""
    runner = CliRunner()
    assert "Watch a real listen key live" in runner.invoke(commands, ["demo", "--help"]).output
    assert "0.1.0" in runner.invoke(commands, ["--version"]).output


def test_missing_extra_says_what_to_install() -> None:
    """Without its libraries the command says which extra brings them."""
    code = "import sys; sys.modules['click'] = None; from trio_listenkey.__main__ import main; main()"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stderr == "The command line needs click: pip install 'trio-listenkey[cli]'\n"
