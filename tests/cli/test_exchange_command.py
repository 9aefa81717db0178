"""``trio-listenkey exchange``, as a program of another language meets it: a process, its output, and HTTP."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner

from trio_listenkey._cli import commands
from trio_listenkey.testing import Dialect, Exchange

COMMAND = [sys.executable, "-m", "trio_listenkey", "exchange"]
PATH = "/fapi/v1/listenKey"


class Running:
    """An exchange in a process, and what it said."""

    def __init__(self, process: trio.Process, lines: list[str]) -> None:
        self.process = process
        self.lines = lines

    @property
    def facts(self) -> dict[str, str]:
        return dict(line.split(maxsplit=1) for line in self.lines[:3])

    async def ends(self) -> tuple[int, str]:
        """Its status, and what it said on standard error; within seconds."""
        assert self.process.stderr is not None
        with trio.fail_after(5):
            errors = b"".join([piece async for piece in self.process.stderr])
            return await self.process.wait(), errors.decode()


@asynccontextmanager
async def exchange(*arguments: str) -> AsyncIterator[Running]:
    """A process that is ready; if it still runs at the end, it is killed."""
    process = await trio.lowlevel.open_process(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert process.stdout is not None
    try:
        output = b""
        with trio.fail_after(20):
            while not output.endswith((b"ready\n", b"}\n")):
                piece = await process.stdout.receive_some()
                assert piece, output
                output += piece
        yield Running(process, output.decode().splitlines())
    finally:
        if process.returncode is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def ask(url: str, method: str = "GET", body: Any = None, ca_file: str | None = None) -> tuple[int, Any]:
    """The answer of the exchange or its control API, to a client that knows nothing of either."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"X-MBX-APIKEY": "test-api-key"}, method=method)
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def send() -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    status, answer = await trio.to_thread.run_sync(send)
    return status, json.loads(answer) if answer.startswith(b"{") else answer


async def test_what_it_prints_is_where_it_is() -> None:
    """Addresses one per line, then "ready"; a key can be had there, and SIGTERM ends it with status 0."""
    async with exchange() as running:
        assert [line.split()[0] for line in running.lines] == ["REST", "WebSocket", "control", "API", "ready"]
        assert running.lines[3] == "API key    test-api-key"
        facts = running.facts
        assert facts["WebSocket"] == facts["REST"].replace("http", "ws")
        status, answer = await ask(facts["REST"] + PATH, "POST")
        assert (status, len(answer["listenKey"])) == (200, 64)
        status, state = await ask(facts["control"] + "/state")
        assert state["accounts"][0]["keys"] == {"usdm": answer["listenKey"][:4] + "***"}
        running.process.send_signal(signal.SIGTERM)
        assert await running.ends() == (0, "")


async def test_for_programs_it_prints_json() -> None:
    """One line with everything; here with TLS, whose CA is in the file that it names, until the end."""
    async with exchange("--json", "--tls") as running:
        (line,) = running.lines
        facts = json.loads(line)
        assert facts.keys() == {"rest", "websocket", "control", "api_keys", "ca_file", "ready"}
        assert facts["websocket"].startswith("wss://127.0.0.1:")
        assert (await ask(facts["rest"] + PATH, "POST", ca_file=facts["ca_file"]))[0] == 200
        assert (await ask(facts["control"] + "/shutdown", "POST")) == (200, {})
        assert await running.ends() == (0, "")
        assert not await trio.Path(facts["ca_file"]).exists()


async def test_a_ca_file_of_ones_own_stays(tmp_path: Path) -> None:
    """Where it was asked for, and told in the text."""
    path = tmp_path / "ca.pem"
    async with exchange("--tls", "--ca-file", str(path)) as running:
        assert f"CA file    {path}" in running.lines
        running.process.send_signal(signal.SIGINT)
        assert await running.ends() == (0, "")
    assert path.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


async def test_everything_that_can_be_said(tmp_path: Path) -> None:
    """Faults from options and files, accounts, validity, time, dialects: all reach the exchange."""
    file = tmp_path / "faults.json"
    file.write_text('[{"verb": "keepalive", "nth": 2, "effect": {"effect": "Status", "code": 504}}]')
    async with exchange(
        *(
            "--fault",
            "keepalive#1=service_unavailable",
            "--faults",
            str(file),
            "--fault",
            '{"verb": "close", "effect": "gone"}',
        ),
        *(
            "--api-key",
            "a",
            "--api-key",
            "test-api-key",
            "--dialect",
            "usdm",
            "--validity",
            "100",
            "--time-scale",
            "500",
        ),
        *("--seed", "7", "--log-size", "100", "-v"),
    ) as running:
        url = running.facts["REST"] + PATH
        assert (await ask(url, "POST"))[0] == 200
        assert [(await ask(url, method))[0] for method in ("PUT", "PUT", "DELETE")] == [503, 504, 400]
        await trio.sleep(0.25)
        assert (await ask(url, "PUT"))[1]["code"] == -1125
        assert (await ask(running.facts["REST"] + "/dapi/v1/listenKey", "POST"))[0] == 404
        _, state = await ask(running.facts["control"] + "/state")
        assert [each["account"] for each in state["accounts"]] == ["account-1", "account-2"]
        assert (state["validity"], state["requests"], state["now"] > 100) == (100, 6, True)
        await trio.sleep(0.2)
        running.process.send_signal(signal.SIGTERM)
        status, told = await running.ends()
    assert status == 0
    lines = [line.split()[1:4] for line in told.splitlines()]
    assert lines[:2] == [["200", "account-2", "create"], ["503", "account-2", "keepalive"]]
    assert len(lines) == 6
    assert "test-api-key" not in told


async def test_hanging_requests_do_not_delay_the_end() -> None:
    """With a request that is never answered, an open connection and half a command, it ends within a second or so."""
    async with exchange("--fault", "create=Hang") as running:
        ports = [int(running.facts[name].rpartition(":")[2]) for name in ("REST", "control")]
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for port in ports]
        await streams[0].send_all(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nX-MBX-APIKEY: test-api-key\r\n\r\n".encode())
        await streams[1].send_all(b"POST /faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        with trio.fail_after(5):
            while not (await ask(running.facts["control"] + "/state"))[1]["requests"]:
                await trio.sleep(0.05)
        began = trio.current_time()
        running.process.send_signal(signal.SIGTERM)
        assert await running.ends() == (0, "")
        assert trio.current_time() - began < 3
        for stream in streams:
            await stream.aclose()


async def test_a_ca_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It says which, in one line, and ends with status 1."""
    path = str(tmp_path / "nowhere" / "ca.pem")
    command = [*COMMAND, "--tls", "--ca-file", path]
    ended = await trio.run_process(command, capture_stderr=True, capture_stdout=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.decode() == f"Error: [Errno 2] No such file or directory: '{path}'\n"


async def test_a_port_that_is_taken() -> None:
    """It says so in one line, and what to do about it, and ends with status 1."""
    async with exchange() as running:
        port = running.facts["REST"].rpartition(":")[2]
        for option in ("--port", "--control-port"):
            other = await trio.run_process(
                [*COMMAND, option, port], capture_stderr=True, capture_stdout=True, check=False
            )
            assert other.returncode == 1
            assert other.stderr.startswith(
                b"Error: Address already in use, perhaps by another exchange. Pass other ports"
            )
            assert other.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--fault", "keepalive=Hangg"], "fault.effect: there is no 'Hangg'"),
        (["--fault", '{"effect": "Hang"'], "Invalid value for '--fault'"),
        (["--fault", '{"effect": "Hang", "nth": 0}'], "can never strike"),
        (["--faults", "nowhere.json"], "nowhere.json"),
        (["--validity", "0"], "Invalid value for '--validity'"),
        (["--time-scale", "1e9"], "Invalid value for '--time-scale'"),
        (["--dialect", "ftx"], "Invalid value for '--dialect'"),
        (["--dialect", "spot-us", "--dialect", "spot-classic"], "no two on one path"),
        (["--events-per-second", "100001"], "100001.0 is too much"),
        (["--api-key", ""], "an API key is missing, empty or taken"),
    ],
)
def test_mistakes_are_told_before_anything_is_served(arguments: list[str], complaint: str) -> None:
    """Status 2, and a text that names the option or the field."""
    result = CliRunner().invoke(commands, ["exchange", *arguments])
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())


def test_events_are_for_every_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each account gets so many per second at each endpoint, from the beginning."""
    told: list[tuple[str, str, float]] = []

    def emit_rate(self: Exchange, account: str, per_second: float, now: float, *, dialect: Dialect) -> None:
        told.append((account, dialect.name, per_second))
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Exchange, "emit_rate", emit_rate, raising=False)
    result = CliRunner().invoke(
        commands,
        [
            "exchange",
            "--events-per-second",
            "2.5",
            "--dialect",
            "usdm",
            "--dialect",
            "coinm",
            "--api-key",
            "a",
            "--api-key",
            "b",
        ],
    )
    assert result.exit_code == 0
    assert told == [(f"account-{n}", dialect, 2.5) for n in (1, 2) for dialect in ("usdm", "coinm")]


def test_a_fault_file_that_is_none(tmp_path: Path) -> None:
    """The text names file and field."""
    file = tmp_path / "faults.json"
    file.write_text('["any=Hang", {"effect": "Hangg"}]')
    result = CliRunner().invoke(commands, ["exchange", "--faults", str(file)])
    assert result.exit_code == 2
    assert "faults[1].effect: there is no 'Hangg'" in " ".join(result.output.split())


def test_help_teaches_the_language() -> None:
    """Every example in it is a fault."""
    from trio_listenkey.testing.control import fault_from_json

    text = CliRunner().invoke(commands, ["exchange", "--help"], terminal_width=200).output
    block = text.partition("WHEN=WHAT:\n")[2].partition("\n\n")[0]
    examples = [line.strip().split("  ")[0] for line in block.splitlines()]
    assert len(examples) == 9
    for example in examples:
        fault_from_json(example)
