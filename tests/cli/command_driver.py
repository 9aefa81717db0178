"""Runs the command line as people do, in pipes or on a terminal, against an exchange on loopback.

Most commands run in a thread, and only those whose test is about their process are started as one.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from typing import Any
from unittest.mock import patch

import pytest
import trio

from trio_listenkey import venues
from trio_listenkey._cli import _process, commands
from trio_listenkey._cli._doctor._results import steps_of
from trio_listenkey.testing import Exchange, Fault, ServedExchange, serve_exchange

COMMAND = [sys.executable, "-m", "trio_listenkey"]
API_KEY = "TheApiKeyThatNobodyMaySee"
API_SECRET = "TheSecretThatNobodyMaySee"
USDM = "binance-usdm"
SPOT = "binance-spot"
MARGIN = "binance-margin"
LONG_ENOUGH = 30
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@asynccontextmanager
async def an_exchange(*faults: Fault, tls: bool = False, **options: Any) -> AsyncIterator[ServedExchange]:
    exchange = Exchange(seed=1, faults=list(faults), **options)
    exchange.add_account(API_KEY, name="alice", secret=API_SECRET)
    async with serve_exchange(exchange, tls=tls) as served:
        yield served


def at(served: ServedExchange) -> list[str]:
    return ["--rest-url", served.rest_url, "--stream-url", served.stream_url]


def environment(**more: str) -> dict[str, str]:
    # Python is to buffer its output as it does by default: what cannot be written may come to light at exit alone.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**inherited, "BINANCE_API_KEY": API_KEY, "COLUMNS": "100", "TERM": "xterm-256color", **more}


def signing(**more: str) -> dict[str, str]:
    """An environment with the secret in it, too."""
    return environment(BINANCE_API_SECRET=API_SECRET, **more)


def keys_left(served: ServedExchange) -> tuple[str, ...]:
    return served.exchange.open_keys(served.now())


class Process(_process.Process):
    """What a command that runs in a thread of ours takes for its process. It receives what `send` sends."""

    def __init__(self, stdout: int, stderr: int) -> None:
        super().__init__(stdout, stderr)
        self._send: Callable[[int], None] | None = None

    @contextmanager
    def open_signals(self) -> Iterator[trio.MemoryReceiveChannel[int]]:
        token = trio.lowlevel.current_trio_token()
        send, receive = trio.open_memory_channel[int](10)
        self._send = lambda number: token.run_sync_soon(send.send_nowait, number)
        try:
            yield receive
        finally:
            self._send = None

    def let_signals_end_it(self) -> None:
        raise AssertionError("a signal would end the tests: start a process for that")

    @property
    def is_heeding_signals(self) -> bool:
        return self._send is not None

    def send(self, number: int) -> None:
        assert self._send is not None, "it would have been killed"
        self._send(number)


def invoke(arguments: Sequence[str], process: Process) -> int:
    """The command's status. What Click has to say itself it says where ``sys`` says."""
    with (
        open(process.stdout, "w", closefd=False) as out,
        open(process.stderr, "w", closefd=False) as err,
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        commands(arguments, prog_name="trio-listenkey", obj=process)
    assert isinstance(ended.value.code, int)
    return ended.value.code


BEGINNING = b'{"gap":{"cause":"opened",'
"""Of the first line of a stream."""


class Running:
    """A command that runs, and what it said so far."""

    def __init__(self, signal: Callable[[int], None]) -> None:
        self.signal = signal
        self.out = self.err = b""
        self.code: int | None = None

    async def until(self, condition: Callable[[Running], bool]) -> None:
        with trio.move_on_after(LONG_ENOUGH) as limit:
            while not condition(self):
                await trio.sleep(0.02)
        assert not limit.cancelled_caught, (self.out, self.err)

    async def tells(self, *words: str) -> None:
        """Wait until all of this was said on standard error."""
        await self.until(lambda running: all(word.encode() in running.err for word in words))

    async def prints(self, lines: int) -> list[bytes]:
        """Wait for so many lines on standard output, besides the one that says that a stream begins."""
        await self.until(lambda running: len(running.lines) >= lines)
        return self.lines

    @property
    def lines(self) -> list[bytes]:
        whole = self.out[: self.out.rfind(b"\n") + 1].splitlines()
        return [line for line in whole if not line.startswith(BEGINNING)]

    async def ends(self) -> int:
        await self.until(lambda running: running.code is not None)
        assert self.code is not None
        return self.code

    async def end_by(self, number: int) -> int:
        self.signal(number)
        return await self.ends()

    async def read(self, stream: trio.abc.ReceiveStream, name: str) -> None:
        async with stream:
            async for piece in stream:
                setattr(self, name, getattr(self, name) + piece)


@asynccontextmanager
async def running(
    *arguments: str, env: dict[str, str] | None = None, stdout: Any = None, stderr: Any = None
) -> AsyncIterator[Running]:
    """Run a command in a thread; its standard output and error are read, unless they are said to go elsewhere.

    All but a process's own start and end is as in a process: a hundred of them would take a minute and a half to start.
    """
    pipes: list[tuple[trio.lowlevel.FdStream, str]] = []

    def connect(stream: Any, name: str) -> int:
        if stream is not None:
            return os.dup(stream if isinstance(stream, int) else stream.fileno())
        read, write = os.pipe()
        pipes.append((trio.lowlevel.FdStream(read), name))
        return write

    process = Process(connect(stdout, "out"), connect(stderr, "err"))
    command = Running(process.send)

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            for stream, name in pipes:
                nursery.start_soon(command.read, stream, name)
            try:
                code = await trio.to_thread.run_sync(invoke, arguments, process)
            finally:
                os.close(process.stdout)
                os.close(process.stderr)
        command.code = code

    with patch.dict(os.environ, env or environment(), clear=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            try:
                yield command
            finally:
                with trio.CancelScope(shield=True):
                    while command.code is None and process.is_heeding_signals:
                        process.send(signal.SIGTERM)
                        await trio.sleep(0.1)


@asynccontextmanager
async def running_process(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> AsyncIterator[Running]:
    """Start a process, as people do: for what depends on that."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
    process = await trio.lowlevel.open_process([*COMMAND, *arguments], env=env or environment(), **streams)
    command = Running(process.send_signal)

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            for stream, name in ((process.stdout, "out"), (process.stderr, "err")):
                if stream is not None:
                    nursery.start_soon(command.read, stream, name)
            code = await process.wait()
        command.code = code

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        try:
            yield command
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def run(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> Running:
    """Run a command to its end."""
    async with running(*arguments, env=env, **options) as command:
        await command.ends()
    return command


async def run_process(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> Running:
    """Start a process, and wait for its end."""
    async with running_process(*arguments, env=env, **options) as command:
        await command.ends()
    return command


class Report:
    """What ``doctor --json`` said."""

    def __init__(self, venue: str, ended: Running) -> None:
        self.code, self.err = ended.code, ended.err.decode()
        (line,) = ended.out.splitlines()
        self.told = json.loads(line)
        assert self.told["venue"] == venue
        assert self.told["exit_status"] == self.code
        assert self.told["ok"] == (self.code == 0)
        assert [step["step"] for step in self.told["steps"]] == list(steps_of(venues.by_name(venue)))
        self.steps: dict[str, dict[str, Any]] = {step["step"]: step for step in self.told["steps"]}

    def verdicts(self, *steps: str) -> list[str]:
        return [self.steps[step]["verdict"] for step in steps]

    @property
    def failed(self) -> list[str]:
        return [name for name, step in self.steps.items() if step["verdict"] == "failed"]


async def examine(
    served: ServedExchange,
    *options: str,
    venue: str = USDM,
    env: dict[str, str] | None = None,
    run: Callable[..., Awaitable[Running]] = run,
) -> Report:
    """Run the doctor, and read what it said; nothing secret is in it."""
    ended = await run("doctor", venue, *at(served), "--json", "--env-prefix", "BINANCE", *options, env=env)
    for secret in (API_KEY, API_SECRET):
        assert secret.encode() not in ended.out + ended.err
    return Report(venue, ended)


class Terminal:
    """A terminal, and all that was drawn on it."""

    def __init__(self, master: int, slave: int) -> None:
        self.slave = slave
        self._master = master
        self._drawn = b""

    @property
    def drawn(self) -> str:
        """What was drawn so far, without what moves the cursor and colours."""
        while True:
            try:
                self._drawn += os.read(self._master, 65536)
            except BlockingIOError:
                return _CONTROL.sub("", self._drawn.decode(errors="ignore"))  # it may end within a letter

    def has_cursor(self) -> bool:
        """Whether the cursor is shown: what hides it has to bring it back."""
        assert self.drawn
        return self._drawn.rfind(b"\x1b[?25h") >= self._drawn.rfind(b"\x1b[?25l")

    @property
    def streams(self) -> Any:
        """Standard output and error, for a command that is to write here."""
        return {"stdout": self.slave, "stderr": self.slave}

    async def shows(self, *words: str) -> None:
        with trio.move_on_after(LONG_ENOUGH) as limit:
            while not all(word in self.drawn for word in words):
                await trio.sleep(0.05)
        assert not limit.cancelled_caught, self.drawn


@contextmanager
def a_terminal() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    try:
        yield Terminal(master, slave)
    finally:
        os.close(slave)
        os.close(master)
