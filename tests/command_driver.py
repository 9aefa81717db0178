"""Runs the command line as people do: as a process, in pipes or on a terminal, against an exchange on loopback."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio

from trio_listenkey.testing import Exchange, Fault, ServedExchange, serve_exchange

COMMAND = [sys.executable, "-m", "trio_listenkey"]
API_KEY = "TheApiKeyThatNobodyMaySee"
USDM = "binance-usdm"
LONG_ENOUGH = 30
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@asynccontextmanager
async def an_exchange(*faults: Fault, tls: bool = False, **options: Any) -> AsyncIterator[ServedExchange]:
    exchange = Exchange(seed=1, faults=list(faults), **options)
    exchange.add_account(API_KEY, name="alice")
    async with serve_exchange(exchange, tls=tls) as served:
        yield served


def at(served: ServedExchange) -> list[str]:
    return ["--rest-url", served.rest_url, "--stream-url", served.stream_url]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "BINANCE_API_KEY": API_KEY, "COLUMNS": "100", "TERM": "xterm-256color", **more}


def keys_left(served: ServedExchange) -> tuple[str, ...]:
    return served.exchange.open_keys(served.now())


class Running:
    """A command that runs, and what it said so far."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
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
        """Wait for so many lines on standard output."""
        await self.until(lambda running: running.out.count(b"\n") >= lines)
        return self.out.splitlines()

    async def ends(self) -> int:
        await self.until(lambda running: running.code is not None)
        assert self.code is not None
        return self.code

    async def end_by(self, number: int) -> int:
        self.process.send_signal(number)
        return await self.ends()


@asynccontextmanager
async def running(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> AsyncIterator[Running]:
    """Start a command; its standard output and error are read, unless ``options`` say where they go."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
    process = await trio.lowlevel.open_process([*COMMAND, *arguments], env=env or environment(), **streams)
    command = Running(process)

    async def read(stream: Any, name: str) -> None:
        async for piece in stream:
            setattr(command, name, getattr(command, name) + piece)

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            for name, stream in (("out", process.stdout), ("err", process.stderr)):
                if stream is not None:
                    nursery.start_soon(read, stream, name)
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
            for stream in (process.stdout, process.stderr):
                if stream is not None and command.code is None:
                    with trio.CancelScope(shield=True):
                        await stream.aclose()


async def run(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> Running:
    """Run a command to its end."""
    async with running(*arguments, env=env, **options) as command:
        await command.ends()
    return command


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
                return _CONTROL.sub("", self._drawn.decode())

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
