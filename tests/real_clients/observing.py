"""One client that no one here wrote, run as a program against ``trio-listenkey exchange``, and what comes of it.

Its program is one of those in ``docs/clients``: what users read there is what runs here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROGRAMS = ROOT / "docs" / "clients"
NODE_MODULES = Path(os.environ.get("CLIENTS_NODE_MODULES", ROOT / ".nox" / "node" / "node_modules"))

ALONE = Path(os.environ.get("CLIENTS_ALONE", ROOT / ".nox" / "clients-alone"))

# How much faster the client's long waits pass: see "hurried".
FACTOR = 600.0

# Seconds in which anything that is to happen has happened, on a busy machine.
PATIENCE = 60.0


class Process:
    """The exchange as a process, and its control API."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.rest = urls["rest"]
        self.websocket = urls["websocket"]
        self.control = urls["control"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def entries(self, *verbs: str) -> list[dict[str, Any]]:
        return [each for each in self.ask("GET", "/log")["entries"] if each["verb"] in verbs]

    def emit(self) -> None:
        self.ask("POST", "/events", {"account": "account-1"})

    def kill(self, *, announced: bool) -> None:
        """End the key: announced, as if it had expired; or behind the client's back."""
        self.ask("POST", "/keys/kill", {"account": "account-1", "announced": announced})

    def is_heard(self) -> bool:
        """Whether a socket is open on which an event would come."""
        return any(each["live_keys"] and each["state"] == "open" for each in self.ask("GET", "/state")["sockets"])


@contextmanager
def an_exchange(*dialects: str) -> Iterator[Process]:
    served = [word for dialect in dialects for word in ("--dialect", dialect)]
    command = [sys.executable, "-m", "trio_listenkey", "exchange", "--json", *served]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Process(json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(PATIENCE)


class Client:
    """A running program, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self.process = process
        self._stderr = stderr
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def printed(self, text: str) -> bool:
        return any(text in line for line in tuple(self.lines))

    def ended(self) -> bool:
        return self.process.poll() is not None

    def errors(self) -> str:
        """The end of what it said on standard error, for who looks into a failure."""
        return self._stderr.read_text(errors="replace")[-2000:]

    def interrupt(self) -> None:
        """Press Ctrl-C, and see it end."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def alone(program: str) -> Path:
    """Where the packages are of a client that cannot be installed beside the others."""
    return ALONE / program.partition(".")[0]


@contextmanager
def a_client(program: str, exchange: Process, errors: Path, hurry: tuple[str, ...] = ()) -> Iterator[Client]:
    environment = {**os.environ, "EXCHANGE_REST": exchange.rest, "EXCHANGE_WS": exchange.websocket}
    environment |= dict.fromkeys(hurry, "1")
    if program.endswith(".mjs"):
        # Node looks for packages beside the program.
        here = NODE_MODULES.parent / program
        shutil.copy(PROGRAMS / program, here)
        command = ["node", "--import", str(HERE / "hurried" / "hurried.mjs"), str(here)]
    else:
        command = [os.environ.get("CLIENTS_PYTHON", sys.executable), str(PROGRAMS / program)]
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE / "hurried"), str(alone(program))])
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            # Where this runs in the background of a shell, SIGINT is ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
    client = Client(process, errors)
    try:
        yield client
    finally:
        process.kill()
        process.wait()


def wait_until(happened: Callable[[], Any], what: str, seconds: float = PATIENCE) -> float:
    """Wait for it, and say for how long."""
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() < begun + seconds, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun
