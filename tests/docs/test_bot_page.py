"""The first stream and the bot do what their pages say: typed as there, and by the tests that come with them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
TUTORIAL, BOT = ((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("tutorial.rst", "bot.rst"))
BLOCKS = {  # what is typed, and what is shown
    name: textwrap.dedent(code).rstrip()
    for name, code in re.findall(
        r"\.\. code-block:: (?:sh|text)\n   :name: ([\w-]+)\n\n((?:   .*\n|\n)+)", TUTORIAL + BOT
    )
}
FILES = "bot.py", "client.py", "first.py", "run_bot.py", "test_bot.py"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")


def free_ports() -> list[str]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return [str(each.getsockname()[1]) for each in (one, other)]


class Desk:
    """A reader's directory with the page's files in it, and terminals; only the ports are others."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports = dict(zip(["8180", "8181"], free_ports(), strict=True))
        for name in FILES:
            text = (RECIPES / name).read_text(encoding="utf-8")
            (path / name).write_text(self.moved(text), encoding="utf-8")
        program = path / "trio-listenkey"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trio_listenkey "$@"\n')
        program.chmod(0o755)
        search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self._environ = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": search}
        self._environ.pop("PYTHONSAFEPATH", None)  # a reader's files import each other
        self._environ["PYTHONUNBUFFERED"] = "1"  # a terminal's lines are seen at once

    def moved(self, text: str) -> str:
        return re.sub(r"\b818[01]\b", lambda port: self._ports[port[0]], text)

    @contextmanager
    def terminal(self, *command: str) -> Iterator[Terminal]:
        output = self._path / "terminal.txt" if command[0] == "sh" else self._path / f"{command[-1]}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [self.moved(part) for part in command],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self._environ,
                cwd=self._path,
                start_new_session=True,
            )
            try:
                yield Terminal(process, output)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait(10)

    @contextmanager
    def exchange(self, block: str) -> Iterator[Terminal]:
        with self.terminal("sh", "-c", BLOCKS[block]) as terminal:
            terminal.wait_for(self.moved(BLOCKS["tutorial-exchange-says"]))
            yield terminal

    def type(self, block: str) -> str:
        command = ["sh", "-ec", self.moved(BLOCKS[block]).replace("curl", "curl -sf")]
        done = subprocess.run(command, capture_output=True, check=True, env=self._environ, timeout=30)
        return done.stdout.decode()

    def change(self, name: str, old: str, new: str) -> None:
        """Make a mistake in a file."""
        path = self._path / name
        text = path.read_text(encoding="utf-8")
        assert self.moved(old) in text
        path.write_text(text.replace(self.moved(old), self.moved(new)), encoding="utf-8")

    def pytest(self) -> str:
        found = any(each.name == "trio_listenkey" for each in entry_points(group="pytest11"))
        plugin = [] if found else ["-p", "trio_listenkey.testing.pytest_plugin"]
        command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *plugin]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self._environ, cwd=self._path, timeout=120
        )
        return done.stdout


class Terminal:
    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process, self._output = process, output

    def wait_for(self, *patterns: str) -> str:
        """Read until these were printed, one after the other."""
        give_up = time.monotonic() + 30
        while not re.search(".*".join(patterns), self._output.read_text(), flags=re.DOTALL):
            assert time.monotonic() < give_up, self._output.read_text()
            time.sleep(0.05)
        return self._output.read_text()

    def interrupt(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(15)


def pattern(line: str) -> str:
    """A line on the page, with any figure where one stands that chance decides."""
    return re.sub(r"\d+(\\\.\d)", r"\\d+\\.\\d", re.escape(line)).replace(r"\.\.\.", ".*")


@needs_curl
def test_the_first_stream(tmp_path: Path) -> None:
    """What the page shows is what comes; afterwards the key is closed."""
    desk = Desk(tmp_path)
    with desk.exchange("tutorial-exchange"), desk.terminal(sys.executable, "first.py") as first:
        first.wait_for("open")
        desk.type("tutorial-events")
        printed = first.wait_for("n-4")
        assert re.fullmatch(pattern(BLOCKS["tutorial-first-says"]), printed.rstrip()), printed
        first.interrupt()
        assert first.wait_for("KeyboardInterrupt")
        state = json.loads(desk.type("tutorial-state"))
        for said in re.findall(r'``"(keys_ever|open_keys)": (\d)``', TUTORIAL):
            assert state[said[0]] == int(said[1])


@pytest.mark.parametrize(
    ("said", "old", "new"),
    [
        ("no answer: connection refused (127.0.0.1:8180)", "127.0.0.1:8180", "127.0.0.1:8180"),
        ("there is no such endpoint (HTTP 404)", "http://127.0.0.1:8180", "http://127.0.0.1:8181"),
        ("the exchange does not accept the API key", "test-api-key", "my-api-key"),
    ],
    ids=["not-started", "wrong-port", "wrong-key"],
)
def test_mistakes(said: str, old: str, new: str, tmp_path: Path) -> None:
    """What the tutorial says of them is what is told."""
    assert f"* - ``{said}``" in TUTORIAL
    desk = Desk(tmp_path)
    desk.change("first.py", old, new)
    exchange = nullcontext() if old == new else desk.exchange("tutorial-exchange")
    with exchange, desk.terminal(sys.executable, "first.py") as first:
        first.wait_for(re.escape(desk.moved(said)))


@needs_curl
def test_the_bot(tmp_path: Path) -> None:
    """It comes through what is done to it, and says so in the words on the page; no order and no key is left."""
    desk = Desk(tmp_path)
    with desk.exchange("bot-exchange"), desk.terminal(sys.executable, "run_bot.py") as bot:
        bot.wait_for("order 2 is NEW")
        desk.type("bot-hurt")
        bot.wait_for("key 1 is lost", "caught up", r"order \d+ is NEW")
        assert bot.interrupt() == 0
        printed = bot.wait_for("closed")
        for line in BLOCKS["bot-says"].splitlines():
            shown = re.sub(r"caught\\ up:\\ \d", r"caught\\ up:\\ \\d", pattern(line))
            assert re.search(f"^{shown}$", printed, flags=re.MULTILINE), line
        became = {each: set(re.findall(rf"order (\d+) is {each}", printed)) for each in ("NEW", "FILLED", "CANCELED")}
        assert became["FILLED"] == {"1"}
        assert became["CANCELED"] == became["NEW"] - {"1"}


def test_its_tests_pass(tmp_path: Path) -> None:
    """As they stand, in a project without any configuration."""
    printed = Desk(tmp_path).pytest()
    passed = re.search(r" \d+ passed", BLOCKS["bot-tests-say"])
    assert passed is not None
    assert passed[0] in printed, printed
