"""``trio-listenkey exchange``, as a program of another language meets it: its output, and HTTP."""

from __future__ import annotations

import json
import os
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner
from command_driver import Running, run, running, running_process

from trio_listenkey._cli import commands
from trio_listenkey.testing import Dialect, Exchange

PATH = "/fapi/v1/listenKey"


class Served:
    """An exchange that runs, and what it said."""

    def __init__(self, command: Running) -> None:
        self.command = command
        self.lines = command.out.decode().splitlines()

    @property
    def facts(self) -> dict[str, str]:
        return dict(line.split(maxsplit=1) for line in self.lines[:3])

    async def ends(self) -> tuple[int, str]:
        """Its status, and what it said on standard error; within seconds."""
        with trio.fail_after(5):
            return await self.command.ends(), self.command.err.decode()


@asynccontextmanager
async def exchange(*arguments: str, start: Callable[..., Any] = running) -> AsyncIterator[Served]:
    """It is ready; if it still runs at the end, it is ended."""
    async with start("exchange", *arguments, env={**os.environ, "PYTHONUNBUFFERED": ""}) as command:
        await command.until(lambda command: command.out.endswith((b"ready\n", b"}\n")))
        yield Served(command)


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


async def test_containers_can_be_let_in() -> None:
    """With a warning: there is nobody who is not let in then."""
    async with exchange("--host", "0.0.0.0") as served:
        assert served.facts["REST"].startswith("http://127.0.0.1:")
        assert (await ask(served.facts["REST"] + PATH, "POST"))[0] == 200
        served.command.signal(signal.SIGINT)
        status, told = await served.ends()
    assert (status, told) == (
        0,
        "Warning: anyone who can connect to 0.0.0.0 can use and control this exchange.\n",
    )


async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    """As clients in other containers call it: a client that calls it otherwise refuses it."""
    ca = str(tmp_path / "ca.pem")
    async with exchange("--tls", "--certificate-for", "localhost", "--ca-file", ca) as served:
        url = served.facts["REST"] + PATH
        assert (await ask(url.replace("127.0.0.1", "localhost"), "POST", ca_file=ca))[0] == 200
        with pytest.raises(urllib.error.URLError, match="certificate"):
            await ask(url, "POST", ca_file=ca)


async def test_what_it_prints_is_where_it_is() -> None:
    """Addresses one per line, then "ready"; a key can be had there, and SIGTERM ends it with status 0."""
    async with exchange(start=running_process) as served:
        assert [line.split()[0] for line in served.lines] == ["REST", "WebSocket", "control", "API", "ready"]
        assert served.lines[3] == "API key    test-api-key"
        facts = served.facts
        assert facts["WebSocket"] == facts["REST"].replace("http", "ws")
        status, answer = await ask(facts["REST"] + PATH, "POST")
        assert (status, len(answer["listenKey"])) == (200, 64)
        status, state = await ask(facts["control"] + "/state")
        assert state["accounts"][0]["keys"] == {"usdm": answer["listenKey"][:4] + "***"}
        served.command.signal(signal.SIGTERM)
        assert await served.ends() == (0, "")


@pytest.mark.parametrize(("dialects", "status"), [([], 410), (["spot-classic"], 200), (["spot-us"], 200)])
async def test_spot_has_no_listen_keys_unless_asked_for(dialects: list[str], status: int) -> None:
    """As binance.com has it today; Binance.US, on the same path, has them."""
    arguments = [word for dialect in dialects for word in ("--dialect", dialect)]
    async with exchange(*arguments) as served:
        where = served.facts["REST"]
        assert (await ask(f"{where}/api/v3/userDataStream", "POST"))[0] == status


async def test_for_programs_it_prints_json() -> None:
    """One line with everything; here with TLS, whose CA is in the file that it names, until the end."""
    async with exchange("--json", "--tls") as served:
        (line,) = served.lines
        facts = json.loads(line)
        assert facts.keys() == {"rest", "websocket", "control", "api_keys", "ca_file", "ready"}
        assert facts["websocket"].startswith("wss://127.0.0.1:")
        assert (await ask(facts["rest"] + PATH, "POST", ca_file=facts["ca_file"]))[0] == 200
        assert (await ask(facts["control"] + "/shutdown", "POST")) == (200, {})
        assert await served.ends() == (0, "")
        assert not await trio.Path(facts["ca_file"]).exists()


async def test_a_ca_file_of_ones_own_stays(tmp_path: Path) -> None:
    """Where it was asked for, and told in the text."""
    path = tmp_path / "ca.pem"
    async with exchange("--tls", "--ca-file", str(path)) as served:
        assert f"CA file    {path}" in served.lines
        served.command.signal(signal.SIGINT)
        assert await served.ends() == (0, "")
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
    ) as served:
        url = served.facts["REST"] + PATH
        assert (await ask(url, "POST"))[0] == 200
        assert [(await ask(url, method))[0] for method in ("PUT", "PUT", "DELETE")] == [503, 504, 400]
        await trio.sleep(0.25)
        assert (await ask(url, "PUT"))[1]["code"] == -1125
        assert (await ask(served.facts["REST"] + "/dapi/v1/listenKey", "POST"))[0] == 404
        _, state = await ask(served.facts["control"] + "/state")
        assert [each["account"] for each in state["accounts"]] == ["account-1", "account-2"]
        assert (state["validity"], state["requests"], state["now"] > 100) == (100, 6, True)
        await trio.sleep(0.2)
        served.command.signal(signal.SIGTERM)
        status, told = await served.ends()
    assert status == 0
    lines = [line.split()[1:4] for line in told.splitlines()]
    assert lines[:2] == [["200", "account-2", "create"], ["503", "account-2", "keepalive"]]
    assert len(lines) == 6
    assert "test-api-key" not in told


async def test_hanging_requests_do_not_delay_the_end() -> None:
    """With a request that is never answered, an open connection and half a command, it ends within a second or so."""
    async with exchange("--fault", "create=Hang", start=running_process) as served:
        ports = [int(served.facts[name].rpartition(":")[2]) for name in ("REST", "control")]
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for port in ports]
        await streams[0].send_all(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nX-MBX-APIKEY: test-api-key\r\n\r\n".encode())
        await streams[1].send_all(b"POST /faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        with trio.fail_after(5):
            while not (await ask(served.facts["control"] + "/state"))[1]["requests"]:
                await trio.sleep(0.05)
        began = trio.current_time()
        served.command.signal(signal.SIGTERM)
        assert await served.ends() == (0, "")
        assert trio.current_time() - began < 3
        for stream in streams:
            await stream.aclose()


async def test_a_ca_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It says which, in one line, and ends with status 1."""
    path = str(tmp_path / "nowhere" / "ca.pem")
    ended = await run("exchange", "--tls", "--ca-file", path)
    assert ended.code == 1
    assert ended.err.decode() == f"Error: [Errno 2] No such file or directory: '{path}'\n"


async def test_a_port_that_is_taken() -> None:
    """It says so in one line, and what to do about it, and ends with status 1."""
    async with exchange() as served:
        port = served.facts["REST"].rpartition(":")[2]
        for option in ("--port", "--control-port"):
            other = await run("exchange", option, port)
            assert other.code == 1
            assert other.err.startswith(b"Error: Address already in use, perhaps by another exchange. Pass other ports")
            assert other.err.count(b"\n") == 1


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
