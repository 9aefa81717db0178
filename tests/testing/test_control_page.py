"""The documentation page of the exchange: what it shows is what happens."""

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
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from trio_listenkey.testing import control
from trio_listenkey.testing.control import fault_from_json

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "exchange.rst").read_text(encoding="utf-8")
BLOCKS = {
    name: textwrap.dedent(code).strip() + "\n"
    for name, code in re.findall(r"\.\. code-block:: \w+\n   :name: ([\w-]+)\n\n((?:   .*\n|\n)+)", PAGE)
}
ROOT = str(Path(__file__).parents[2])


def test_every_fault_on_the_page_is_one() -> None:
    """The table of one-line faults, and both blocks of JSON."""
    shown = re.findall(r"^   \* - ``([^`]+=[^`]+)``$", PAGE, flags=re.MULTILINE)
    assert len(shown) >= 7
    for fault in shown:
        fault_from_json(fault)
    fault_from_json(json.loads(BLOCKS["fault-in-json"]))
    effects = [fault_from_json({"effect": effect}).effect for effect in json.loads(BLOCKS["effects-in-json"])]
    assert effects[0].code == 502  # type: ignore[union-attr]


def test_every_public_name_is_on_the_page() -> None:
    """What can be imported from the module is documented."""
    for name in control.__all__:
        assert re.search(rf"^\.\. auto\w+:: {name}\b", PAGE, flags=re.MULTILINE), name


@pytest.mark.parametrize("block", ["in-memory", "on-loopback", "a-small-order-book", "websocket-api"])
def test_the_programs_run(block: str) -> None:
    """Each is a whole program, ends with success, and complains of nothing."""
    environ = {**os.environ, "PYTHONPATH": ROOT}
    subprocess.run([sys.executable, "-W", "error", "-c", BLOCKS[block]], check=True, timeout=60, env=environ)


def test_the_test_passes(pytester: pytest.Pytester) -> None:
    """As it stands, in a project without any configuration."""
    pytester.makepyfile(BLOCKS["with-pytest"])
    found = any(each.name == "trio_listenkey" for each in entry_points(group="pytest11"))
    arguments = () if found else ("-p", "trio_listenkey.testing.pytest_plugin")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments).assert_outcomes(passed=1)


def free_ports() -> list[str]:
    """Two ports that nobody listens on, and that nobody was given meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return [str(each.getsockname()[1]) for each in (one, other)]


class Story:
    """The page's terminals, with the page's commands; only the ports are others."""

    def __init__(self, path: Path) -> None:
        self._ports = dict(zip(["8180", "8181"], free_ports(), strict=True))
        program = path / "trio-listenkey"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trio_listenkey "$@"\n')
        program.chmod(0o755)
        self._environ = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ROOT}
        self._path = path

    def _block(self, name: str) -> str:
        return re.sub(r"\b818[01]\b", lambda port: self._ports[port[0]], BLOCKS[name])

    @contextmanager
    def terminal(self, *command: str, block: str) -> Iterator[Path]:
        """Run a block for as long as this one lasts; what it prints is in the file."""
        output = self._path / f"{block}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, self._block(block)], stdout=file, env=self._environ, start_new_session=True
            )
            try:
                yield output
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(10)

    def type(self, block: str) -> str:
        """Run a block until it ends, and return what it prints."""
        command = ["sh", "-ec", self._block(block)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=self._environ, timeout=20).stdout


def wait_for(output: Path, *texts: str) -> str:
    """Read until these were printed, one after the other."""
    pattern = ".*".join(map(re.escape, texts))
    give_up = time.monotonic() + 30
    while not re.search(pattern, output.read_text(), flags=re.DOTALL):
        assert time.monotonic() < give_up, output.read_text()
        time.sleep(0.05)
    return output.read_text()


BOTS = {"five-minutes-bot": ["sh", "-c"], "five-minutes-node": ["node", "--input-type=module", "-e"]}


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
@pytest.mark.parametrize("bot", BOTS)
def test_five_minutes(tmp_path: Path, bot: str) -> None:
    """Typed as it stands there, the story happens as it is told there."""
    if shutil.which(BOTS[bot][0]) is None:
        pytest.skip(f"there is no {BOTS[bot][0]} here")
    story = Story(tmp_path)
    with story.terminal("sh", "-c", block="five-minutes-exchange") as exchange:
        wait_for(exchange, "REST ", "WebSocket ", "control ", "API key    test-api-key", "ready")
        with story.terminal(*BOTS[bot], block=bot) as told:
            wait_for(told, "listenKey", "200", "listenKey", "200")
            assert json.loads(story.type("five-minutes-break")) == {"added": 1}
            wait_for(told, "502 Bad Gateway")
            time.sleep(3.2)
            assert json.loads(story.type("five-minutes-mend")) == {}
            lines = wait_for(told, "502 Bad Gateway", "-1125", "listenKey", "200", "listenKey", "200").splitlines()
        keys = {line[14:78] for line in lines if "listenKey" in line and "code" not in line}
        assert len(keys) == 2
        looked = story.type("five-minutes-look")
        assert 0 < float(re.findall(r'"seconds_without_key": ([\d.]+)', looked)[0]) < 3
        assert '"effect": {\n        "effect": "Status",\n        "code": 502' in looked
        assert story.type("five-minutes-end") == "{}\n"
